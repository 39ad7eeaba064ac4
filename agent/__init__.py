"""The on-site daemon: it decides, records and tells."""
