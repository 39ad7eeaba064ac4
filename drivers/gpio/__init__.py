"""Contacts, buttons, strikes and sirens on GPIO pins."""
