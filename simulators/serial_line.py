"""A module's serial line on a pseudo-terminal, and all that can go wrong on it.

The link is a name that stays, like one of /dev/serial/by-id: it always leads to the module's
present pseudo-terminal, and is gone while the module is unplugged. The far side must have
set the module's baud rate, or neither hears the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import termios
import tty
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

FRAME_GAP_S = 0.5  # after such a pause a module takes what comes for a new frame
BABBLE_BYTES = 58  # every 10 ms: as much as 57600 baud carry
BABBLE_S = 0.01
MOST_LEAVING = 1 << 17  # bytes that wait for a far side that does not read

# What any reply can suffer.
FAULTS: dict[str, Callable[[bytes], bytes]] = {
    "silence": lambda _reply: b"",
    "half": lambda reply: reply[: len(reply) // 2],
    "badsum": lambda reply: reply[:-1] + bytes([reply[-1] ^ 0xFF]),
}


class Frames(Protocol):
    """Finds frames in what arrives, however it is cut."""

    def feed(self, data: bytes) -> Iterable[Any]: ...

    def reset(self) -> None: ...


class Module(Protocol):
    """What is plugged in: it answers frames, and starts afresh with its power."""

    @property
    def baud(self) -> int: ...

    def answer(self, frame: Any, /) -> bytes: ...

    def power_up(self) -> None: ...


@dataclass(slots=True)
class Fault:
    """What spoils the next replies; `times` None: until told otherwise."""

    name: str
    spoiled: Callable[[bytes], bytes]
    times: int | None

    def spoil(self, reply: bytes) -> bytes:
        """Return what really leaves."""
        if self.times is not None:
            if self.times == 0:
                return reply
            self.times -= 1
        return self.spoiled(reply)


class Line:
    """The module's end of the wire. All of it runs on one event loop's thread.

    Args:
        link: the name of the port.
        module: what is plugged in.
        frames: how it finds frames in what it hears.
    """

    def __init__(self, link: Path, module: Module, frames: Frames) -> None:
        self.link = link
        self.module = module
        self.fault: Fault | None = None
        self.slow_ms = 0
        self.babbling = False
        self._frames = frames
        self._loop = asyncio.get_running_loop()
        self._heard_s = 0.0
        self._master = self._slave = -1
        self._leaving = b""
        self._timers: set[asyncio.TimerHandle] = set()

    @property
    def plugged(self) -> bool:
        """Whether there is a port at the link."""
        return self._master >= 0

    def plug(self) -> None:
        """Make a port, and lead the link to it."""
        if self.plugged:
            return
        self._master, self._slave = os.openpty()
        os.set_blocking(self._master, False)
        tty.setraw(self._slave)
        self._set_speed(self._slave)
        self._frames.reset()
        self.module.power_up()
        self._loop.add_reader(self._master, self._read)
        fresh = self.link.with_name(self.link.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.replace(self.link)

    def unplug(self) -> None:
        """Take the port away under whoever holds it."""
        if not self.plugged:
            return
        self.link.unlink(missing_ok=True)
        self._leaving = b""
        self._loop.remove_writer(self._master)
        self._loop.remove_reader(self._master)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1

    def after(self, delay_s: float, do: Callable[[], None]) -> None:
        """Do something later, unless `recover` or the end comes first."""

        def now() -> None:
            self._timers.discard(timer)
            do()

        timer = self._loop.call_later(delay_s, now)
        self._timers.add(timer)

    def babble(self) -> None:
        """Send random bytes for as long as `babbling` says so, whether they are read or not."""
        if self.babbling:
            if self.plugged:
                with contextlib.suppress(BlockingIOError):
                    os.write(self._master, random.randbytes(BABBLE_BYTES))
            self.after(BABBLE_S, self.babble)

    def recover(self) -> None:
        """End every misbehaviour; plug the module in where it is not."""
        self.fault = None
        self.slow_ms = 0
        self.babbling = False
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self.plug()

    def _set_speed(self, fd: int) -> None:
        attributes = termios.tcgetattr(fd)
        speed = getattr(termios, f"B{self.module.baud}", termios.B57600)
        attributes[4] = attributes[5] = speed
        termios.tcsetattr(fd, termios.TCSANOW, attributes)

    def _same_speed(self) -> bool:
        """Whether the far side's baud rate is the module's; true for a rate without a name."""
        own = getattr(termios, f"B{self.module.baud}", None)
        return own in (None, termios.tcgetattr(self._master)[5])

    def _read(self) -> None:
        try:
            received = os.read(self._master, 4096)
        except OSError:
            return  # nothing after all
        now_s = self._loop.time()
        if now_s - self._heard_s > FRAME_GAP_S:
            self._frames.reset()
        self._heard_s = now_s
        if not self._same_speed():
            return
        for frame in self._frames.feed(received):
            self._reply(self.module.answer(frame))

    def _reply(self, reply: bytes) -> None:
        if not reply or self.babbling:
            return
        if self.fault:
            reply = self.fault.spoil(reply)
        if self.slow_ms:
            self.after(self.slow_ms / 1000, lambda: self._send(reply))
        else:
            self._send(reply)

    def _send(self, data: bytes) -> None:
        if self.plugged and len(self._leaving) < MOST_LEAVING:
            self._leaving += data
            self._loop.add_writer(self._master, self._write)

    def _write(self) -> None:
        with contextlib.suppress(BlockingIOError):
            sent = os.write(self._master, self._leaving)
            self._leaving = self._leaving[sent:]
        if not self._leaving:
            self._loop.remove_writer(self._master)
