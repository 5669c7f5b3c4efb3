"""The frameworks people have: the account server of ``examples.homeserver`` in each, and skeletons with own accounts.

``…_app`` mounts that server. ``…_accounts`` is one file to copy, with accounts of its own and nothing of that server.
"""
