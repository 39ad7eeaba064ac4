"""Commands of the monitor, end to end: a plain MQTT client, the real daemon, its record."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.broker import Subscriber
from tests.system.conftest import DEMO, without_camera
from tests.system.house import House
from tests.system.operator import Desk, Operator, asked, envelope
from tests.waiting import wait_until

SECOND_US = 1_000_000
GUARD_PANIC = 27  # the button's pin on the demo's board
UNMOVED = ("areas", "doors", "zones", "people", "lockdown", "sounders", "racks", "devices", "paths")

ANA, BEN = Operator("ana", "*"), Operator("ben", "alarm.*", "door.assist")
EVE = Operator("eve", "*")


@contextlib.contextmanager
def commanded(folder: Path) -> Iterator[House]:
    """Return the demo's armoury with three operators, an officer known, its clock set."""
    text = without_camera(DEMO.read_text()).replace(
        "people = 1\n", 'people = 1\nremote_open = "assist"\n', 1
    )
    site = folder / "given.toml"
    key = folder / "carl.key"
    carl = armoury("operator", "keygen", "carl", "--key", str(key), "--right", "*").stdout
    site.write_text(text + ANA.table() + BEN.table() + carl)
    with House(folder / "house", site) as made:
        made.synchronised = folder / "synchronised"
        made.synchronised.touch()
        made.start()
        made.enrol()
        made.wait_until_not_young()
        yield made


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Return an armoury for every test after which nobody is kept from entering."""
    with commanded(tmp_path_factory.mktemp("commands")) as made:
        yield made


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[House]:
    """Return an armoury for one test: the alarms that it leaves open keep others out."""
    with commanded(tmp_path) as made:
        yield made


def armoury(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command `armoury`, as somebody at the monitor does."""
    return subprocess.run(
        [sys.executable, "-m", "agent.cli.main", *words],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def desk(house: House) -> Iterator[Desk]:
    with Desk(house.broker.port, "demo") as made:
        yield made


@pytest.fixture
def lone_desk(alone: House) -> Iterator[Desk]:
    with Desk(alone.broker.port, "demo") as made:
        yield made


def heard(house: House, kind: str) -> list[dict[str, Any]]:
    """Return the events of a kind in order, as the monitor has them, hidden ones too."""
    return [e for _, e in sorted(house.monitor.events().items()) if e["kind"] == kind]


def press(house: House) -> None:
    """Press the panic button and let go, once the record has it."""
    after = house.head()
    house.tell("board", "set", pin=GUARD_PANIC, level=1)
    wait_until(lambda: any(e["kind"].startswith("panic.") for e in house.events(after)), 10, "it")
    house.tell("board", "set", pin=GUARD_PANIC, level=0)
    house.wait_for(after=after, kind="point.normal")


def test_a_panic_is_acknowledged_and_repeated_no_more(house: House, desk: Desk) -> None:
    after = house.head()
    house.armoury("simulate", "press", "guard-room")
    raised = house.wait_for(after=after, kind="alarm.raised")
    answers = desk.ask("alarm.acknowledge", BEN, alarm=raised["object"])
    assert answers == [("accepted", ""), ("done", "")]
    acknowledged = house.wait_for(after=after, kind="alarm.acknowledged")
    assert acknowledged["data"]["by"] == "ben"
    assert acknowledged["data"]["origin"] == "monitor"
    house.wait_for(after=after, kind="command.done")
    assert not house.ask("status")["view"]["panics"][0]["raised"], "nothing is repeated"
    house.armoury("simulate", "release", "guard-room")


def test_nobody_checks_an_alarm_from_afar(house: House, desk: Desk) -> None:
    after = house.head()
    house.armoury("simulate", "press", "guard-room")
    raised = house.wait_for(after=after, kind="alarm.raised")
    desk.ask("alarm.acknowledge", BEN, alarm=raised["object"])
    house.armoury("simulate", "release", "guard-room")
    house.wait_for(after=after, kind="point.normal")
    for operators in ((BEN,), (ANA, BEN)):
        answers = desk.ask("alarm.check", *operators, alarm=raised["object"])
        assert answers[-1] == ("refused", "not-on-site")
    assert house.wait_for(after=after, kind="command.refused")["data"]["reason"] == "not-on-site"


def come_to_the_door(house: House) -> None:
    """Let the officer be identified at the door, and the door be locked again."""
    after = house.head()
    house.tell("store-reader", "finger", template=1)
    house.wait_for(after=after, kind="access.granted")
    house.wait_for(after=after, kind="door.relocked")


def test_two_operators_open_for_somebody_who_is_there(house: House, desk: Desk) -> None:
    assert desk.ask("door.assist", ANA, door="store")[-1] == ("refused", "second-operator-needed")
    assert desk.ask("door.assist", ANA, BEN, door="store")[-1] == ("refused", "not-on-site")
    come_to_the_door(house)
    after, moved = house.head(), len(house.strike_history())
    assert desk.ask("door.assist", ANA, BEN, door="store") == [("accepted", ""), ("done", "")]
    granted = house.wait_for(after=after, kind="access.granted")
    assert granted["data"]["operators"] == ["ana", "ben"]
    assert granted["data"]["persons"] == ["p-1"]
    house.wait_for(after=after, kind="door.relocked")
    assert len(house.strike_history()) == moved + 2, "free once, and locked again"
    done = house.wait_for(after=after, kind="command.done")
    assert (done["data"]["by"], done["data"]["second"]) == ("ana", "ben")


def test_what_comes_twice_before_its_end_ends_once_and_as_it_does(house: House, desk: Desk) -> None:
    """Over two brokers every command comes twice."""
    come_to_the_door(house)
    after = house.head()
    board = next(d for d in house.ask("status")["devices"] if d["id"] == "board")["pid"]
    given = envelope(asked("demo", "door.assist", {"door": "store"}), ANA, BEN)
    os.kill(board, signal.SIGSTOP)
    try:
        desk.send(given)
        desk.send(given)
        assert house.wait_for(after=after, kind="command.refused")["data"]["reason"] == "replayed"
    finally:
        os.kill(board, signal.SIGCONT)
    answers = [desk.answer() for _ in range(3)]
    assert answers == [("accepted", ""), ("done", ""), ("refused", "replayed")]
    house.wait_for(after=after, kind="door.relocked")


def test_the_end_is_unknown_when_the_host_dies_over_it(alone: House, lone_desk: Desk) -> None:
    come_to_the_door(alone)
    after = alone.head()
    board = next(d for d in alone.ask("status")["devices"] if d["id"] == "board")["pid"]
    os.kill(board, signal.SIGSTOP)
    lone_desk.send(envelope(asked("demo", "door.assist", {"door": "store"}), ANA, BEN))
    assert lone_desk.answer() == ("accepted", "")
    alone.wait_for(after=after, kind="command.accepted")
    os.kill(board, signal.SIGKILL)
    state, reason = lone_desk.answer()
    assert state == "unknown"
    assert "board" in reason
    assert alone.wait_for(after=after, kind="command.unknown")["data"]["name"] == "door.assist"
    alone.wait_for(20, after=after, kind="device.restored", object="board")


def test_a_duress_is_acknowledged_and_nothing_shows_on_site(alone: House, lone_desk: Desk) -> None:
    shown = [e["kind"] for e in alone.events(0)]
    credentials = [{"kind": "finger", "reference": "store-reader:3", "duress": True}]
    credentials.append({"kind": "finger", "reference": "store-reader:2"})
    params = {"person": "p-2", "roles": ["officer"], "credentials": credentials}
    alone.ask("command", name="person.enrol", params=params)
    alone.tell("store-reader", "finger", template=3)
    raised = lambda: [e["object"] for e in heard(alone, "alarm.raised")][-1:]  # noqa: E731
    wait_until(lambda: raised() == ["d1"], 10, "a hidden alarm")
    head = alone.head()
    assert lone_desk.ask("alarm.acknowledge", BEN, alarm="d1")[-1] == ("done", "")
    late = asked("demo", "alarm.acknowledge", {"alarm": "d1"}, expires=1)
    lone_desk.send(envelope(late, BEN))
    assert lone_desk.answer() == ("refused", "expired")
    refused = lambda: [e["data"]["reason"] for e in heard(alone, "command.refused")]  # noqa: E731
    wait_until(lambda: refused()[-1:] == ["expired"], 10, "the refusal at the monitor")
    taken = lambda: [e["object"] for e in heard(alone, "alarm.acknowledged")]  # noqa: E731
    wait_until(lambda: taken()[-1:] == ["d1"], 10, "the acknowledgement at the monitor")
    told = [e["kind"] for e in alone.events(0)][len(shown) :]
    assert not [k for k in told if k.startswith(("duress", "alarm", "command.refused"))]
    assert not [e for e in alone.events(head) if e["kind"].startswith(("alarm", "command"))]


def test_each_refusal_is_an_event_and_changes_nothing(house: House, desk: Desk) -> None:
    now_us = time.time_ns() // 1000

    def given(*operators: Operator, action: str = "site.lock_down", **changed: Any) -> bytes:
        return envelope(asked("demo", action, {}, **changed), *operators)

    replay = envelope(asked("demo", "panic.test", {"panic": "guard-room"}), ANA)
    desk.send(replay)
    assert [desk.answer()[0] for _ in range(2)] == ["accepted", "done"]
    forged = given(EVE).replace(b'"eve"', b'"ana"')
    cases = {
        "wrong-site": given(ANA, site="lima-01"),
        "not-yet-valid": given(ANA, issued=now_us + 60 * SECOND_US),
        "expired": given(ANA, expires=now_us - 1),
        "lives-too-long": given(ANA, expires=now_us + 400 * SECOND_US),
        "issued-before-start": given(ANA, issued=now_us - 200 * SECOND_US),
        "unknown-signer": given(EVE),
        "bad-signature": forged,
        "replayed": replay,
        "missing-right": given(BEN),
        # the site's own
        "bad-params": envelope(asked("demo", "area.arm", {"area": 5}), ANA),
        "not-from-here": envelope(asked("demo", "area.disarm", {"area": "store"}), ANA),
        "unknown-command": given(ANA, action="door.open"),
    }
    before = house.ask("status")["view"]
    for reason, payload in cases.items():
        after = house.head()
        desk.send(payload)
        answers = [desk.answer()]
        while answers[-1][0] == "accepted":
            answers.append(desk.answer())
        assert answers[-1] == ("refused", reason)
        event = house.wait_for(after=after, kind="command.refused")
        assert event["data"]["reason"] == reason
        assert event["data"]["origin"] == "monitor"
    after = house.head()
    desk.send(b"open sesame")
    assert house.wait_for(after=after, kind="command.refused")["data"]["reason"] == "malformed"
    assert house.ask("status")["view"] == before
    press(house)  # the test of the button is used up


def test_the_reference_client_gives_a_command_and_says_what_became_of_it(house: House) -> None:
    key = next(house.folder.parent.glob("carl.key"))
    send = ("operator", "send", "--broker", f"127.0.0.1:{house.broker.port}")
    sign = ("operator", "sign", "--site", "demo", "--key", str(key))
    done = armoury(*send, given=armoury(*sign, "panic.test", "panic=guard-room").stdout)
    assert (done.returncode, done.stdout) == (0, "accepted\ndone\n")
    refused = armoury(*send, given=armoury(*sign, "door.assist", "door=store").stdout)
    assert refused.returncode == 1
    said = "refused second-operator-needed: from afar this takes the signatures of two operators"
    assert refused.stdout == f"accepted\n{said}\n"
    unknown = armoury(*send, "--json", given=armoury(*sign, "area.arm", "area=x").stdout)
    answers = [json.loads(line) for line in unknown.stdout.splitlines()]
    assert [answer["state"] for answer in answers] == ["accepted", "refused"]
    assert answers[-1]["reason"] == "unknown-area"
    press(house)  # the test of the button is used up


def test_without_a_clock_no_time_can_be_judged(house: House, desk: Desk) -> None:
    assert house.synchronised is not None
    house.synchronised.unlink()
    wait_until(lambda: not house.ask("status")["daemon"]["clock_trusted"], 15, "no trust")
    assert desk.ask("site.lock_down", ANA) == [("refused", "clock-untrusted")]
    house.synchronised.touch()
    wait_until(lambda: house.ask("status")["daemon"]["clock_trusted"], 15, "trust")


def heard_s(house: House, alarms: Subscriber) -> float:
    """Press the panic button; return how long it is until the monitor has it, and let go."""
    before, after = len(alarms.received()), house.head()
    began_s = time.monotonic()
    house.tell("board", "set", pin=GUARD_PANIC, level=1)
    wait_until(lambda: len(alarms.received()) > before, 10, "the monitor hears of it")
    took_s = time.monotonic() - began_s
    house.tell("board", "set", pin=GUARD_PANIC, level=0)
    house.wait_for(after=after, kind="point.normal")
    return took_s


def bombard(house: House, desk: Desk, count: int) -> None:
    """Publish hostile messages while the panic button is pressed; nothing else may come of it."""
    for _ in range(2):  # a test of the button may take the first one; the area is in alarm then
        press(house)
    forged = envelope(asked("demo", "site.lock_down", {}), EVE).replace(b'"eve"', b'"ana"')
    hostile = (b"", b"{}", b"[" * 2000, b"\xff" * 500, b"x" * 20_000, forged)
    view, after = house.ask("status")["view"], house.head()
    done = threading.Event()

    def flood() -> None:
        for number in range(count):
            desk.send(hostile[number % len(hostile)], qos=0)
        desk.send(b"the last one")  # which waits until the broker has had them all
        done.set()

    loaded_s = []
    with Subscriber(house.broker, "armoury/v1/demo/event/alarm") as alarms:
        quiet_s = [heard_s(house, alarms) for _ in range(10)]
        thread = threading.Thread(target=flood)
        thread.start()
        while not done.is_set():
            loaded_s.append(heard_s(house, alarms))
        thread.join()
    happened = {(e["kind"], e["data"].get("reason")) for e in house.events(after)}
    refused = {reason for kind, reason in happened if kind == "command.refused"}
    assert refused <= {"malformed", "bad-signature", "expired", "too-many"}
    told = {e["data"]["reason"] for e in house.events(0) if e["kind"] == "command.refused"}
    assert told & {"malformed", "too-many"}, "what they were is told, if not of these once more"
    others = {kind for kind, _ in happened} - {"command.refused", "panic.repeated", "point.normal"}
    assert not others - {"point.changed", "panic.raised", "alarm.raised"}
    now = house.ask("status")["view"]
    assert {key: now[key] for key in UNMOVED} == {key: view[key] for key in UNMOVED}
    for name, took in (("quiet", quiet_s), (f"{count} hostile", loaded_s)):
        median_ms, most_ms = statistics.median(took) * 1000, max(took) * 1000
        sys.stdout.write(f"{name}: {len(took)} presses, {median_ms:.1f} / {most_ms:.1f} ms\n")


def test_hostile_messages_change_nothing_and_a_panic_passes(alone: House, lone_desk: Desk) -> None:
    bombard(alone, lone_desk, 5_000)
    alone.assert_monitor_has_the_record()


@pytest.mark.soak
def test_a_hundred_thousand_hostile_messages(alone: House, lone_desk: Desk) -> None:
    bombard(alone, lone_desk, 100_000)
    alone.assert_monitor_has_the_record()


def test_the_monitor_has_all_of_it(house: House) -> None:
    house.assert_monitor_has_the_record()
