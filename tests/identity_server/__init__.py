"""The identity-server and delegate roles, through their services."""
