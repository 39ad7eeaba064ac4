"""ZFM-20 and R30x fingerprint modules on a serial port."""
