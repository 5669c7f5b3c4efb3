"""The stores of sessions and limits in Valkey or Redis: one server, or a cluster of them.

``open_valkey`` in ``url.py`` alone can be imported without the extra ``valkey``.
"""
