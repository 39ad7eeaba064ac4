"""A daemon that only answers: the real control server, with answers a test gives it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from agent.runtime.control import ControlServer, Refused

AT_US = 1_795_500_000_123_456

EVENTS: list[dict[str, Any]] = [
    {"seq": 7, "at": AT_US, "kind": "access.granted", "object": "store", "severity": "access",
     "trusted": True, "data": {"persons": ["p-1", "p-2"], "simulated": True}},
    {"seq": 8, "at": AT_US + 1_000_000, "kind": "duress.raised", "object": "store",
     "severity": "alarm", "trusted": True, "data": {"hidden": True}},
    {"seq": 9, "at": AT_US + 2_000_000, "kind": "panic.raised", "object": "guard-room",
     "severity": "alarm", "trusted": False, "data": {"cause": "two words", "silent": True}},
]  # fmt: skip


PEOPLE: list[dict[str, Any]] = [
    {"id": "p-1", "roles": ["officer", "guard"], "known_by": ["finger", "pin"],
     "valid_from_us": None, "valid_to_us": AT_US, "schedule": "office", "state": "known",
     "doors": ["store"]},
    {"id": "p-2", "roles": ["guard"], "known_by": [], "valid_from_us": None, "valid_to_us": None,
     "schedule": None, "state": "known", "doors": []},
    {"id": "p-3", "roles": ["guard"], "known_by": ["card"], "valid_from_us": None,
     "valid_to_us": None, "schedule": None, "state": "revoked", "doors": []},
]  # fmt: skip


def status() -> dict[str, Any]:
    """Return a site on which much is going on."""
    now_us = time.time_ns() // 1000
    return {
        "site": {"id": "quito-07", "name": "Armoury 7, Quito"},
        "daemon": {"version": "1", "pid": 1, "up_s": 11_532, "clock_trusted": False},
        "on_site": {"people": 2, "left_s": 95},
        "view": {
            "people": {"enrolled": 3, "officers": 1, "bootstrap": True},
            "alarms": [
                {"id": "12", "cause": "panic.raised", "object": "guard-room", "area": "guards",
                 "stage": "raised", "raised_utc_us": AT_US, "overdue": True}
            ],
            "areas": [
                {"id": "guards", "mode": "disarmed", "part": "", "alarm": False, "not_ready": {}},
                {"id": "store", "mode": "armed", "part": "night", "alarm": True, "not_ready": {}},
                {"id": "hall", "mode": "disarmed", "part": "", "alarm": False,
                 "not_ready": {"door hall": "open"}},
            ],
            "doors": [
                {"id": "store", "contact": "alarm", "strike": "unlocked", "held": True,
                 "area": "store",
                 "access": {"waiting": 1, "needed": 1, "locked_out": ["reader"]}},
                {"id": "hall", "area": "hall", "contact": "open", "strike": "unknown",
                 "held": False, "access": {"waiting": 0, "needed": 0}},
            ],
            "zones": [
                {"id": "pir", "area": "store", "kind": "instant", "point": "alarm",
                 "bypassed": False},
                {"id": "lobby", "area": "guards", "kind": "instant", "point": "alarm",
                 "bypassed": True},
                {"id": "lid", "area": "guards", "kind": "tamper", "point": "short",
                 "bypassed": False},
            ],
            "panics": [{"id": "guard-room", "point": "normal", "raised": True}],
            "cameras": [{"id": "hall", "motion": True, "conditions": ["covered"]}],
            "devices": [{"id": "reader", "condition": "substituted", "reason": ""}],
            "paths": [],
            "points": {},
            "lockdown": True,
            "sounders": [
                {"id": "siren", "sounds": True, "faulted": False},
                {"id": "buzzer", "sounds": False, "faulted": False},
            ],
            "racks": [
                {"id": "rifles", "slots": [
                    {"slot": "1", "normal": True, "overdue": False},
                    {"slot": "2", "normal": False, "overdue": True},
                ]}
            ],
            "power": {"mains": "alarm", "lost": True, "low": False, "pct": 80},
        },
        "devices": [
            {"id": "board", "driver": "gpio", "simulated": True, "condition": "ready",
             "reason": "", "since": now_us, "restarts": 0, "points": {}},
            {"id": "loops", "driver": "eol", "simulated": True, "condition": "ready",
             "reason": "", "since": now_us, "restarts": 0,
             "points": {"pir": "normal", "lid": "open"},
             "measured": {"pir_ohm": 4702, "lid_ohm": 999_999}},
            {"id": "reader", "driver": "zfm", "simulated": False, "condition": "ready",
             "reason": "", "since": now_us, "restarts": 0, "points": {}},
            {"id": "hall", "driver": "camera", "simulated": False, "condition": "lost",
             "reason": "no picture for 4 s", "since": now_us, "restarts": 9, "points": {}},
        ],
        "paths": [
            {"id": "fibre", "condition": "lost", "reason": "refused", "carries": False,
             "waiting": 3, "certificates": {"own": 1, "broker": 4_000_000_000_000_000}},
            {"id": "cellular", "condition": "ready", "reason": "", "carries": True,
             "waiting": 3},
        ],
        "journal": {"head": 1234, "trouble": "the disk is full"},
    }  # fmt: skip


class Daemon:
    """What it is asked stands in `asked`; `refusal` refuses the next commands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[dict[str, Any]] = []
        self.refusal = ""
        self.refusal_data: dict[str, Any] = {}
        self.weaker: list[str] = []
        self.status = status()
        self._loop = asyncio.new_event_loop()
        self._server = ControlServer(path, self)
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Daemon:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(60)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    async def _end(self) -> None:
        """End, but let in first who has just called: asyncio forgets him where a server closes."""
        for _ in range(5):
            await asyncio.sleep(0)
        await self._server.close()

    def answers(self) -> Mapping[str, Callable[[dict[str, Any], str], Awaitable[Any]]]:
        return {
            "status": self._status,
            "people": self._people,
            "events": self._events,
            "command": self._command,
            "reload": self._reload,
        }

    def streams(self) -> Mapping[str, Callable[[dict[str, Any]], AsyncIterator[Any]]]:
        return {"watch": self._watch, "events": self._follow}

    async def _status(self, asked: dict[str, Any], _by: str) -> Any:
        return self.status

    async def _people(self, asked: dict[str, Any], _by: str) -> Any:
        return PEOPLE

    async def _events(self, asked: dict[str, Any], _by: str) -> Any:
        self.asked.append(asked)
        return [one for one in EVENTS if asked.get("kind", one["kind"]) == one["kind"]]

    async def _command(self, asked: dict[str, Any], _by: str) -> Any:
        self.asked.append(asked)
        if self.refusal:
            raise Refused(self.refusal, self.refusal_data)
        return {"command": "1"}

    async def _reload(self, asked: dict[str, Any], _by: str) -> Any:
        if self.refusal:
            raise Refused(self.refusal, self.refusal_data)
        return {"command": "1", "weaker": self.weaker}

    async def _watch(self, asked: dict[str, Any]) -> AsyncIterator[Any]:
        while True:
            yield self.status
            await asyncio.sleep(0.02)

    async def _follow(self, asked: dict[str, Any]) -> AsyncIterator[Any]:
        self.asked.append(asked)
        for event in EVENTS:
            yield event
        await asyncio.sleep(3600)
