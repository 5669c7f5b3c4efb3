"""``python -m tests.bench http``: servers side by side over HTTP, with real mail, TLS and databases."""
