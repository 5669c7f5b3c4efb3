"""What can be said of a host before it serves anybody."""
