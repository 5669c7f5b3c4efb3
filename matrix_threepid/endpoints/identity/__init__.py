"""The endpoints of the identity API.

See https://spec.matrix.org/latest/identity-service-api/.
"""
