"""The endpoints of the client-server API.

See https://spec.matrix.org/latest/client-server-api/.
"""
