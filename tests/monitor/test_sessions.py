"""The desk's two sessions at a real broker: an alarm does not wait behind what is slow."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from agent.monitor.inbox import ALARMS, REST, Changed, Inbox
from agent.uplink.feed import ROOT
from tests.broker import Broker
from tests.monitor.gateway import SITE, Gateway
from tests.waiting import wait_until

EVENTS, BATCH = 40_000, 200


@given(st.lists(st.tuples(st.sampled_from([ALARMS, REST]), st.booleans()), max_size=50))
def test_what_is_taken_is_the_oldest_alarm_or_else_the_oldest(
    what: list[tuple[int, bool]],
) -> None:
    inbox, waiting = Inbox(), list[Changed]()
    for number, (session, takes) in enumerate(what):
        waiting.append(Changed(session, up=True, text=str(number)))
        inbox.put(waiting[-1])
        if takes:
            waiting.sort(key=lambda one: one.session)
            assert inbox.take(0) == waiting.pop(0)
    assert [inbox.take(0) for _ in waiting] == sorted(waiting, key=lambda one: one.session)
    assert inbox.take(0) is None


class Desk:
    """`armoury feed` at a broker; what it shows is a line of JSON each."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self._folder = folder
        self._broker = broker
        self._command = [sys.executable, "-m", "agent.cli.main", "feed", "--json", "--client"]
        self._command += ["desk", "--site", SITE, "--broker", f"127.0.0.1:{broker.port}"]
        self._process: subprocess.Popen[bytes] | None = None
        self._out = folder / "said"

    def start(self, state: str) -> None:
        words = ["--after", "0", "--state", str(self._folder / state)]
        self._out = self._folder / f"{state}.said"
        with self._out.open("wb") as out:
            self._process = subprocess.Popen(
                [*self._command, *words], stdout=out, stderr=subprocess.DEVNULL
            )

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)
            self._process = None

    def shown(self) -> list[int]:
        """Return the numbers of the events so far, in the order in which they were shown."""
        whole = self._out.read_bytes().rpartition(b"\n")[0]
        said: list[dict[str, Any]] = [json.loads(line) for line in whole.splitlines()]
        assert not [one for one in said if one["wrong"]]
        return [one["event"]["seq"] for one in said if one["is"] == "event"]

    def subscribe(self) -> None:
        """Have the broker keep both sessions."""
        self.start("first")
        wait_until(lambda: self._broker.log.count("SUBSCRIBE from") == 2, 60, "two sessions")
        self.stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as made:
        yield made


@pytest.fixture
def desk(tmp_path: Path, broker: Broker) -> Iterator[Desk]:
    made = Desk(tmp_path, broker)
    yield made
    made.stop()


def publish(broker: Broker, *messages: tuple[str, bytes]) -> None:
    """Publish below the site, in this order."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    sent = [client.publish(f"{ROOT}/{SITE}/{t}", body, qos=1) for t, body in messages]
    for one in sent:
        one.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


def test_an_alarm_is_shown_at_once_while_the_backlog_comes_in(broker: Broker, desk: Desk) -> None:
    desk.subscribe()
    gateway = Gateway()
    gateway.record(EVENTS)
    gateway.record(1, "panic.raised")
    batches = [
        ("event/backlog", gateway.batch(range(first, first + BATCH)))
        for first in range(1, EVENTS, BATCH)
    ]
    panic = gateway.head
    publish(broker, *batches, ("event/alarm", gateway.body(panic)))
    desk.start("second")
    wait_until(lambda: panic in desk.shown(), 120, "the alarm")
    wait_until(lambda: len(desk.shown()) == panic, 120, "all, and the alarm once")
    shown = desk.shown()
    assert shown.index(panic) < EVENTS // 2, "it was the last that was published"
    assert sorted(shown) == list(range(1, panic + 1))
    desk.stop()
    # What each session has heard, it has acknowledged: nothing of it comes a second time.
    gateway.record(1, "panic.raised")
    publish(broker, ("event/alarm", gateway.body(gateway.head)))
    desk.start("third")
    wait_until(desk.shown, 60, "the next alarm")
    assert desk.shown() == [gateway.head]
