"""The endpoints of the identity service API."""
