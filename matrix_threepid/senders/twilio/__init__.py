"""SMS through Twilio: ``matrix_threepid.senders.TwilioSender`` and ``TwilioVerifySender``."""
