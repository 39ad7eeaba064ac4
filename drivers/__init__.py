"""Drivers: one folder per kind of hardware, each run in a process of its own."""
