"""The account server of ``examples.homeserver``, mounted in the frameworks people have: one file for each."""
