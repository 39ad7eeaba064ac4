"""The loop that joins drivers, site, journal and uplink."""
