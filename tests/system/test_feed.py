"""`armoury feed` with only a broker: through kills and outages, and against somebody who lies."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.journal.canonical import encode
from agent.journal.note import Signer
from agent.uplink import heartbeat
from agent.uplink.feed import Heartbeat
from tests.broker import Broker
from tests.system.desk import Desk
from tests.system.house import House
from tests.system.man import Man
from tests.waiting import wait_until

FEED = "armoury/v1/demo"


@pytest.fixture
def house(make_house: Callable[[str], House], blind_text: str) -> House:
    """The demo's armoury, whose heart beats as fast as it may."""
    path = 'id = "loopback"\n'
    assert path in blind_text
    made = make_house(blind_text.replace(path, f"{path}heartbeat_s = 10\n"))
    made.start()
    return made


@pytest.fixture
def desk(house: House) -> Iterator[Desk]:
    made = Desk(house)
    yield made
    made.end()


def publish(house: House, topic: str, payload: bytes | str, *words: str) -> None:
    """Publish as somebody who has got at the broker."""
    house.has_strangers = True
    data = payload.encode() if isinstance(payload, str) else payload
    command = ["mosquitto_pub", "-V", "5", "-h", "127.0.0.1", "-p", str(house.broker.port)]
    command += ["-q", "1", "-t", f"{FEED}/{topic}", "-s", *words]
    subprocess.run(command, input=data, check=True, timeout=60)


def told(house: House, below: str) -> list[bytes]:
    return [one.payload for one in house.monitor.told() if one.topic == f"{FEED}/{below}"]


def checkpoints(house: House, most: int) -> list[bytes]:
    """Load the house until it has signed so many checkpoints; return them."""

    def found() -> list[bytes] | None:
        notes = list(dict.fromkeys(told(house, "checkpoint")))
        if len(notes) < most:
            house.bounce(hz=25, for_ms=1000)
        return notes if len(notes) >= most else None

    notes = wait_until(found, 60, f"{most} checkpoints")
    assert notes is not None
    return notes


def test_a_desk_with_only_a_broker_verifies_a_night(house: House, desk: Desk) -> None:
    desk.start("--after", "0")
    desk.wait_for("path-online")
    house.armoury("simulate", "press", "guard-room")
    house.bounce(hz=25, for_ms=2000)
    house.kill_daemon()
    desk.wait_for("path-offline")
    house.start_daemon()
    house.wait_for_devices()
    desk.stop(signal.SIGKILL)
    house.bounce(hz=25, for_ms=1000)
    house.broker.kill()
    house.bounce(hz=25, for_ms=1000)
    before = len(desk.said("path-online"))
    desk.start()
    house.broker.start()
    house.wait_for(40, kind="uplink.back")
    size = len(set(told(house, "checkpoint"))) + 2
    checkpoints(house, size)
    wait_until(lambda: len(desk.said("path-online")) > before, 60, "the desk is back")
    assert desk.stop() in (0, 1)  # what waits behind the broker's death may be missing just now
    assert desk.run("--once", "--within", "100") == 0, (desk.log(), desk.wrong())
    assert desk.wrong() == set()
    record = house.record()
    heard = desk.events()
    assert heard == {seq: record[seq] for seq in heard}
    assert sorted(heard) == list(range(1, max(heard) + 1))
    proven = max(one["last"] for one in desk.said("events-proven"))
    assert json.loads(desk.state.read_text())["sites"]["demo"]["proven"] == proven
    assert desk.run("--check") == 0


def test_a_desk_sees_whoever_lies(house: House, desk: Desk) -> None:
    desk.start("--after", "0")
    first = checkpoints(house, 1)[0]
    desk.wait_for("events-proven")

    head = house.head()
    true = house.record()[head - 1]
    publish(house, "event/live", json.dumps(true | {"object": "nothing-of-the-kind"}))
    desk.wait_for("event-changed", seq=head - 1)

    beats = told(house, "heartbeat/loopback")

    def replayed() -> bool:
        publish(house, "heartbeat/loopback", beats[0])
        return bool(desk.said("heartbeat-replayed"))

    wait_until(replayed, 60, "a replayed heartbeat, once no broker delivers again any more")

    publish(house, "event/alarm", b"\x00 no event")
    desk.wait_for("unreadable")

    checkpoints(house, 3)
    house.kill_daemon()  # it would say its own again
    publish(house, "checkpoint", first, "-r")
    assert desk.stop() == 1, "once wrong, the whole watch was"
    late = Desk(house)
    assert late.run("--once", "--within", "20") == 1
    assert "rolled-back" in late.wrong(), late.log()

    lines = first.split(b"\n")
    lines[1] = b"999999"
    publish(house, "checkpoint", b"\n".join(lines), "-r")
    assert late.run("--once", "--within", "20") == 1
    assert "signature-false" in late.wrong(), late.log()


def test_a_forged_event_is_told_from_the_recorded_one(house: House, desk: Desk) -> None:
    desk.start("--after", "0")
    desk.wait_for("path-online")
    head = house.head()
    event = house.record()[head]
    forged = event | {"seq": head + 1, "kind": "area.disarmed", "object": "store"}
    publish(house, "event/live", json.dumps(forged))
    desk.wait_for("event")
    checkpoints(house, 2)
    desk.wait_for("event-changed", seq=head + 1)
    assert desk.stop() == 1
    assert house.record()[head + 1]["kind"] != "area.disarmed"


