"""Texts for people: sentences in several languages, layouts of mails, and pages."""
