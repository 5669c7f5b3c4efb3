"""The journeys: they go well on a server that keeps the rules, and fail on those that break one."""
