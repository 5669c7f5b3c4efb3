"""Reports of providers about messages: how each provider proves itself, and how its reports become events."""
