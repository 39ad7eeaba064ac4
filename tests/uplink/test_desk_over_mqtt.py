"""Commands through a real broker, given by a client that shares no code with the agent."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import queue
import secrets
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.enums import CallbackAPIVersion

from agent.journal.note import Signer
from agent.site.inputs import Commanded, Condition
from agent.site.moment import Moment
from agent.site.step import Answer, Severity
from agent.uplink import ears as ears_module
from agent.uplink.desk import TOLD_S, Desk
from agent.uplink.operators import OperatorOptions
from tests.broker import Broker, Subscriber
from tests.uplink.rig import (
    SITE,
    Rig,
    Tally,
    heard,
    keeps_to_the_contract,
    on_a_loop,
    path_to,
    until,
)

FEED = f"armoury/v1/{SITE}/#"
ASK_AGAIN_S = 2.0
SEED = b"a" * 32
ANA = OperatorOptions(id="ana", key=str(Signer("ana", SEED).verifier), rights=("*",))


def clock() -> Moment:
    """Return the gateway's clocks."""
    mono_us = time.monotonic_ns() // 1000
    return Moment(time.time_ns() // 1000, mono_us, "boot", trusted=True)


class DeskRig(Rig):
    """A rig whose site does everything that it is asked, as long as it `obeys`."""

    obeys = True

    async def __aenter__(self) -> DeskRig:
        self.commanded: list[Commanded] = []
        self.refused: list[str] = []
        loop = asyncio.get_running_loop()
        self.desk = Desk(SITE, [ANA], clock, lambda: 0, self.obey, loop)
        self.desk._judge._began_us -= 60_000_000
        self.desk._judge._started_us -= 60_000_000
        await super().__aenter__()
        return self

    def obey(self, what: Commanded) -> None:
        if what.refusal:
            self.refused.append(what.refusal)
            return
        self.commanded.append(what)
        if not self.obeys:
            return
        answer = Answer(what.command, accepted=True, data={"outcome": "done"})
        assert self.desk is not None
        self._loop.call_soon(self.desk.answered, answer)


@contextlib.contextmanager
def operator(port: int) -> Iterator[tuple[mqtt.Client, queue.SimpleQueue[dict[str, Any]]]]:
    """Be a plain MQTT client that hears the answers."""
    answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.on_message = lambda _client, _data, message: answers.put(json.loads(message.payload))
    client.connect("127.0.0.1", port)
    client.subscribe(f"armoury/v1/{SITE}/answer/#", qos=1)
    client.loop_start()
    yield client, answers
    client.disconnect()
    client.loop_stop()


def asked(action: str, **params: Any) -> bytes:
    """Sign a command as the manual says."""
    now_us = time.time_ns() // 1000
    said = {
        "action": action,
        "expires": now_us + 30_000_000,
        "id": secrets.token_hex(4),
        "issued": now_us,
        "nonce": secrets.token_hex(16),
        "params": params,
        "site": SITE,
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    signature = Ed25519PrivateKey.from_private_bytes(SEED).sign(
        f"armoury/v1/command\n{text}\n".encode()
    )
    word = {"operator": "ana", "signature": base64.b64encode(signature).decode()}
    return json.dumps({"command": said, "signatures": [word]}).encode()


async def next_state(answers: queue.SimpleQueue[dict[str, Any]]) -> str:
    await until(lambda: not answers.empty(), 30, "an answer")
    return str(answers.get()["state"])


@on_a_loop
async def test_a_command_is_obeyed_once_and_answered(tmp_path: Path) -> None:
    topic = f"armoury/v1/{SITE}/command"
    with Broker(tmp_path / "b") as broker, Subscriber(broker, FEED) as monitor:
        async with DeskRig(tmp_path / "j", path_to(broker)) as rig:
            rig.uplink.start()
            await rig.condition(Condition.READY)
            with operator(broker.port) as (client, answers):
                await until(lambda: "answer/#" in broker.log, 30, "a subscription")
                payload = asked("alarm.acknowledge", alarm="7")
                client.publish(topic, payload, qos=1)
                assert await next_state(answers) == "accepted"
                assert await next_state(answers) == "done"
                client.publish(topic, payload, qos=1)
                assert await next_state(answers) == "refused"
            assert [what.name for what in rig.commanded] == ["alarm.acknowledge"]
            assert rig.refused == ["replayed"]
            keeps_to_the_contract(monitor)


@on_a_loop
async def test_commands_are_heard_again_after_a_flood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears_module, "DEAF_S", 1.1)
    topic = f"armoury/v1/{SITE}/command"
    with Broker(tmp_path / "b") as broker:
        async with DeskRig(tmp_path / "j", path_to(broker)) as rig:
            rig.uplink.start()
            await rig.condition(Condition.READY)
            with operator(broker.port) as (client, answers):
                sent = [client.publish(topic, b"{}", qos=1) for _ in range(2000)]
                await until(lambda: "UNSUBSCRIBE" in broker.log, 30, "the end of the flood")
                await asyncio.to_thread(sent[-1].wait_for_publish, 60)
                await until(lambda: broker.log.count(f"{topic} (QoS 1)") > 1, 30, "a subscription")
                asked_s = 0.0

                def answered() -> bool:
                    """Ask again now and then: the end of the flood may make it deaf once more."""
                    nonlocal asked_s
                    if time.monotonic() - asked_s > ASK_AGAIN_S:
                        asked_s = time.monotonic()
                        client.publish(topic, asked("site.lock_down"), qos=1)
                    return not answers.empty()

                await until(answered, 30, "an answer")
                assert await next_state(answers) == "accepted"


async def alarm_s(rig: Rig, tally: Tally) -> float:
    """Return how long an alarm takes from before its commit to the monitor."""
    began_s = time.monotonic()
    rig.record(1, Severity.ALARM)
    await until(lambda: len(tally.read()) == rig.submitted, 30, "the alarm")
    return time.monotonic() - began_s


async def bombard(folder: Path, count: int) -> tuple[float, float]:
    """Have somebody publish hostile messages to the command topic, and raise alarms meanwhile.

    Returns an alarm's median time before and in the flood, in seconds.
    """
    hostile = [b"{}", b"[" * 2000, b"\xff" * 500, asked("alarm.acknowledge")[:-9] + b'x"}]}']
    said = folder / "hostile"
    said.write_bytes(b"".join(hostile[number % len(hostile)] + b"\n" for number in range(count)))
    quiet = ("log_type error", "log_type subscribe")
    events = f"armoury/v1/{SITE}/event/#"
    with Broker(folder / "b", extra=quiet) as broker, Subscriber(broker, events) as monitor:
        async with DeskRig(folder / "j", path_to(broker)) as rig:
            rig.uplink.start()
            await rig.condition(Condition.READY)
            tally, flooded = Tally(monitor), list[float]()
            began_s = time.monotonic()
            before = [await alarm_s(rig, tally) for _ in range(11)]
            with flood(broker.port, said) as flooding:
                while flooding.poll() is None or len(flooded) < 3:
                    flooded.append(await alarm_s(rig, tally))
            ignored = lambda: rig.uplink.status()["fibre"]["ignored"]  # noqa: E731
            await until(ignored, 30, "the broker is told to stop")
            assert flooding.returncode == 0
            assert alarms(monitor) == tally.numbers, "none of them was late"
            assert not rig.commanded
            minutes = 1 + (time.monotonic() - began_s) // TOLD_S
            assert 21 <= len(rig.refused) <= 21 * minutes, "twenty, and that there were too many"
            assert len(rig.news) == 1, "the line stood"
    return statistics.median(before), statistics.median(flooded)


@contextlib.contextmanager
def flood(port: int, messages: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Publish each line of a file to the command topic, as fast as the broker takes them."""
    command = ["mosquitto_pub", "-V", "5", "-h", "127.0.0.1", "-p", str(port), "-l"]
    command += ["-t", f"armoury/v1/{SITE}/command"]
    with messages.open("rb") as lines, subprocess.Popen(command, stdin=lines) as process:
        yield process
        process.wait(120)


def alarms(monitor: Subscriber) -> list[int]:
    return [one.seq for one in heard(monitor) if one.topic.endswith("event/alarm")]


@on_a_loop
async def test_hostile_messages_change_nothing_and_an_alarm_passes(tmp_path: Path) -> None:
    await bombard(tmp_path, 5_000)


@pytest.mark.soak
@on_a_loop
async def test_a_hundred_thousand_hostile_messages(tmp_path: Path) -> None:
    before_s, flooded_s = await bombard(tmp_path, 100_000)
    assert flooded_s <= max(4 * before_s, 0.5)  # quiet: 6 ms both; others may load the machine
