"""What a person or a scenario can do to any simulated serial line: verbs of the control channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulators.control import Json, Verb
from simulators.serial_line import FAULTS, Fault, Line

FAULT_HELP = {
    "silence": "Answer nothing:",
    "half": "Break off in the middle of a frame:",
    "badsum": "Send wrong checksums:",
}


class LineBench:
    """A serial line, and all that can go wrong on it.

    Args:
        line: with what is plugged in.
        faults: what its replies can suffer besides, by the verb, with the verb's help.
    """

    def __init__(
        self,
        line: Line,
        faults: Mapping[str, tuple[str, Callable[[bytes], bytes]]] | None = None,
    ) -> None:
        self._line = line
        common = {name: (FAULT_HELP[name], FAULTS[name]) for name in FAULTS}
        self._faults = {**common, **(faults or {})}

    def verbs(self) -> dict[str, Verb]:
        """Return everything that can be asked, by name."""
        own: list[Verb] = [self.garbage, self.slow, self.vanish, self.replug, self.recover]
        return {verb.__name__: verb for verb in own} | {
            name: self._spoil(name) for name in self._faults
        }

    def misbehaviour(self) -> dict[str, Json]:
        """Say whether it is plugged in, and what misbehaves."""
        line = self._line
        return {
            "plugged": line.plugged,
            "fault": line.fault.name if line.fault else None,
            "babbling": line.babbling,
            "slow_ms": line.slow_ms,
        }

    def garbage(self, asked: dict[str, Any]) -> Json:
        """Babble random bytes and answer nothing; `for_s`, or until `recover`."""
        self._line.recover()
        self._line.babbling = True
        self._line.babble()
        self._in_a_while(asked, self._line.recover)
        return None

    def slow(self, asked: dict[str, Any]) -> Json:
        """Answer `ms` late."""
        self._line.slow_ms = int(asked["ms"])
        return None

    def vanish(self, asked: dict[str, Any]) -> Json:
        """Be unplugged; `for_s`, or until `recover` or `replug`."""
        self._line.unplug()
        self._in_a_while(asked, self._line.recover)
        return None

    def replug(self, _asked: dict[str, Any]) -> Json:
        """Be unplugged and plugged in again: another port, under the same link."""
        self._line.unplug()
        self._line.plug()
        return None

    def recover(self, _asked: dict[str, Any]) -> Json:
        """Behave again."""
        self._line.recover()
        return None

    def _in_a_while(self, asked: dict[str, Any], do: Callable[[], None]) -> None:
        if "for_s" in asked:
            self._line.after(float(asked["for_s"]), do)

    def _spoil(self, name: str) -> Verb:
        what, spoiled = self._faults[name]

        def spoil(asked: dict[str, Any]) -> Json:
            times = asked.get("times")
            self._line.fault = Fault(name, spoiled, None if times is None else int(times))
            return None

        spoil.__doc__ = f"{what} `times` replies, or until `recover`."
        return spoil
