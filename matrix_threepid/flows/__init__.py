"""What the library does, one story a module: pure functions over a role and its ports."""
