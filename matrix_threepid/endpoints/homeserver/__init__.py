"""The endpoints of the client-server API."""
