"""What somebody can do who has a copy of a host's database, and none of its peppers: nothing (SEC-20)."""
