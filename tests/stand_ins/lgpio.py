"""Stands where a gateway has lgpio, which is installed on a Raspberry Pi only.

`check` looks whether it is there, and loads nothing; whoever loads it learns that it is not.
"""

raise ModuleNotFoundError("No module named 'lgpio'", name="lgpio")
