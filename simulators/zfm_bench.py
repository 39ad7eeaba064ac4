"""What a person or a scenario can do to a simulated ZFM module: the control channel's verbs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from simulators.control import Json, SimulatorError, Verb
from simulators.line_bench import LineBench
from simulators.serial_line import Line
from simulators.zfm_codes import Code
from simulators.zfm_finger import TEMPLATE_BYTES, Finger
from simulators.zfm_memory import Memory
from simulators.zfm_module import Module

HOLD_MS = 800
FLAWS = {"messy": Code.MESSY, "few": Code.FEW_POINTS, "failed": Code.NO_IMAGE_TAKEN}
FAULTS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "stray": ("Send a stray byte before a frame:", lambda reply: b"\xef" + reply),
    "longlength": (
        "Send a frame's length as 32767:",
        lambda reply: reply[:7] + b"\x7f\xff" + reply[9:],
    ),
}


class Bench(LineBench):
    """The module, its line and whoever lays a finger on it: the verbs of the control channel.

    Args:
        line: of the module.
        module: what is plugged in.
    """

    def __init__(self, line: Line, module: Module) -> None:
        super().__init__(line, FAULTS)
        self._first = self._module = module

    def verbs(self) -> dict[str, Verb]:
        """Return everything that can be asked, by name."""
        own: list[Verb] = [self.finger, self.messy, self.lift, self.state, self.swap]
        return {verb.__name__: verb for verb in own} | super().verbs()

    def finger(self, asked: dict[str, Any]) -> Json:
        """Lay a finger: `template` (position), `id` or `unknown`; `hold_ms` (800; null: on)."""
        finger = self._which(asked)
        self._module.window.lay(finger, asked.get("hold_ms", HOLD_MS))
        return finger.name

    def messy(self, asked: dict[str, Any]) -> Json:
        """Lay a finger that cannot be read, `as` "messy", "few" or "failed"; also `hold_ms`."""
        flaw = FLAWS[asked.get("as", "messy")]
        finger = replace(Finger.named("messy"), flaw=flaw)
        self._module.window.lay(finger, asked.get("hold_ms", HOLD_MS))
        return finger.name

    def lift(self, _asked: dict[str, Any]) -> Json:
        """Take the finger away."""
        self._module.window.lift()
        return None

    def state(self, _asked: dict[str, Any]) -> Json:
        """Say what is plugged in, what lies on the window and what misbehaves."""
        module = self._module
        finger, memory = module.window.finger, module.memory
        return {
            "finger": finger.name if finger else None,
            "clear_ms": module.window.clear_ms,
            "images": module.images,
            "templates": list[Json](sorted(memory.templates)),
            "capacity": memory.capacity,
            "system_id": memory.system_id,
            "security": memory.security,
            "address": memory.address,
            "baud": module.baud,
        } | self.misbehaviour()

    def swap(self, asked: dict[str, Any]) -> Json:
        """Plug in another module (`system_id` ...) or the `original`; `live`: the port stays."""
        module = self._first if asked.get("original") else self._other(asked)
        if not asked.get("live"):
            self._line.unplug()
        self._line.module = self._module = module
        module.power_up()
        self._line.plug()
        return None

    def _other(self, asked: dict[str, Any]) -> Module:
        """Return a module fresh from the shop: `system_id`, `capacity`, `templates` (a list)."""
        memory = Memory(asked.get("system_id", 0x00A5), asked.get("capacity", 1000))
        memory.enrol(asked.get("templates", []))
        return Module(memory, self._module.window)

    def _which(self, asked: dict[str, Any]) -> Finger:
        if asked.get("unknown"):
            return Finger("unknown", os.urandom(TEMPLATE_BYTES))
        if "id" in asked:
            return Finger.named(str(asked["id"]))
        if "template" not in asked:
            raise SimulatorError("say which: template=1, id='anna' or unknown=true")
        templates = self._module.memory.templates
        position = int(asked["template"])
        if position not in templates:
            raise SimulatorError(f"no template at {position}; there are: {sorted(templates)}")
        return Finger(f"of template {position}", templates[position])
