"""The fingerprint driver in its host, against the simulated module on its pseudo-terminal."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.hosting import Host, Message, Simulator
from tests.waiting import wait_until

POLL_MS = 40
WITHIN_S = 10.0  # a bad line has to be reported by then
PAUSE_S = 1.0  # long enough for what must not happen


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulator]:
    link = str(tmp_path / "port")
    with Simulator("simulators.zfm", tmp_path / "control", "--link", link) as simulator:
        yield simulator


def hosted(sim: Simulator, **options: Any) -> Host:
    given = {"port": str(sim.control.with_name("port")), "poll_ms": POLL_MS} | options
    return Host("drivers.zfm.driver:ZfmDriver", "store-reader", given)


@pytest.fixture
def host(sim: Simulator) -> Iterator[Host]:
    """A driver that is ready."""
    with hosted(sim) as host:
        host.expect("ready")
        yield host


def credentials(messages: list[Message]) -> list[str | None]:
    return [message["reference"] for message in messages if message["is"] == "credential"]


def images(sim: Simulator) -> int:
    return int(sim.tell("state")["images"])


def lay_and_lift(sim: Simulator, **finger: Any) -> None:
    """Lay a finger, and lift it when the driver has had a good look at it."""
    sim.tell("finger", hold_ms=None, **finger)
    seen = images(sim)
    wait_until(lambda: images(sim) >= seen + 3, 5.0, "images of the finger")
    sim.tell("lift")
    seen = images(sim)
    wait_until(lambda: images(sim) >= seen + 3, 5.0, "images of the empty window")


def test_ready_says_which_module_it_is_and_the_window_is_free(sim: Simulator) -> None:
    with hosted(sim) as host:
        assert host.expect("ready")["identity"] == {
            "system_id": 9,
            "capacity": 162,
            "security": 3,
            "address": 0xFFFFFFFF,
            "packet_size": 128,
            "baud": 57600,
            "templates": 3,
        }
        assert host.expect("point", point="window")["state"] == "normal"


def test_a_known_finger_is_reported_with_its_position(sim: Simulator, host: Host) -> None:
    before_us = time.monotonic_ns() // 1000
    sim.tell("finger", template=2)
    reading = host.expect("credential")
    assert (reading["kind"], reading["reference"]) == ("finger", "2")
    assert reading["score"] > 200
    assert before_us <= reading["at"] <= time.monotonic_ns() // 1000


def test_an_unknown_finger_is_reported_as_one(sim: Simulator, host: Host) -> None:
    sim.tell("finger", unknown=True)
    assert host.expect("credential")["reference"] is None


def test_a_weak_match_is_an_unknown_finger(sim: Simulator) -> None:
    with hosted(sim, threshold=249) as host:
        host.expect("ready")
        sim.tell("finger", template=1)
        reading = host.expect("credential")
        assert reading["reference"] is None
        assert 200 < reading["score"] < 249


def test_a_finger_that_stays_is_one_reading(sim: Simulator, host: Host) -> None:
    sim.tell("finger", template=1, hold_ms=None)
    assert credentials(host.gather(PAUSE_S)) == ["1"]


def test_each_laid_finger_is_a_reading(sim: Simulator, host: Host) -> None:
    for position in (1, 2, 1, 3):
        lay_and_lift(sim, template=position)
    assert credentials(host.gather(0.1)) == ["1", "2", "1", "3"]


def test_a_poor_image_is_not_reported_and_the_finger_read_when_it_is_better(
    sim: Simulator, host: Host
) -> None:
    for poor in ("messy", "few", "failed"):
        sim.tell("messy", hold_ms=None, **{"as": poor})
        assert credentials(host.gather(0.3)) == []
    sim.tell("finger", template=3)
    assert credentials(host.gather(PAUSE_S)) == ["3"]


def test_a_covered_window_is_reported_until_it_is_free(sim: Simulator) -> None:
    with hosted(sim, covered_s=1) as host:
        host.expect("point", state="normal")
        sim.tell("messy", hold_ms=None)
        host.expect("point", point="window", state="alarm")
        sim.tell("lift")
        host.expect("point", point="window", state="normal")


def test_an_enrolled_finger_is_known_until_it_is_deleted(sim: Simulator, host: Host) -> None:
    number = host.act("enrol", "7", timeout_ms=10_000)
    lay_and_lift(sim, id="anna")
    lay_and_lift(sim, id="anna")
    assert host.expect("answer", id=number)["outcome"] == "done"
    assert sim.tell("state")["templates"] == [1, 2, 3, 7]
    assert credentials(host.gather(0.2)) == []
    lay_and_lift(sim, id="anna")
    assert host.expect("credential")["reference"] == "7"
    assert host.outcome("delete", "7") == "done"
    lay_and_lift(sim, id="anna")
    assert host.expect("credential")["reference"] is None


@pytest.mark.parametrize("slips", [0, 2])
def test_the_finger_of_an_enrolment_may_be_laid_badly_at_first(
    sim: Simulator, host: Host, slips: int
) -> None:
    number = host.act("enrol", "7", timeout_ms=10_000)
    for _ in range(slips):
        sim.tell("messy", hold_ms=None)
        seen = images(sim)
        wait_until(lambda seen=seen: images(sim) >= seen + 2, 5.0, "images of the messy finger")
    lay_and_lift(sim, id="anna")
    lay_and_lift(sim, id="anna")
    assert host.expect("answer", id=number)["outcome"] == "done"


@pytest.mark.parametrize(
    ("verb", "target", "args", "reason"),
    [
        ("enrol", "2", {"timeout_ms": 5000}, "position 2 is in use; armoury reader clear"),
        ("enrol", "162", {"timeout_ms": 5000}, "'162' is no position; they are 0 to 161"),
        ("enrol", "seven", {"timeout_ms": 5000}, "'seven' is no position"),
        ("enrol", "7", {}, "enrol needs timeout_ms"),
        ("enrol", "7", {"timeout_ms": 200}, "not laid in time (image 1 of 2)"),
        ("delete", "8", {}, "position 8 is empty"),
        ("pulse", "strike", {"for_ms": 100}, "a fingerprint reader cannot pulse"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(
    sim: Simulator, host: Host, verb: str, target: str, args: dict[str, int], reason: str
) -> None:
    number = host.act(verb, target, **args)
    answer = host.expect("answer", id=number)
    assert answer["outcome"] == "refused"
    assert reason in answer["reason"]
    assert sim.tell("state")["templates"] == [1, 2, 3]


def test_a_known_finger_is_not_enrolled_again(sim: Simulator, host: Host) -> None:
    number = host.act("enrol", "7", timeout_ms=5000)
    lay_and_lift(sim, template=3)
    answer = host.expect("answer", id=number)
    assert answer["outcome"] == "refused"
    assert "known already, at position 3" in answer["reason"]


def test_a_finger_that_lay_there_before_is_not_the_one_to_enrol(sim: Simulator, host: Host) -> None:
    sim.tell("finger", template=1, hold_ms=None)
    host.expect("credential")
    number = host.act("enrol", "7", timeout_ms=300)
    assert "not lifted in time (image 1" in host.expect("answer", id=number)["reason"]
    assert credentials(host.gather(0.2)) == []


def test_two_fingers_are_not_enrolled_as_one(sim: Simulator, host: Host) -> None:
    number = host.act("enrol", "7", timeout_ms=5000)
    lay_and_lift(sim, id="anna")
    lay_and_lift(sim, id="bert")
    answer = host.expect("answer", id=number)
    assert answer["outcome"] == "refused"
    assert "two different fingers" in answer["reason"]


def test_during_an_enrolment_other_actions_are_refused_and_it_shows_life(
    sim: Simulator, host: Host
) -> None:
    number = host.act("enrol", "7", timeout_ms=2500)
    assert host.outcome("delete", "1") == "refused"
    host.gather(0.2)
    host.expect("alive", 2.0)
    assert host.expect("answer", id=number)["outcome"] == "refused"


def test_an_enrolment_that_the_line_cuts_off_is_unknown(sim: Simulator, host: Host) -> None:
    number = host.act("enrol", "7", timeout_ms=5000)
    sim.tell("vanish")
    assert host.expect("answer", id=number)["outcome"] == "unknown"
    assert host.expect("failed")["error"] == "DeviceSilent"


def test_an_enrolment_is_answered_when_the_agent_stops(sim: Simulator, host: Host) -> None:
    number = host.act("enrol", "7", timeout_ms=60_000)
    assert host.stop() == 0
    assert host.expect("answer", id=number)["outcome"] == "unknown"


def test_it_shows_life_once_a_second_and_stops_when_asked(host: Host) -> None:
    host.gather(0.0)
    lives = [message for message in host.gather(2.5) if message["is"] == "alive"]
    assert 2 <= len(lives) <= 3
    assert host.stop() == 0


FATAL = {
    "silence": ("DeviceSilent", "does not answer at 57600 baud"),
    # What a busy machine reads of it may already be in the place of an answer.
    "garbage": ("DeviceConfused", "sends without being asked|they are noise"),
    "half": ("DeviceConfused", "they break off"),
    "badsum": ("DeviceConfused", "a wrong sum"),
    "longlength": ("DeviceConfused", "32767 bytes long"),
    "vanish": ("DeviceSilent", "is gone"),
}


@pytest.mark.parametrize("fault", FATAL)
def test_a_bad_line_is_a_sentence_in_time_without_spinning_and_a_good_one_is_enough_again(
    sim: Simulator, host: Host, fault: str
) -> None:
    error, reason = FATAL[fault]
    used_s = host.cpu_s()
    began_s = time.monotonic()
    sim.tell(fault)
    failed = host.expect("failed", WITHIN_S)
    assert time.monotonic() - began_s < WITHIN_S
    assert failed["error"] == error
    assert failed["reason"].startswith(str(sim.control.with_name("port")) + ": ")
    assert re.search(reason, failed["reason"])
    assert host.cpu_s() - used_s < 0.2
    assert host.exited(60) == 70
    with hosted(sim) as again:
        assert again.expect("failed", WITHIN_S)["error"].startswith("Device")
    sim.tell("recover")
    with hosted(sim) as again:
        again.expect("ready")
        sim.tell("finger", template=1)
        assert again.expect("credential")["reference"] == "1"


@pytest.mark.parametrize(
    ("fault", "params"),
    [
        ("stray", {}),
        ("half", {"times": 1}),
        ("badsum", {"times": 1}),
        ("longlength", {"times": 1}),
        ("slow", {"ms": 400}),
    ],
)
def test_what_can_be_mended_on_the_line_is(
    sim: Simulator, host: Host, fault: str, params: dict[str, int]
) -> None:
    sim.tell(fault, **params)
    sim.tell("finger", template=2, hold_ms=None)
    assert host.expect("credential", 8.0)["reference"] == "2"
    assert not [message for message in host.pending if message["is"] == "failed"]


def test_replugged_it_is_found_under_the_same_name(sim: Simulator, host: Host) -> None:
    sim.tell("replug")
    assert host.expect("failed", WITHIN_S)["error"] == "DeviceSilent"
    with hosted(sim) as again:
        assert again.expect("ready")["identity"]["templates"] == 3


def test_another_module_has_another_identity(sim: Simulator, host: Host) -> None:
    sim.tell("swap")
    host.expect("failed", WITHIN_S)
    with hosted(sim) as again:
        identity = again.expect("ready")["identity"]
    assert (identity["system_id"], identity["capacity"], identity["templates"]) == (0xA5, 1000, 0)


def test_a_module_changed_behind_its_adapter_is_noticed_within_10_s(
    sim: Simulator, host: Host
) -> None:
    sim.tell("swap", live=True, system_id=9, capacity=162, templates=[1, 2])
    failed = host.expect("failed", 10.0)
    assert failed["error"] == "DeviceConfused"
    assert "is not what it was (templates 3 is 2)" in failed["reason"]


def test_a_module_that_lost_its_power_is_opened_again_at_the_next_start(tmp_path: Path) -> None:
    given = ["--link", str(tmp_path / "port"), "--password", "77"]
    with Simulator("simulators.zfm", tmp_path / "control", *given) as sim:
        with hosted(sim, password=77) as host:
            host.expect("ready")
            sim.tell("swap", original=True, live=True)
            assert "wants its password again" in host.expect("failed")["reason"]
        with hosted(sim, password=77) as host:
            host.expect("ready")


def test_its_own_enrolment_is_no_other_module(sim: Simulator, host: Host) -> None:
    assert host.outcome("delete", "3") == "done"
    wait_until(lambda: images(sim) > 150, 10.0, "more than 5 s of images")
    assert host.running()


def test_it_is_cleared_of_all_but_what_is_kept(sim: Simulator, host: Host) -> None:
    assert host.outcome("clear", "all", keep=[2, 150]) == "done"
    assert sim.tell("state")["templates"] == [2]
    assert host.outcome("clear", "all", keep=[]) == "done"
    assert sim.tell("state")["templates"] == []
    assert host.outcome("clear", "all") == "refused"
    sim.tell("finger", id="2")
    assert host.expect("credential")["reference"] is None


def test_the_module_is_brought_to_the_site_files_security_level(sim: Simulator) -> None:
    with hosted(sim, security=5) as host:
        assert host.expect("ready")["identity"]["security"] == 5
    assert sim.tell("state")["security"] == 5


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
        ({"password": 1}, "DeviceRefused", "does not take this password"),
        ({"address": 1}, "DeviceRefused", "has another address"),
        ({"baud": 9600}, "DeviceSilent", "does not answer at 9600 baud"),
        ({"port": "/dev/serial/by-id/absent"}, "DeviceSilent", "no such port"),
        ({"port": "/dev/null"}, "DeviceRefused", "cannot be used as a serial port"),
    ],
)
def test_a_site_file_that_cannot_work_is_a_sentence(
    sim: Simulator, options: dict[str, Any], error: str, reason: str
) -> None:
    with hosted(sim, **options) as host:
        failed = host.expect("failed", WITHIN_S)
    assert failed["error"] == error
    assert reason in failed["reason"]


def test_two_drivers_do_not_share_a_port(sim: Simulator, host: Host) -> None:
    with hosted(sim) as second:
        assert "another program holds this port" in second.expect("failed")["reason"]
    sim.tell("finger", template=1)
    assert host.expect("credential")["reference"] == "1"


def test_it_ends_with_the_daemon(host: Host) -> None:
    host.close_daemon_end()
    assert host.exited(60) == 0


def test_its_host_is_small_and_idle(sim: Simulator) -> None:
    with hosted(sim, poll_ms=150) as host:
        host.expect("ready")
        maps = Path(f"/proc/{host.pid}/maps").read_text()
        assert "_imaging" not in maps, "Pillow was loaded"
        used_s, before_s = host.cpu_s(), time.monotonic()
        host.gather(4.0)
        assert (host.cpu_s() - used_s) / (time.monotonic() - before_s) < 0.01
        assert host.pss_kib() < 12 * 1024
