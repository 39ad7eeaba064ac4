"""What a person or a scenario can do to a simulated OSDP reader: the control channel's verbs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulators.control import Json, Verb
from simulators.line_bench import LineBench
from simulators.osdp_reader import Reader
from simulators.osdp_secure import DEFAULT_KEY
from simulators.serial_line import Line

FAULTS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "stray": ("Send stray bytes before a frame:", lambda reply: b"\xff\x00" + reply),
    "longlength": (
        "Send a frame's length as 1400:",
        lambda reply: reply[:2] + b"\x78\x05" + reply[4:],
    ),
}


class Bench(LineBench):
    """The reader, its line and whoever stands before it.

    Args:
        line: of the reader.
        reader: what is plugged in.
    """

    def __init__(self, line: Line, reader: Reader) -> None:
        super().__init__(line, FAULTS)
        self._first = self._reader = reader

    def verbs(self) -> dict[str, Verb]:
        """Return everything that can be asked, by name."""
        own: list[Verb] = [self.keys, self.card, self.lid, self.supply, self.state, self.swap]
        return {verb.__name__: verb for verb in own} | super().verbs()

    def keys(self, asked: dict[str, Any]) -> Json:
        """Press `keys`: digits, `#` to end a PIN, `*` to begin anew; `apart`: one a poll."""
        keys = str(asked["keys"])
        if not keys or set(keys) - set("0123456789#*"):
            raise ValueError("keys are digits, # and *")
        for some in keys if asked.get("apart") else [keys]:
            self._reader.press(some)
        return None

    def card(self, asked: dict[str, Any]) -> Json:
        """Show the card `number` (hexadecimal digits) of so many `bits` (26)."""
        bits, number = int(asked.get("bits", 26)), int(str(asked["number"]), 16)
        if number >= 1 << bits:
            raise ValueError(f"a card of {bits} bits has no such number")
        size = -(-bits // 8)
        self._reader.show((number << size * 8 - bits).to_bytes(size, "big"), bits)
        return None

    def lid(self, asked: dict[str, Any]) -> Json:
        """Open the reader's lid (`open`: true or false)."""
        self._reader.tamper = bool(asked["open"])
        self._reader.report_status()
        return None

    def supply(self, asked: dict[str, Any]) -> Json:
        """Have its supply fail (`fails`: true or false)."""
        self._reader.power = bool(asked["fails"])
        self._reader.report_status()
        return None

    def swap(self, asked: dict[str, Any]) -> Json:
        """Plug in another reader: `serial`, `key` (it has ours), `live` (the port stays)."""
        key = self._first.key if asked.get("key") else DEFAULT_KEY
        other = Reader(self._first.address, self._first.baud, key, serial=asked.get("serial", 1))
        if not asked.get("live"):
            self._line.unplug()
        self._line.module = self._reader = other
        self._line.plug()
        return None

    def state(self, _asked: dict[str, Any]) -> Json:
        """Say what is plugged in, how it is, and what misbehaves."""
        reader = self._reader
        return {
            "serial": reader.serial,
            "secure": reader.secure,
            "default_key": reader.key == DEFAULT_KEY,
            "lid": reader.tamper,
            "waiting": len(reader.waiting),
            "polls": reader.polls,
        } | self.misbehaviour()
