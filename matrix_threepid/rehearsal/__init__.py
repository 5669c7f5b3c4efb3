"""Attacks on a configuration, rehearsed in virtual time: the library's own engine over stores in memory.

``rehearsal.report.rehearse`` runs the catalogue of ``rehearsal.attacks``; the command ``rehearse`` prints its table.
"""
