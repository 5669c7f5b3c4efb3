"""SMS through any gateway that takes an HTTP request: ``matrix_threepid.senders.HttpSender``."""
