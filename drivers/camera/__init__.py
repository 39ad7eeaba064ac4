"""Surveillance cameras: connected, lost, what they see and what keeps them from it."""
