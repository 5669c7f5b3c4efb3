"""HTTP to other servers under one deadline: to hosts that users name, and to hosts that operators choose."""
