"""What a server is: homeserver, identity server or delegate, with the ports each needs."""
