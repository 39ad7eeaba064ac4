"""The GPIO driver: contacts become points, outputs are switched, pulses end by themselves.

A change is reported in the thread that brings it, whatever else is going on. Everything else is
done by one loop in the main thread. It sleeps until the daemon asks for something, or until
something is due: an input to be read again, a pulse to be ended, the board to prove itself.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from typing import TypeAlias

from drivers.contract import (
    Action,
    DeviceConfused,
    DeviceError,
    Link,
    Outcome,
    PointReading,
    Stopped,
    now_us,
)
from drivers.gpio.board import Board, open_board
from drivers.gpio.contact import Contact
from drivers.gpio.options import Options as GpioOptions
from drivers.gpio.switch import ActionRefused, Switch

PROOF_US = 1_000_000  # how often the board has to prove that it is there
LAST_WRITES_S = 0.8  # for all outputs together; the host leaves one second


# What the daemon asks, why the loop must end, or that something is due earlier than it was.
Happening: TypeAlias = "Action | DeviceError | Stopped | None"


class GpioDriver:
    """One board (see `drivers.contract.Driver`)."""

    Options = GpioOptions

    def __init__(self, _device: str, options: GpioOptions) -> None:
        self._options = options

    def run(self, link: Link) -> None:
        """Serve the board until told to stop."""
        board = open_board(self._options)
        watch = Watch(self._options, board, link)
        try:
            watch.start()
            while True:
                watch.next()
        finally:
            watch.end()


class Watch:
    """One run: the board, the daemon's end, and what is known of every pin."""

    def __init__(self, options: GpioOptions, board: Board, link: Link) -> None:
        self._options = options
        self._board = board
        self._link = link
        self._happenings: queue.SimpleQueue[Happening] = queue.SimpleQueue()
        self._contacts = {
            point.pin: Contact(name, point.pin, point.normal_level)
            for name, point in options.inputs.items()
        }
        self._reading = threading.Lock()  # held while contacts change and their readings leave
        self._switches = {
            name: Switch(name, output, on=output.fail_state == "on")
            for name, output in options.outputs.items()
        }
        self._proof_us = 0

    def start(self) -> None:
        """Set up every pin, outputs first, and report the present state."""
        for switch in self._switches.values():
            self._board.add_output(switch.output.pin, switch.level)
        for point in self._options.inputs.values():
            self._board.add_input(point.pin, point.pull)
        with self._reading:
            self._board.watch(self._changed, lost=self._happenings.put)
            self._link.ready({"revision": self._board.revision})
            for contact in self._contacts.values():
                self._report(contact.first(self._board.read(contact.pin), now_us()))
        self._prove()
        threading.Thread(target=self._listen, name="actions", daemon=True).start()

    def next(self) -> None:
        """Wait for what happens next, or is due next; deal with it."""
        wait_s = (min(self._dues()) - now_us()) / 1e6
        with contextlib.suppress(queue.Empty):
            match self._happenings.get(timeout=max(0.0, wait_s)):
                case Action() as action:
                    self._act(action)
                case Exception() as end:
                    raise end
        self._do_what_is_due()

    def end(self) -> None:
        """Put every output into its fail state, as far as the board can be reached."""
        for switch in self._switches.values():
            within_s = LAST_WRITES_S / len(self._switches)
            with contextlib.suppress(DeviceError):  # its loss is being reported already
                self._board.write(switch.output.pin, switch.fail_level, within_s)
        while not self._happenings.empty():
            match self._happenings.get():
                case Action() as action:
                    self._link.answer(action, Outcome.REFUSED, "the driver ended before its turn")

    def _changed(self, pin: int, level: bool, at_us: int) -> None:
        """Take a change from the board's thread."""
        with self._reading:
            reported = self._report(self._contacts[pin].changed(level, at_us))
        if reported:
            self._happenings.put(None)

    def _listen(self) -> None:
        """Bring the daemon's actions to the loop."""
        try:
            while True:
                action = self._link.next_action(timeout_s=60.0)
                if action:
                    self._happenings.put(action)
        except Stopped as stopped:
            self._happenings.put(stopped)

    def _dues(self) -> Iterator[int]:
        yield self._proof_us
        for contact in self._contacts.values():
            if contact.due_us is not None:
                yield contact.due_us
        for switch in self._switches.values():
            if switch.due_us is not None:
                yield switch.due_us

    def _do_what_is_due(self) -> None:
        now = now_us()
        for switch in self._switches.values():  # bolts before everything
            if switch.due_us is not None and switch.due_us <= now:
                switch.ended()
                self._write(switch)
        for contact in self._contacts.values():
            if contact.due_us is not None and contact.due_us <= now:
                self._settle(contact)
        if self._proof_us <= now:
            self._prove()

    def _settle(self, contact: Contact) -> None:
        level = self._board.read(contact.pin)
        with self._reading:
            self._report(contact.settled(level, now_us()))
        if contact.missed:
            raise DeviceConfused(
                f"{self._board.where} did not tell that pin {contact.pin} ({contact.name}) "
                "changed; it is started again"
            )

    def _prove(self) -> None:
        levels = self._board.prove()
        self._link.alive()
        with self._reading:
            for contact in self._contacts.values():
                contact.supervised(levels[contact.pin], now_us())
        for switch in self._switches.values():
            if levels[switch.output.pin] != switch.level:
                raise DeviceConfused(
                    f"{self._board.where}: pin {switch.output.pin} ({switch.name}) is not as it "
                    "was switched; look for a short circuit and for other programs that use it"
                )
        self._proof_us = now_us() + PROOF_US

    def _act(self, action: Action) -> None:
        try:
            switch = self._asked_of(action)
        except ActionRefused as refused:
            self._link.answer(action, Outcome.REFUSED, str(refused))
            return
        try:
            self._write(switch)
        except DeviceError as error:
            self._link.answer(action, Outcome.UNKNOWN, str(error))
            raise
        self._link.answer(action, Outcome.DONE)

    def _asked_of(self, action: Action) -> Switch:
        switch = self._switches.get(action.target)
        if switch is None:
            raise ActionRefused(f"there is no output {action.target}")
        switch.asked(action, now_us())
        return switch

    def _write(self, switch: Switch) -> None:
        self._board.write(switch.output.pin, switch.level)

    def _report(self, reading: PointReading | None) -> bool:
        if reading is None:
            return False
        self._link.report(reading)
        return True
