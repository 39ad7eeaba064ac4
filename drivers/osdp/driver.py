"""The driver of OSDP v2 readers: a card is shown, a PIN typed, a lid opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from osdp import Event

from drivers.contract import (
    CredentialReading,
    DeviceConfused,
    DeviceRefused,
    Json,
    Link,
    Outcome,
    PointReading,
    PointState,
    now_us,
)
from drivers.osdp.keypad import Keypad
from drivers.osdp.options import Options as OsdpOptions
from drivers.osdp.panel import REFRESH_S, Panel, is_status
from drivers.osdp.port import Port

KEY_BYTES = 16
OK = PointState.NORMAL
POINTS = ("tamper", "supply")  # as osdp_LSTATR has them


class OsdpDriver:
    """One reader on an RS-485 bus of its own."""

    Options = OsdpOptions

    def __init__(self, device: str, options: OsdpOptions) -> None:
        self._options = options
        self._keypad = Keypad(options.pin_s * 1_000_000)
        self._identity: dict[str, Json] = {}
        self._told: dict[str, PointState] = {}

    def run(self, link: Link) -> None:
        options = self._options
        with Port(options.port, options.baud) as port:
            panel = Panel(port, options.address, key(options.key_file), install=options.install)
            panel.wait_online()
            events = panel.first_events()
            self._identity = panel.identity()
            link.ready(self._identity)
            for event in events:
                self._report(link, event)
            self._watch(link, port, panel)

    def _watch(self, link: Link, port: Port, panel: Panel) -> None:
        seen_s = 0.0
        while True:
            if action := link.next_action(REFRESH_S):
                link.answer(action, Outcome.REFUSED, "an OSDP reader is asked for nothing")
            for event in panel.refresh():
                self._report(link, event)
            if panel.silent:
                self._renew(port, panel)
            if panel.seen_s > seen_s:
                seen_s = panel.seen_s
                link.alive()

    def _renew(self, port: Port, panel: Panel) -> None:
        """Set the channel up again after a bad frame; another reader is not taken for this one."""
        panel.wait_online()
        self._keypad.interrupt()
        if (now := panel.identity()) != self._identity:
            raise DeviceConfused(
                f"{port.name}: the reader is not what it was (serial number "
                f"{self._identity['serial_number']} is {now['serial_number']}); "
                "see whether somebody changed it"
            )

    def _report(self, link: Link, event: Mapping[str, Any]) -> None:
        reads, at_us = self._options.reads, now_us()
        match event["event"]:
            case Event.CardRead if "card" in reads:
                link.report(CredentialReading("card", card(event), at_us))
            case Event.KeyPress if "pin" in reads:
                for pin in self._keypad.press(event["data"], at_us):
                    link.report(CredentialReading("pin", pin.digits, pin.at_us))
            case _ if is_status(event):
                for point, is_bad in zip(POINTS, event["report"], strict=False):
                    self._report_point(link, point, PointState.ALARM if is_bad else OK, at_us)

    def _report_point(self, link: Link, point: str, state: PointState, at_us: int) -> None:
        """Report a change; the reader is asked again and again."""
        if self._told.get(point) is not state:
            self._told[point] = state
            link.report(PointReading(point, state, at_us))


def card(event: Mapping[str, Any]) -> str:
    """Return a card's bits as a number, and how many they are: "26-2C6F0B4"."""
    bits, data = event["length"], event["data"]
    number = int.from_bytes(data, "big") >> max(0, len(data) * 8 - bits)
    return f"{bits}-{number:X}"


def key(file: str) -> bytes:
    """Read a base key.

    Raises:
        DeviceRefused: there is none.
    """
    wanted = "it holds the reader's key alone, 32 hexadecimal digits, readable by our user"
    try:
        found = bytes.fromhex(Path(file).read_text().strip())
    except (OSError, ValueError) as error:
        raise DeviceRefused(f"key_file {file} cannot be read; {wanted}") from error
    if len(found) != KEY_BYTES:
        raise DeviceRefused(f"key_file {file} is no key; {wanted}")
    return found
