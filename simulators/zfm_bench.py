"""What a person or a scenario can do to a simulated ZFM module: the control channel's verbs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from simulators.control import Json, SimulatorError, Verb
from simulators.zfm_codes import Code
from simulators.zfm_finger import TEMPLATE_BYTES, Finger
from simulators.zfm_line import FAULTS, STEP_BAUD, Fault, Line
from simulators.zfm_memory import Memory
from simulators.zfm_module import Module

HOLD_MS = 800
FLAWS = {"messy": Code.MESSY, "few": Code.FEW_POINTS, "failed": Code.NO_IMAGE_TAKEN}
FAULT_HELP = {
    "silence": "Answer nothing:",
    "half": "Break off in the middle of a frame:",
    "badsum": "Send wrong checksums:",
    "stray": "Send a stray byte before a frame:",
    "longlength": "Send a frame's length as 32767:",
}


class Bench:
    """The module, its line and whoever lays a finger on it: the verbs of the control channel.

    Args:
        line: with the module that is plugged in.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._first = line.module

    def verbs(self) -> dict[str, Verb]:
        """Return everything that can be asked, by name."""
        own: list[Verb] = [
            self.finger, self.messy, self.lift, self.state, self.garbage, self.slow,
            self.vanish, self.replug, self.swap, self.recover,
        ]  # fmt: skip
        return {verb.__name__: verb for verb in own} | {name: self._spoil(name) for name in FAULTS}

    def finger(self, asked: dict[str, Any]) -> Json:
        """Lay a finger: `template` (position), `id` or `unknown`; `hold_ms` (800; null: on)."""
        finger = self._which(asked)
        self._line.module.window.lay(finger, asked.get("hold_ms", HOLD_MS))
        return finger.name

    def messy(self, asked: dict[str, Any]) -> Json:
        """Lay a finger that cannot be read, `as` "messy", "few" or "failed"; also `hold_ms`."""
        flaw = FLAWS[asked.get("as", "messy")]
        finger = replace(Finger.named("messy"), flaw=flaw)
        self._line.module.window.lay(finger, asked.get("hold_ms", HOLD_MS))
        return finger.name

    def lift(self, _asked: dict[str, Any]) -> Json:
        """Take the finger away."""
        self._line.module.window.lift()
        return None

    def state(self, _asked: dict[str, Any]) -> Json:
        """Say what is plugged in, what lies on the window and what misbehaves."""
        line, module = self._line, self._line.module
        finger, memory = module.window.finger, module.memory
        return {
            "finger": finger.name if finger else None,
            "images": module.images,
            "templates": list[Json](sorted(memory.templates)),
            "capacity": memory.capacity,
            "system_id": memory.system_id,
            "security": memory.security,
            "address": memory.address,
            "baud": memory.baud * STEP_BAUD,
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

    def swap(self, asked: dict[str, Any]) -> Json:
        """Plug in another module (`system_id` ...) or the `original`; `live`: the port stays."""
        module = self._first if asked.get("original") else self._other(asked)
        if not asked.get("live"):
            self._line.unplug()
        self._line.module = module
        module.power_up()
        self._line.plug()
        return None

    def recover(self, _asked: dict[str, Any]) -> Json:
        """Behave again."""
        self._line.recover()
        return None

    def _other(self, asked: dict[str, Any]) -> Module:
        """Return a module fresh from the shop: `system_id`, `capacity`, `templates` (a list)."""
        memory = Memory(asked.get("system_id", 0x00A5), asked.get("capacity", 1000))
        memory.enrol(asked.get("templates", []))
        return Module(memory, self._line.module.window)

    def _which(self, asked: dict[str, Any]) -> Finger:
        if asked.get("unknown"):
            return Finger("unknown", os.urandom(TEMPLATE_BYTES))
        if "id" in asked:
            return Finger.named(str(asked["id"]))
        if "template" not in asked:
            raise SimulatorError("say which: template=1, id='anna' or unknown=true")
        templates = self._line.module.memory.templates
        position = int(asked["template"])
        if position not in templates:
            raise SimulatorError(f"no template at {position}; there are: {sorted(templates)}")
        return Finger(f"of template {position}", templates[position])

    def _in_a_while(self, asked: dict[str, Any], do: Callable[[], None]) -> None:
        if "for_s" in asked:
            self._line.after(float(asked["for_s"]), do)

    def _spoil(self, name: str) -> Verb:
        def spoil(asked: dict[str, Any]) -> Json:
            times = asked.get("times")
            self._line.fault = Fault(name, None if times is None else int(times))
            return None

        spoil.__doc__ = f"{FAULT_HELP[name]} `times` replies, or until `recover`."
        return spoil
