"""What a line does to the real daemon; everything arrives all the same."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from simulators.broker import Broker, Tls
from simulators.monitor import Monitor
from tests.broker import Authority
from tests.line import line_to
from tests.system.house import House
from tests.waiting import wait_until

Make = Callable[[str], House]
KEEPALIVE_S = 5
SILENT_S = KEEPALIVE_S * 1.5 + 5  # until a silent broker is lost; on a busy machine


@pytest.fixture
def text(blind_text: str) -> str:
    """Return the demo's site file, its path quick to notice silence."""
    path = '[[path]]\nid = "loopback"\n'
    assert path in blind_text
    return blind_text.replace(path, f"{path}keepalive_s = {KEEPALIVE_S}\nheartbeat_s = 10\n")


def press(house: House) -> None:
    """Press the panic button."""
    house.armoury("simulate", "press", "guard-room")
    house.wait_for(kind="panic.raised", after=house.head() - 20)


def assert_all_arrives(house: House) -> None:
    """Fail unless the monitor gets the whole record, asking for what its broker has lost."""
    waiting = lambda: house.ask("status")["paths"][0]["waiting"]  # noqa: E731
    wait_until(lambda: waiting() == 0, 30, "everything is delivered")
    head = house.head()
    wait_until(lambda: head in house.monitor.events(), 30, "the newest event")
    had = house.monitor.events()
    ask = ["mosquitto_pub", "-V", "5", "-p", str(house.broker.port), "-q", "1"]
    for seq in sorted(set(range(1, head + 1)) - had.keys()):
        said = json.dumps({"first": seq, "last": seq})
        topic = "armoury/v1/demo/request/repeat"
        subprocess.run([*ask, "-t", topic, "-m", said], check=True, timeout=60)
    house.assert_monitor_has_the_record(60)


def test_a_broker_that_stops_answering_is_lost_and_nothing_with_it(
    make_house: Make, text: str
) -> None:
    house = make_house(text)
    house.start()
    house.broker.freeze()
    press(house)
    lost = house.wait_for(SILENT_S + 20, kind="uplink.lost")
    assert "silent" in lost["data"]["reason"] or "acknowledges none" in lost["data"]["reason"]
    house.broker.thaw()
    house.wait_for(60, kind="uplink.back")
    house.assert_monitor_has_the_record(60)


def test_a_broker_that_comes_and_goes_every_second_loses_nothing(
    make_house: Make, text: str
) -> None:
    house = make_house(text)
    house.start()
    for _ in range(5):
        house.bounce(hz=20, for_ms=900)
        before = house.head()
        wait_until(lambda: house.head() > before + 20, 5, "load")  # noqa: B023
        house.broker.kill()
        before = house.head()
        wait_until(lambda: house.head() > before + 5, 5, "load meanwhile")  # noqa: B023
        house.broker.start()
    press(house)
    assert_all_arrives(house)


def test_a_broker_whose_queue_for_the_monitor_is_full_is_asked_for_its_losses(
    make_house: Make, text: str
) -> None:
    """mosquitto acknowledges what it drops; the numbers tell."""
    house = make_house(text)
    house.broker.extra = ("max_queued_messages 5",)
    house.start()
    house.monitor.end()
    before = house.head()
    house.bounce(hz=25, for_ms=2000)
    wait_until(lambda: house.head() > before + 100, 20, "load")
    wait_until(lambda: house.ask("status")["paths"][0]["waiting"] == 0, 20, "all acknowledged")
    house.monitor.start()
    house.bounce(hz=2, for_ms=1000)
    wait_until(lambda: house.head() in house.monitor.events(), 20, "what is new")
    had = house.monitor.events().keys()
    assert set(range(1, house.head())) - had, "the broker has dropped some"
    assert_all_arrives(house)


def test_what_the_broker_does_not_allow_is_said_and_sent_when_it_does(
    make_house: Make, text: str
) -> None:
    house = make_house(text)
    rights = house.folder / "acl"
    rights.write_text("topic read #\ntopic write armoury/v1/demo/status/#\n")
    rights.chmod(0o644)
    house.broker.extra = (f"acl_file {rights}",)
    house.start(heard=False)
    press(house)
    house.wait_for(30, kind="uplink.lost")  # on a busy machine the line may have broken before
    why = lambda: house.ask("status")["paths"][0]["reason"]  # noqa: E731
    said = re.compile(r"refuses armoury/v1/demo/.*not authorised")
    wait_until(lambda: said.search(why()), 60, "the reason")
    rights.write_text("topic readwrite #\n")
    assert house.broker._process is not None
    os.kill(house.broker._process.pid, signal.SIGHUP)
    house.wait_for(60, kind="uplink.back")
    house.assert_monitor_has_the_record(60)


