"""The panel's end of one OSDP reader, by libosdp: nothing is taken without the secure channel.

libosdp polls, sets the channel up and drops what has no right MAC. It is refreshed on the
driver's own thread, for its helper thread would swallow what goes wrong.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from osdp import (
    Command,
    CompletionStatus,
    ControlPanel,
    Event,
    LibFlag,
    LogLevel,
    PDInfo,
    StatusReportType,
)

from drivers.contract import DeviceSilent, Json
from drivers.osdp.port import Port

REFRESH_S = 0.02  # libosdp wants it at least every 50 ms
# After one bad frame libosdp leaves a reader alone for minutes. So it is begun anew, again and
# again, for as long as a reader may be away before it is off line (OSDP: 8 s).
ATTEMPT_S = 2.0
ONLINE_S = 6.0
# A reader is asked for its lid and supply so often, by which it is known to be there.
ASK_S = 1.0
ANSWER_S = 2.5


class Panel:
    """One reader on a port.

    Args:
        port: open.
        address: the reader's.
        key: of its secure channel.
        install: whether a reader that has the default key is given this one.
    """

    def __init__(self, port: Port, address: int, key: bytes, *, install: bool) -> None:
        self._port = port
        self._events: deque[Mapping[str, Any]] = deque()
        # To give a new reader its key, libosdp talks to it by the default one, and never else.
        flag = LibFlag.InstallMode if install else LibFlag.EnforceSecure
        self._info = PDInfo(address, port, scbk=key, flags=[flag])
        self._begin()

    def _begin(self) -> None:
        self._asked_s = self._answered_s = time.monotonic()
        self._library = ControlPanel(
            [self._info],
            LogLevel.Alert,
            event_handler=self._take,
            command_completion_handler=self._answered,
        )

    def _take(self, _reader: int, event: Mapping[str, Any]) -> int:
        self._events.append(event)
        return 0

    def _answered(self, _address: int, _command: Mapping[str, Any], status: int) -> None:
        if status == CompletionStatus.Ok:
            self._answered_s = time.monotonic()

    @property
    def online(self) -> bool:
        """Whether there is a secure channel to the reader."""
        return bool(self._library.ctx.status() and self._library.ctx.sc_status())

    @property
    def seen_s(self) -> float:
        """When the reader last answered, monotonic."""
        return self._answered_s

    @property
    def silent(self) -> bool:
        """Whether the reader does not answer any more, whatever comes over the line."""
        return not self.online or time.monotonic() - self._answered_s > ANSWER_S

    def refresh(self) -> list[Mapping[str, Any]]:
        """Poll; return what happened at the reader.

        Raises:
            DeviceSilent: the port went away.
        """
        if time.monotonic() - self._asked_s >= ASK_S:
            self._ask_status()
        self._library.ctx.refresh()
        self._port.check()
        events = list(self._events)
        self._events.clear()
        return events

    def wait_online(self) -> None:
        """Wait for the reader, from the beginning if it was there before.

        Raises:
            DeviceSilent: it does not answer, or has another key.
        """
        heard, end_s = self._port.heard, time.monotonic() + ONLINE_S
        while self.silent:
            if time.monotonic() > end_s:
                raise self._silent(answers=self._port.heard > heard)
            self._begin()
            self._attempt(min(time.monotonic() + ATTEMPT_S, end_s))

    def _attempt(self, until_s: float) -> None:
        while not self.online and time.monotonic() < until_s:
            time.sleep(REFRESH_S)
            self._library.ctx.refresh()
            self._port.check()

    def _silent(self, *, answers: bool) -> DeviceSilent:
        if answers:
            why = (
                "it answers, and sets up no secure channel: is this its key, and is its line good?"
            )
        else:
            why = "nothing came; check its power, its cable, its baud rate and its address"
        return DeviceSilent(f"{self._port.name}: the reader cannot be reached ({why})")

    def first_events(self) -> list[Mapping[str, Any]]:
        """Ask for lid and supply; return what happened until the answer was there.

        Raises:
            DeviceSilent: it did not come.
        """
        self._ask_status()
        events: list[Mapping[str, Any]] = []
        while not any(map(is_status, events)):
            if self.silent:
                raise self._silent(answers=True)
            time.sleep(REFRESH_S)
            events += self.refresh()
        return events

    def _ask_status(self) -> None:
        self._asked_s = time.monotonic()
        asked = {"command": Command.Status, "type": StatusReportType.Local, "report": b""}
        self._library.ctx.submit_command(0, asked)

    def identity(self) -> dict[str, Json]:
        """Return what the reader says of itself."""
        said = self._library.ctx.get_pd_id(0)
        names = ("vendor_code", "model", "version", "serial_number", "firmware_version")
        return {name: int(said[name]) for name in names}


def is_status(event: Mapping[str, Any]) -> bool:
    """Return whether an event tells of lid and supply."""
    return (event["event"], event.get("type")) == (Event.Status, StatusReportType.Local)
