"""OSDP v2 readers with a keypad, a card reader or both, on RS-485."""
