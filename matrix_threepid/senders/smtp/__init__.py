"""Mails through a mail server: ``matrix_threepid.senders.SmtpSender``."""
