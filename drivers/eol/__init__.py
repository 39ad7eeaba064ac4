"""Detectors on loops with end-of-line resistors, measured by a converter on the SPI bus."""
