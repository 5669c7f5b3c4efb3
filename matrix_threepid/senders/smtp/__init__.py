"""Mails through a mail server."""
