"""How a site's devices, areas and the gateway are; said when it is something else. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent.monitor.heard import Heard, parsed
from agent.monitor.said import Matter, Word
from agent.uplink.feed import AreaState, CommandAnswer, DeviceState, Health

MOST = 1000


class States:
    """One site's, from the retained messages; what they say besides is let pass."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def take(self, said: Heard, _now_s: float) -> Iterator[Word]:
        """Take a message about a device, an area, the gateway itself, or a command."""
        noun = said.topic.partition("/")[0]
        for name, how, facts in _READ[noun](said.payload):
            if self._last.get(name) != how and (name in self._last or len(self._last) < MOST):
                before = self._last.get(name)
                self._last[name] = how
                if how or before:
                    yield Matter.STATE, f"{name}: {how or 'well again'}", facts


def _device(payload: bytes) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    said = parsed(DeviceState, payload)
    state = said.state
    well = state.condition == "ready" or not state.reason
    how = state.condition if well else f"{state.condition} ({state.reason})"
    yield f"device {said.device}", how, {"device": said.device, "state": state.model_dump()}


def _area(payload: bytes) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    said = parsed(AreaState, payload)
    state = said.state
    words = [state.mode, state.part, "in alarm" if state.alarms else ""]
    facts = {"area": said.area, "state": state.model_dump()}
    yield f"area {said.area}", " ".join(filter(None, words)), facts


def _health(payload: bytes) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield what is not as it should be; what is well is said once it was not."""
    state = parsed(Health, payload).state
    parts = {name: getattr(state, name) for name in ("clock", "disk", "power", "record", "devices")}
    parts |= {f"path {path}": how for path, how in state.paths.items()}
    for name, part in parts.items():
        trouble = part.trouble if part is not None else None
        yield f"gateway, {name}", trouble or "", {"trouble": trouble}


def _answer(payload: bytes) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    said = parsed(CommandAnswer, payload)
    how = f"{said.state} ({said.reason})" if said.reason else str(said.state)
    yield f"command {said.command}", how, {"command": said.command, "state": str(said.state)}


_READ = {"device": _device, "area": _area, "health": _health, "answer": _answer}
