"""What `armoury feed` says at its end: "nothing wrong" of what was shown to be so, and no more."""

from __future__ import annotations

import pytest

from agent.cli.feed_lines import Lines
from agent.monitor.feed import Feed
from tests.monitor.gateway import Desk, Gateway, deliver, introduced


def ended(desk: Desk, *, enough: bool = True) -> int:
    lines = Lines(None, several=False, as_json=True, only_wrong=True)
    for said in desk.said:
        lines.show(said)
    return lines.end(desk.feed, enough=enough)


@pytest.fixture
def gateway() -> Gateway:
    made = Gateway()
    made.record(100)
    return made


def test_all_that_was_verified_is_well(
    gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.live(gateway, 30)
    assert ended(desk) == 0
    assert capsys.readouterr().err == "100 events, nothing wrong\n"


def test_what_is_not_signed_yet_is_open(
    gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.live(gateway, 30)
    gateway.record(5)
    deliver(desk, gateway, range(101, 106))
    desk.hear("heartbeat/fibre", gateway.beat())
    assert ended(desk) == 0
    how_far = "heard up to 105, signed up to 100, verified up to 100"
    said = capsys.readouterr().err
    assert "nothing wrong so far" in said
    assert how_far in said
    assert ended(desk, enough=False) == 1
    assert how_far in capsys.readouterr().err


def test_a_silent_site_is_not_well(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.live(gateway, 30)
    desk.wait(90)
    assert ended(desk) == 1
    assert "no heartbeat" in capsys.readouterr().err


def test_what_nobody_can_prove_is_not_well(
    gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    gateway.prune({50})
    desk.hear("checkpoint", gateway.checkpoint())
    desk.live(gateway, 60)
    assert not desk.wrong()
    assert ended(desk) == 1
    assert "not verified" in capsys.readouterr().err


def test_of_no_site_at_all_nothing_is_well() -> None:
    desk = Desk()
    desk.feed = Feed(0.0)
    assert ended(desk) == 1
