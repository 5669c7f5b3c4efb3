"""The topics of the choices, as the docs have them."""

SERVER, CLIENTS, MESSAGES = "The server", "What clients may do", "Messages"
CODES, BINDINGS, LIMITS_AND_TIMES = "Links and codes", "Identity servers", "Limits and times"
