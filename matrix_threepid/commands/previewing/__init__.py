"""Behind ``preview``: sample messages and pages, and the files made of them."""
