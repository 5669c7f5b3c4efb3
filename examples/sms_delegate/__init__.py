"""SMS for Synapse: a delegate of its own, beside it. ``python -m examples.sms_delegate --help``."""
