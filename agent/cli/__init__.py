"""The armoury command: one file per group of commands."""