def test_a_changed_key_is_an_alarm(house: House, desk: Desk) -> None:
    desk.start()
    desk.wait_for("key-pinned")
    assert desk.stop() == 0
    house.stop_daemon()
    for name in ("journal.key", "journal.vkey", "journal.last", "journal.db"):
        (house.data / name).unlink()
    house.start_daemon()
    house.wait_for_devices()
    desk.start()
    desk.wait_for("key-changed")
    assert desk.stop() == 1


def test_a_rotated_key_is_followed(house: House, desk: Desk) -> None:
    desk.start("--after", "0")
    desk.wait_for("key-pinned")
    house.armoury("journal", "rotate-key", "--data", str(house.data))
    desk.wait_for("key-rotated", 120)
    key = (house.data / "journal.vkey").read_text().split()[-1]  # after the one before it
    births = lambda: [json.loads(one).get("birth", {}) for one in told(house, "status/loopback")]  # noqa: E731
    wait_until(lambda: births()[-1].get("vkey") == key, 30, "the birth names the new key at once")
    checkpoints(house, 3)
    assert desk.stop() in (0, 1)
    assert desk.run("--once") == 0, (desk.log(), desk.wrong())
    assert desk.wrong() == set()


def test_a_site_that_is_cut_off_cannot_be_made_to_look_quiet(house: House, tmp_path: Path) -> None:
    """Somebody on the broker keeps everything back and beats the site's heart himself."""
    with Broker(tmp_path / "desks") as broker, Man(house, broker) as man:
        key = str(house.data / "journal.vkey")
        desk = Desk(house, "desk", "--broker", f"127.0.0.1:{broker.port}", "--key", key)
        try:
            desk.start("--after", "0")
            desk.wait_for("events-proven", 100)
            wait_until(lambda: len(man.passed) >= 3, 60, "heartbeats on their way to the desk")
            man.withholds = True
            began_s = time.monotonic()
            assert not desk.wrong()
            wait_until(lambda: man.kept, 60, "a heartbeat that does not reach the desk")

            def is_lost() -> bool:
                for lie in lies(man):
                    man.says("heartbeat/loopback", lie)
                return bool(desk.said("site-lost"))

            wait_until(is_lost, 110, "the loss of the site")
            assert time.monotonic() - began_s >= 75, "its last heartbeat was 10 s before, at most"
            assert {"heartbeat-forged", "heartbeat-replayed"} <= desk.wrong(), desk.log()
            assert len(man.kept) >= 5, "the gateway lived all the while"
            man.withholds = False
            desk.wait_for("site-alive")
            assert desk.stop() == 1
        finally:
            desk.end()


def lies(man: Man) -> Iterator[bytes]:
    """Yield heartbeats that somebody can make who has heard all there were."""
    yield man.passed[-1]
    true = json.loads(man.kept[-1])
    later = true | {"number": true["number"] + 1, "nonce": secrets.token_hex(8)}
    later |= {"mono": true["mono"] + 10_000_000, "at": true["at"] + 10_000_000}
    yield encode(later)
    yield encode({key: later[key] for key in later if key not in ("origin", "signature")})
    mine = Heartbeat.model_validate({key: later[key] for key in later if key != "signature"})
    yield heartbeat.signed(mine, Signer.made("armoury/demo"))
    yield man.passed[-1].replace(b'"loopback"', b'"mobile"')


def test_wrong_use_is_said(house: House) -> None:
    for words, status in (
        (["--broker", "x:y"], 2),
        (["--key", "/nowhere", "--site", "demo"], 2),
        (["--key", "a+b+c"], 2),
        (["--state", "/proc/x/y"], 1),
        (
            [
                "--broker",
                "127.0.0.1:1",
                "--state",
                str(house.folder / "s"),
                "--once",
                "--within",
                "2",
            ],
            1,
        ),
    ):
        done = subprocess.run(
            [*Desk(house)._words[:4], *words], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == status, (words, done.stderr)
        assert done.stderr
        assert "Traceback" not in done.stderr


def test_how_areas_and_the_gateway_are_is_told(house: House, desk: Desk) -> None:
    desk.start("--after", "0")

    def last(below: str) -> dict[str, Any]:
        payloads = told(house, below)
        return dict(json.loads(payloads[-1])["state"]) if payloads else {}

    def well() -> dict[str, Any] | None:
        said = last("health")  # the first one may be from before the line stood
        there = said and said["devices"]["conditions"] == {"ready": 2}
        return said if there and said["paths"]["loopback"]["condition"] == "ready" else None

    health = wait_until(well, 40, "the gateway's health")
    assert health is not None
    assert health["memory"]["pss_kib"] < 60_000
    assert health["disk"]["free_bytes"] > 0
    assert health["record"]["head"] >= health["record"]["checkpoint"]

    house.armoury("simulate", "press", "guard-room")
    wait_until(lambda: last("area/guards").get("alarms"), 20, "the area's alarm")
    assert last("area/guards")["alarms"][0]["cause"] == "panic.raised"
    desk.wait_for("state", text="area guards: disarmed in alarm")

    house.kill_wires()
    wait_until(
        lambda: any(
            json.loads(p)["state"]["devices"].get("trouble") for p in told(house, "health")
        ),
        40,
        "a lost device in the gateway's health",
    )
    birth = json.loads(told(house, "status/loopback")[0])["birth"]
    assert (birth["doors"], birth["areas"]) == ({"store": "store"}, ["store", "guards"])
    assert birth["capabilities"][:3] == ["repeat", "proof", "leaves"]
    desk.stop()
    assert desk.wrong() == set(), desk.log()
