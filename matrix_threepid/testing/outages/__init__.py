"""Outages of single parts and of pairs, for a minute of virtual time under steady load; and what must hold in them."""
