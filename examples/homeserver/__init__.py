"""A small but complete account server on ``matrix_threepid``: accounts, devices, passwords, interactive authentication.

Everything about third-party identifiers comes from the library; what is here is what a host brings.
"""
