"""Examples: complete hosts to read, run and copy from."""