def test_a_broker_that_refuses_us_is_told_and_takes_everything_when_it_does_not(
    make_house: Make, text: str
) -> None:
    house = make_house(text)
    house.start()
    house.broker.stop()
    house.broker.extra = ("allow_anonymous false",)
    house.broker.start()
    press(house)
    house.wait_for(30, kind="uplink.lost")
    why = lambda: house.ask("status")["paths"][0]["reason"]  # noqa: E731
    wait_until(lambda: "not authorised" in why(), 60, "the reason")
    house.broker.stop()
    house.broker.extra = ()
    house.broker.start()
    house.monitor.end()  # it was refused too, and gave up
    house.monitor.start()
    house.wait_for(60, kind="uplink.back")
    house.assert_monitor_has_the_record(60)


def test_a_black_hole_is_lost_and_nothing_with_it(make_house: Make, text: str) -> None:
    house = make_house(text)
    with line_to(house.broker.port) as (port, swallow, mend):
        site = house.site_file.read_text()
        house.site_file.write_text(site.replace(f"port = {house.broker.port}", f"port = {port}"))
        house.start()
        swallow()
        press(house)
        house.wait_for(SILENT_S + 20, kind="uplink.lost")
        mend()
        house.wait_for(60, kind="uplink.back")
        house.assert_monitor_has_the_record(60)
        house.stop_daemon()


def test_another_path_carries_when_the_first_hangs(make_house: Make, text: str) -> None:
    second = '[[path]]\nid = "mobile"\nhost = "127.0.0.1"\nport = 18884\nheartbeat_s = 10\n'
    house = make_house(f"{text}\n{second}")
    port = house.ports[18884]
    folder = house.folder / "mobile"
    with Broker(folder, persistent=True, port=port), contextlib.ExitStack() as stack:
        monitor = Monitor(folder, port, "demo")
        stack.callback(monitor.end)
        monitor.start()
        house.start(heard=False)  # at a start the second path may carry, for a moment
        told = lambda: {*monitor.events(), *house.monitor.events()}  # noqa: E731
        tested = house.wait_for(40, kind="uplink.tested", object="mobile")
        assert tested["data"]["took_ms"] < 5000
        carries = lambda: house.ask("status")["paths"][0]["carries"]  # noqa: E731
        wait_until(carries, 30, "the first path carries")
        before = house.head()
        wait_until(lambda: told() >= set(range(1, before + 1)), 30, "all so far, over either")
        house.broker.freeze()
        press(house)
        switched = house.wait_for(SILENT_S + 60, after=before, kind="uplink.switched", to="mobile")
        assert switched["data"]["from"] == "loopback"
        panic = house.wait_for(after=before, kind="panic.raised")
        wait_until(lambda: panic["seq"] in monitor.events(), 20, "the panic on the second path")
        house.broker.thaw()
        house.wait_for(60, after=before, kind="uplink.back")
        head = house.head()
        wait_until(lambda: told() >= set(range(1, head + 1)), 20, "the whole record over both")


def test_a_certificate_near_its_end_is_told_and_its_renewal_used(
    make_house: Make, text: str, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "authority")
    brokers, own = authority.sign("broker", "127.0.0.1"), authority.sign("own", "first")
    tls = f'[path.tls]\nca = "{authority.path}"\ncert = "{own[0]}"\nkey = "{own[1]}"\n'
    house = make_house(f"{text}\n{tls}")
    house.broker.tls = Tls(authority.path, *brokers)
    house.broker.extra = ("use_identity_as_username true",)
    words = ["--cafile", authority.path, "--cert", own[0], "--key", own[1]]
    house.monitor = Monitor(house.folder, house.broker.port, "demo", [str(word) for word in words])
    house.synchronised = tmp_path / "synchronised"
    house.start()
    early = [event for event in house.events(0) if "certificate" in event["kind"]]
    assert not early, "the clock is not set yet"
    house.synchronised.touch()
    for whose in ("own", "broker", "authority"):
        ending = house.wait_for(20, kind="uplink.certificate_expiring", whose=whose)
        assert ending["data"]["within_d"] == 7
    cert, key = authority.sign("next", "second", days=90)
    key.replace(own[1])
    cert.replace(own[0])
    renewed = house.wait_for(30, kind="uplink.certificate_renewed")
    assert renewed["data"]["whose"] == "own"
    wait_until(lambda: "u'second'" in house.broker.log, 5, "the new name at the broker")
    press(house)
    house.assert_monitor_has_the_record()
    assert not [event for event in house.events(0) if event["kind"] == "uplink.lost"]
