"""Messages to try a sender with."""
