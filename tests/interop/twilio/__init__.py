"""Twilio's published OpenAPI, served by Prism: whether what the sender asks is what Twilio's description allows."""
