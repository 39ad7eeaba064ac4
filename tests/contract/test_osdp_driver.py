"""The OSDP driver in its host, against the simulated reader on its pseudo-terminal.

The driver's end is libosdp, the reader's is our own: what they agree on is the standard.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.hosting import Host, Message, Simulator
from tests.waiting import wait_until

KEY = "00112233445566778899aabbccddeeff"
WITHIN_S = 15.0  # OSDP gives a reader 8 s to come back before it is off line
PAUSE_S = 1.0


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "keypad.key"
    file.write_text(KEY + "\n")
    return file


@pytest.fixture
def sim(tmp_path: Path, key_file: Path) -> Iterator[Simulator]:
    given = ("--link", str(tmp_path / "port"), "--key", str(key_file))
    with Simulator("simulators.osdp", tmp_path / "control", *given) as simulator:
        yield simulator


def hosted(sim: Simulator, **options: Any) -> Host:
    here = sim.control.parent
    given = {
        "port": str(here / "port"),
        "key_file": str(here / "keypad.key"),
        "reads": ["card", "pin"],
    }
    return Host("drivers.osdp.driver:OsdpDriver", "store-keypad", given | options)


@pytest.fixture
def host(sim: Simulator) -> Iterator[Host]:
    """A driver that is ready."""
    with hosted(sim) as host:
        host.expect("ready", WITHIN_S)
        yield host


def read(messages: list[Message]) -> list[tuple[str, str | None]]:
    return [(one["kind"], one["reference"]) for one in messages if one["is"] == "credential"]


def test_ready_says_which_reader_it_is_and_how(sim: Simulator) -> None:
    with hosted(sim) as host:
        assert host.expect("ready", WITHIN_S)["identity"] == {
            "vendor_code": 0x01FECA,
            "model": 2,
            "version": 3,
            "serial_number": 0x0A0B0C0D,
            "firmware_version": 0x010203,
        }
        assert host.expect("point", point="tamper")["state"] == "normal"
        assert host.expect("point", point="supply")["state"] == "normal"
        assert sim.tell("state")["secure"] is True
        host.expect("alive", 3.0)


@pytest.mark.parametrize("apart", [False, True])
def test_a_pin_is_told_when_it_is_ended(sim: Simulator, host: Host, apart: bool) -> None:
    before_us = time.monotonic_ns() // 1000
    sim.tell("keys", keys="271828#", apart=apart)
    reading = host.expect("credential")
    assert (reading["kind"], reading["reference"]) == ("pin", "271828")
    assert before_us <= reading["at"] <= time.monotonic_ns() // 1000


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("111*271828#", ["271828"]),
        ("271828#314159#", ["271828", "314159"]),
        ("#", []),
        ("271828", []),
        ("123456789012#", ["123456789012"]),
        ("1234567890123#", [None]),
    ],
)
def test_what_is_typed(sim: Simulator, host: Host, keys: str, told: list[str | None]) -> None:
    sim.tell("keys", keys=keys)
    wait_until(lambda: sim.tell("state")["waiting"] == 0, 5.0, "the keys to be taken")
    assert [reference for _, reference in read(host.gather(PAUSE_S))] == told


def test_a_card_is_told_by_its_bits(sim: Simulator, host: Host) -> None:
    sim.tell("card", number="2C6F0B4")
    assert host.expect("credential")["reference"] == "26-2C6F0B4"
    sim.tell("card", number="0A1B2C3D4", bits=37)
    assert host.expect("credential")["reference"] == "37-A1B2C3D4"


def test_only_what_the_site_file_says_is_read(sim: Simulator) -> None:
    with hosted(sim, reads=["pin"]) as host:
        host.expect("ready", WITHIN_S)
        sim.tell("card", number="2C6F0B4")
        sim.tell("keys", keys="271828#")
        assert host.expect("credential")["kind"] == "pin"


def test_its_lid_and_its_supply_are_points(sim: Simulator, host: Host) -> None:
    for verb, flag, point in (("lid", "open", "tamper"), ("supply", "fails", "supply")):
        host.expect("point", point=point)
        sim.tell(verb, **{flag: True})
        assert host.expect("point", point=point, state="alarm")
        sim.tell(verb, **{flag: False})
        assert host.expect("point", point=point, state="normal")


def test_a_lid_that_is_open_at_the_start_is_told(sim: Simulator) -> None:
    sim.tell("lid", open=True)
    with hosted(sim) as host:
        host.expect("ready", WITHIN_S)
        assert host.expect("point", point="tamper")["state"] == "alarm"


@pytest.mark.parametrize("fault", ["silence", "half", "badsum", "longlength", "garbage"])
def test_a_bad_line_ends_it_with_a_sentence_and_it_comes_back(
    sim: Simulator, host: Host, fault: str
) -> None:
    sim.tell(fault)
    failed = host.expect("failed", WITHIN_S)
    assert failed["error"] == "DeviceSilent"
    assert "the reader cannot be reached" in failed["reason"]
    sim.tell("recover")
    with hosted(sim) as again:
        again.expect("ready", WITHIN_S)


@pytest.mark.parametrize(
    ("fault", "params"),
    [("stray", {}), ("half", {"times": 1}), ("badsum", {"times": 1}), ("slow", {"ms": 100})],
)
def test_what_can_be_mended_on_the_line_is(
    sim: Simulator, host: Host, fault: str, params: dict[str, int]
) -> None:
    sim.tell(fault, **params)
    polls = sim.tell("state")["polls"]
    wait_until(lambda: sim.tell("state")["polls"] > polls + 5, 10.0, "polls after the fault")
    sim.tell("keys", keys="271828#")
    assert host.expect("credential", 10.0)["reference"] == "271828"
    assert not [message for message in host.pending if message["is"] == "failed"]


def test_a_pin_that_a_bad_frame_took_keys_from_is_not_told_as_another(
    sim: Simulator, host: Host
) -> None:
    def press(keys: str) -> None:
        sim.tell("keys", keys=keys)
        wait_until(lambda: sim.tell("state")["waiting"] == 0, 10.0, "the keys to be taken")

    press("27")
    sim.tell("badsum", times=1)
    press("18")
    press("28#")
    press("314159#")
    assert host.expect("credential", 10.0)["reference"] == "314159"
    assert read(host.gather(PAUSE_S)) == []


def test_unplugged_it_says_so(sim: Simulator, host: Host) -> None:
    sim.tell("vanish")
    failed = host.expect("failed", WITHIN_S)
    assert (failed["error"], "adapter is gone" in failed["reason"]) == ("DeviceSilent", True)


def test_another_reader_with_the_same_key_is_another(sim: Simulator, host: Host) -> None:
    sim.tell("swap", serial=77, key=True)
    host.expect("failed", WITHIN_S)
    with hosted(sim) as again:
        assert again.expect("ready", WITHIN_S)["identity"]["serial_number"] == 77


def test_one_that_was_changed_behind_the_adapter_is_noticed(sim: Simulator, host: Host) -> None:
    sim.tell("swap", serial=77, key=True, live=True)
    failed = host.expect("failed", WITHIN_S)
    assert failed["error"] == "DeviceConfused"
    assert "serial number 168496141 is 77" in failed["reason"]


def test_a_reader_from_the_shop_is_not_taken(sim: Simulator) -> None:
    sim.tell("swap")
    with hosted(sim) as host:
        failed = host.expect("failed", WITHIN_S)
    assert "sets up no secure channel" in failed["reason"]
    assert sim.tell("state")["default_key"] is True


def test_a_new_reader_is_given_its_key_once(sim: Simulator) -> None:
    sim.tell("swap")
    with hosted(sim, install=True) as host:
        host.expect("ready", WITHIN_S)
        wait_until(lambda: not sim.tell("state")["default_key"], 5.0, "the key to be set")
    with hosted(sim) as again:
        again.expect("ready", WITHIN_S)
        sim.tell("keys", keys="271828#")
        assert again.expect("credential")["reference"] == "271828"


def test_a_reader_that_is_plugged_in_later_is_found_by_the_same_host(sim: Simulator) -> None:
    later = sim.control.with_name("later")
    with hosted(sim, port=str(later)) as host:
        assert host.expect("failed", WITHIN_S)["stays"]
        later.symlink_to(sim.control.with_name("port"))
        host.again()
        host.expect("ready", WITHIN_S)


@pytest.mark.parametrize(
    ("options", "error", "reason"),
    [
        ({"key_file": "/nowhere"}, "DeviceRefused", "cannot be read"),
        ({"key_file": "/etc/hostname"}, "DeviceRefused", "32 hexadecimal digits"),
        ({"port": "/dev/serial/by-id/absent"}, "DeviceSilent", "no such port"),
        ({"port": "/dev/null"}, "DeviceRefused", "cannot be used as a serial port"),
        ({"baud": 115200}, "DeviceSilent", "nothing came"),
        ({"address": 5}, "DeviceSilent", "nothing came"),
    ],
)
def test_a_site_file_that_cannot_work_is_a_sentence(
    sim: Simulator, options: dict[str, Any], error: str, reason: str
) -> None:
    with hosted(sim, **options) as host:
        failed = host.expect("failed", WITHIN_S)
    assert failed["error"] == error
    assert reason in failed["reason"]


def test_nothing_is_asked_of_it(host: Host) -> None:
    assert host.outcome("pulse", "led", for_ms=100) == "refused"


def test_it_ends_with_the_daemon(host: Host) -> None:
    host.close_daemon_end()
    assert host.exited(60) == 0


def test_its_host_is_small_and_idle(host: Host) -> None:
    used_s, before_s = host.cpu_s(), time.monotonic()
    host.gather(4.0)
    assert (host.cpu_s() - used_s) / (time.monotonic() - before_s) < 0.05
    assert host.pss_kib() < 12 * 1024
