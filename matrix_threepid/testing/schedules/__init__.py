"""Calls that meet in any order, with faults, drawn from seeds; and what must hold throughout."""
