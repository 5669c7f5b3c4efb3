"""What people read: sentences, mail layouts and pages."""
