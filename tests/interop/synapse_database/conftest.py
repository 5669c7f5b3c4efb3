"""What is inside needs Synapse's interpreter; ``test_contracts.py`` starts it there."""

collect_ignore = ["inside"]
