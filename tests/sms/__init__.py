"""Text messages: what they say, how they go out, and how many."""
