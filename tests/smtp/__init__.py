"""Mail servers on loopback, and what the tests send to them."""
