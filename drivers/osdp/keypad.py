"""A PIN as it is typed: digits, `#` ends it, `*` begins anew. Pure."""

from __future__ import annotations

from dataclasses import dataclass

# OSDP's keys (IEC 60839-11-5, osdp_KEYPAD): digits in ASCII, # as return, * as delete.
ENTER, CLEAR = 0x0D, 0x7F
DIGITS = range(0x30, 0x3A)
LONGEST = 12  # no PIN is longer; what is longer is nobody's


@dataclass(frozen=True, slots=True)
class Pin:
    """What was typed; `digits` is None when it was too long to be anybody's."""

    digits: str | None
    at_us: int


class Keypad:
    """What was typed so far; forgotten when nobody goes on with it.

    Args:
        patience_us: how long a key is waited for.
    """

    def __init__(self, patience_us: int) -> None:
        self._patience_us = patience_us
        self._digits = ""
        self._last_us = 0
        self._gap = False  # among what is being typed

    def interrupt(self) -> None:
        """Take note that keys may have been lost: what is being typed now is nobody's PIN.

        A PIN that is begun after that is one, though its first key may be what was lost.
        """
        self._gap = self._digits != ""

    def press(self, keys: bytes, now_us: int) -> list[Pin]:
        """Take in keys that were pressed; return the PINs that they end."""
        if now_us - self._last_us > self._patience_us:
            self._begin_anew()
        self._last_us = now_us
        ended = []
        for key in keys:
            if key in DIGITS:
                self._digits = (self._digits + chr(key))[: LONGEST + 1]
            elif key == ENTER:
                typed, told = self._digits, bool(self._digits) and not self._gap
                self._begin_anew()
                if told:
                    ended.append(Pin(typed if len(typed) <= LONGEST else None, now_us))
            elif key == CLEAR:
                self._begin_anew()
        return ended

    def _begin_anew(self) -> None:
        self._digits, self._gap = "", False
