"""The three roles a server can have, with the ports each needs: homeserver, identity server, delegate (decision 1)."""
