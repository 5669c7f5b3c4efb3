"""The test message behind ``send-test-mail`` and ``send-test-sms``."""
