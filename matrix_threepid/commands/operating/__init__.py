"""Behind ``explain`` and what else operators do by hand: the roles of a host with their stores and the audit."""
