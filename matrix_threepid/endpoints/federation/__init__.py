"""The endpoints of a homeserver that identity servers and other homeservers call."""
