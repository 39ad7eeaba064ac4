"""How a site's devices, areas and the gateway are; said when it is something else. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent.monitor.heard import Heard, parsed
from agent.monitor.said import Matter
from agent.monitor.witness import Word
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
                self._last[name] = how
                if how:
                    yield Matter.STATE, f"{name}: {how}", facts


def _device(payload: bytes) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    said = parsed(DeviceState, payload)
    condition, reason = said.state.get("condition", "?"), said.state.get("reason")
    how = f"{condition} ({reason})" if reason and condition != "ready" else str(condition)
    yield f"device {said.device}", how, {"device": said.device, "state": said.state}


def _area(payload: bytes) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    said = parsed(AreaState, payload)
    words = [str(said.state.get("mode", "?")), str(said.state.get("part") or "")]
    words.append("in alarm" if said.state.get("alarm") else "")
    yield (
        f"area {said.area}",
        " ".join(filter(None, words)),
        {"area": said.area, "state": said.state},
    )


def _health(payload: bytes) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield what is not as it should be; what is well is said once it was not."""
    said = parsed(Health, payload)
    for name, state in said.state.items():
        trouble = state.get("trouble") if isinstance(state, dict) else None
        if isinstance(trouble, str):
            yield f"gateway {name}", trouble, {name: state}


def _answer(payload: bytes) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    said = parsed(CommandAnswer, payload)
    how = f"{said.state} ({said.reason})" if said.reason else str(said.state)
    yield f"command {said.command}", how, {"command": said.command, "state": str(said.state)}


_READ = {"device": _device, "area": _area, "health": _health, "answer": _answer}
