"""Surveillance cameras: connected, lost, frozen, motion."""
