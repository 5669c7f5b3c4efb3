"""What administrators can do by hand, on the command line and by a table of endpoints of its own."""
