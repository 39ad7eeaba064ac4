"""Drivers that do what a driver must not, run in real host processes by the tests."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from drivers.contract import (
    DeviceConfused,
    DeviceSilent,
    Link,
    Outcome,
    PointReading,
    PointState,
    Stopped,
    now_us,
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What an odd driver does, and where it leaves its marks."""

    mark: str = ""
    readings: int = 0


class Odd:
    """Comes up, reports one point, and answers every action with done."""

    Options = Options

    def __init__(self, device: str, options: Options) -> None:
        self.device = device
        self.options = options

    def run(self, link: Link) -> None:
        link.ready({"serial": "1"})
        link.report(PointReading("contact", PointState.NORMAL, now_us()))
        try:
            self.live(link)
        finally:
            if self.options.mark:
                with open(self.options.mark, "a") as mark:  # noqa: PTH123
                    mark.write("fail state\n")

    def live(self, link: Link) -> None:
        while True:
            action = link.next_action(0.2)
            link.alive()
            if action is not None:
                link.answer(action, Outcome.DONE)


class Hanging(Odd):
    """Says ready and then hangs, deaf to everything, in one uninterruptible call."""

    def live(self, link: Link) -> None:
        while True:
            try:
                time.sleep(3600)
            except Stopped:
                continue


class Alone(Odd):
    """Holds its port for itself, and takes a moment to let go of it."""

    def run(self, link: Link) -> None:
        with Path(self.options.mark).open("w") as port:
            try:
                fcntl.flock(port, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise DeviceSilent("another program holds this port") from error
            try:
                super().run(link)
            finally:
                time.sleep(0.8)


class Silent(Odd):
    """Finds no hardware."""

    def run(self, link: Link) -> None:
        raise DeviceSilent("/dev/nowhere: no such port; is it plugged in?")


class Late(Odd):
    """Finds its hardware at the third try."""

    def run(self, link: Link) -> None:
        with Path(self.options.mark).open("a+") as tries:
            tries.write("tried\n")
            tries.seek(0)
            found = len(tries.readlines()) >= 3
        if not found:
            raise DeviceSilent("not yet")
        super().run(link)


class Littering(Odd):
    """Finds no hardware, and leaves a thread behind."""

    def run(self, link: Link) -> None:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        raise DeviceSilent("no such port")


class Haunted(Odd):
    """Finds no hardware, and on a signal says that it has, when it is to wait."""

    def run(self, link: Link) -> None:
        def speak(_signal: int, _frame: object) -> None:
            os.write(int(sys.argv[1]), b'{"is":"ready","identity":{}}\n')

        signal.signal(signal.SIGUSR1, speak)
        raise DeviceSilent("no such port")


class Confused(Odd):
    """Hears nonsense from its hardware."""

    def live(self, link: Link) -> None:
        raise DeviceConfused("the module answers what no module answers")


class Buggy(Odd):
    """Has a bug."""

    def live(self, link: Link) -> None:
        raise ZeroDivisionError("division by zero:\n\x1b[2Jall is well\n")


class Aborting(Odd):
    """Is taken down by its library, as OpenCV does on some files."""

    def live(self, link: Link) -> None:
        os.write(sys.stderr.fileno(), b"\x1b[31mterminate called after throwing\x07\n")
        os.abort()


class Babbling(Odd):
    """Sends what is no message."""

    def live(self, link: Link) -> None:
        os.write(int(sys.argv[1]), b"\x00\xffnot json\n" * 3)
        super().live(link)


class Flooding(Odd):
    """Reports far faster than anybody can look, with one press in the middle."""

    def live(self, link: Link) -> None:
        for number in range(self.options.readings):
            state = PointState.ALARM if number % 2 else PointState.NORMAL
            link.report(PointReading("bouncing", state, now_us()))
            if number == self.options.readings // 2:
                link.report(PointReading("panic", PointState.ALARM, now_us()))
                link.report(PointReading("panic", PointState.NORMAL, now_us()))
        super().live(link)


class Deaf(Odd):
    """Takes actions and never answers them."""

    def live(self, link: Link) -> None:
        while True:
            link.next_action(0.2)
            link.alive()


class Inventing(Odd):
    """Reports a point that it does not offer."""

    def live(self, link: Link) -> None:
        link.report(PointReading("nowhere", PointState.ALARM, now_us()))
        super().live(link)


class Hasty(Odd):
    """Reports before it has seen its hardware."""

    def run(self, link: Link) -> None:
        link.report(PointReading("contact", PointState.NORMAL, now_us()))
        self.live(link)


class Unready(Odd):
    """Lives, and never gets anywhere."""

    def run(self, link: Link) -> None:
        self.live(link)


class Mumbling(Odd):
    """Found half a character on its wire and says so."""

    def run(self, link: Link) -> None:
        raise DeviceSilent("no such port \udcff")


class Parent(Odd):
    """Starts a program of its own, before it says that it is ready."""

    def run(self, link: Link) -> None:
        child = subprocess.Popen(["sleep", "60"])
        Path(self.options.mark).write_text(str(child.pid))
        super().run(link)


class Survived(Odd):
    """Is taken down, and somebody it has begotten still holds its wire."""

    def live(self, link: Link) -> None:
        child = os.fork()
        if not child:
            os.setsid()
            time.sleep(60)
            os._exit(0)
        Path(self.options.mark).write_text(str(child))
        os.abort()


class Possessed(Odd):
    """Comes to a library that keeps the interpreter to itself, when it is asked for something."""

    def live(self, link: Link) -> None:
        if link.next_action(60):
            re.match("(a+)+$", "a" * 60 + "b")  # takes some 10^9 years


class Shouting(Odd):
    """Says that it lives as fast as it can."""

    def live(self, link: Link) -> None:
        while True:
            link.alive()
