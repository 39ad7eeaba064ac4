"""What the armoury decides: pure rules, no I/O, time is an argument."""
