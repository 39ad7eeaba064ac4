"""The other end of each wire, as separate programs."""
