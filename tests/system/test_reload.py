"""Another site file in the middle of a run, against the real daemon and real wires."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.system.conftest import without_camera
from tests.system.house import House
from tests.system.operator import Desk, Operator
from tests.waiting import wait_until

GUARD_PANIC, SIREN = 27, 24  # their pins on the demo's board
SHORTER, LONGER = ("held_s = 30", "held_s = 20"), ("held_s = 30", "held_s = 60")


def rewrite(house: House, *changes: tuple[str, str], more: str = "") -> None:
    """Change the armoury's site file."""
    text = house.site_file.read_text()
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    house.site_file.write_text(text + more)


def reload(house: House, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `armoury reload`."""
    return house.command("reload", *words)


def pids(house: House) -> dict[str, int]:
    return {device["id"]: device["pid"] for device in house.ask("status")["devices"]}


def configured(house: House, after: int) -> dict[str, Any]:
    found: dict[str, Any] = house.wait_for(after=after, kind="system.configured")["data"]
    return found


def touched(house: House, after: int) -> list[str]:
    """Return what a reload could have done to the armoury; other things happen meanwhile."""
    ours = ("system.", "command.", "device.", "uplink.", "door.", "area.", "point.")
    return [event["kind"] for event in house.events(after) if event["kind"].startswith(ours)]


def test_what_is_as_it_was_goes_on_undisturbed(house: House) -> None:
    before, line, after = pids(house), house.ask("status")["paths"], house.head()
    rewrite(house, SHORTER)
    words = [sys.executable, "-m", "agent.cli.main", "reload", "--socket", house.control]
    said = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (said.returncode, said.stderr) == (0, "")
    assert configured(house, after)["by"] == f"uid:{os.getuid()}"
    assert pids(house) == before
    assert house.ask("status")["paths"][0]["since_s"] >= line[0]["since_s"]
    assert touched(house, after) == ["system.configured"]


def test_every_mistake_is_said_and_the_present_file_goes_on(house: House) -> None:
    after = house.head()
    rewrite(house, ("people = 1", "people = 9"), ('reader_in = "store-reader"', 'reader_in = "x"'))
    said = reload(house)
    assert said.returncode == 2
    assert re.search(r"site\.toml:\d+: door\.store\.people: found 9", said.stderr)
    assert re.search(r"site\.toml:\d+: door\.store\.reader_in", said.stderr)
    assert json.loads(reload(house, "--json").stdout)["mistakes"]
    assert touched(house, after) == []
    house.tell("board", "set", pin=GUARD_PANIC, level=1)
    house.wait_for(after=after, kind="panic.raised")


def test_a_signal_is_a_reload_as_well(house: House) -> None:
    after = house.head()
    assert house.daemon is not None
    house.site_file.write_text(house.site_file.read_text() + "nonsense\n")
    house.daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: "nonsense" in house.said("daemon"), 10, "the mistake in the log")
    rewrite(house, ("nonsense\n", ""), SHORTER)
    house.daemon.send_signal(signal.SIGHUP)
    assert configured(house, after)["by"] == "signal"


def test_what_protects_less_takes_two_officers(house: House) -> None:
    for number in (1, 2):
        house.enrol(f"p-{number}", number)
    house.tell("store-reader", "finger", template=1)
    house.wait_for(kind="door.relocked")
    rewrite(house, LONGER)
    after = house.head()
    said = reload(house)
    assert said.returncode == 1
    assert "two officers" in said.stderr
    assert "door.store.held_s" in said.stderr
    assert house.wait_for(after=after, kind="command.refused")["data"]["name"] == "site.reload"
    for number in (1, 2):
        after = house.head()
        house.tell("store-reader", "finger", template=number)
        house.wait_for(after=after, kind="door.relocked")
    after = house.head()
    said = reload(house)
    assert said.returncode == 0, said.stderr
    data = configured(house, after)
    assert (data["persons"], data["weaker"]) == (["p-1", "p-2"], ["door.store.held_s"])
    assert reload(house).returncode == 0, "it is the same file now, which is no weaker"


def test_not_while_an_area_is_armed(house: House) -> None:
    house.enrol()
    house.tell("store-reader", "finger", template=1)
    house.wait_for(kind="door.relocked")
    house.ask("command", name="area.arm", params={"area": "guards"})
    rewrite(house, SHORTER)
    said = reload(house)
    assert (said.returncode, said.stderr) == (1, "Error: an area is armed; disarm it first\n")


@pytest.fixture
def loud_text(blind_text: str) -> str:
    """Return the demo's site file with a panic button that sounds the siren."""
    text = blind_text.replace('id = "siren"\narea = "store"', 'id = "siren"\narea = "guards"')
    return text.replace(
        'point = "board.guard-panic"\n', 'point = "board.guard-panic"\nsilent = false\n'
    )


def test_no_output_moves(make_house: Callable[[str], House], loud_text: str) -> None:
    house = make_house(loud_text)
    house.start()
    house.armoury("simulate", "press", "guard-room")
    wait_until(lambda: house.pin(SIREN)["level"] == 1, 10, "the siren")
    moved, strikes, after = house.pin(SIREN)["history"], house.strike_history(), house.head()
    rewrite(house, SHORTER)
    wait_until(lambda: reload(house).returncode == 0, 20, "a reload")
    configured(house, after)
    house.armoury("simulate", "release", "guard-room")
    house.wait_for(after=after, kind="point.normal")
    assert house.pin(SIREN)["history"] == moved
    assert house.strike_history() == strikes
    assert house.ask("status")["view"]["sounders"][0]["sounds"]


def test_a_device_that_is_wired_otherwise_gets_a_new_host_and_no_other_does(house: House) -> None:
    before, after = pids(house), house.head()
    wired = '[device.inputs]\nattic = { pin = 19, pull = "up" }\n'
    zone = '\n[[zone]]\nid = "attic"\narea = "store"\npoint = "board.attic"\nkind = "always"\n'
    rewrite(house, ("[device.inputs]\n", wired), more=zone + 'supervision = "nc"\n')
    assert reload(house).returncode == 0
    assert configured(house, after)["weaker"] == ["device.board"]
    house.wait_for_devices()
    now = pids(house)
    assert {name for name in now if now[name] != before[name]} == {"board"}
    house.tell("board", "set", pin=19, level=1)
    house.wait_for(after=after, kind="zone.alarmed", object="attic")


def test_a_device_that_is_gone_is_gone(seeing: House) -> None:
    seeing.site_file.write_text(without_camera(seeing.site_file.read_text()))
    assert reload(seeing).returncode == 0
    assert set(pids(seeing)) == {"board", "store-reader"}
    topic = "armoury/v1/demo/device/hall"
    wait_until(
        lambda: any(b'"gone"' in t.payload for t in seeing.monitor.told() if t.topic == topic),
        10,
        "the monitor hears of it",
    )


def test_operators_come_and_no_event_is_lost(house: House) -> None:
    ana = Operator("ana", "*")
    house.bounce(hz=25, for_ms=6000)
    rewrite(house, more=ana.table())
    after = house.head()
    assert reload(house).returncode == 0
    assert configured(house, after)["weaker"] == ["operator.ana"]
    for held_s in range(29, 24, -1):
        rewrite(house, (f"held_s = {held_s + 1}", f"held_s = {held_s}"))
        assert reload(house).returncode == 0
    with Desk(house.broker.port, "demo") as desk:
        wait_until(lambda: desk.hears(ana), 20, "an answer")
    house.assert_monitor_has_the_record()
