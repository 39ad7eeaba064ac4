"""The desk's end of the feed, message by message: what it says, asks and keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.journal.note import Verifier
from agent.monitor.feed import Feed, MemoryUnusable
from agent.monitor.said import Matter
from tests.monitor.gateway import (
    ORIGIN,
    SIGNER,
    SITE,
    Desk,
    Gateway,
    deliver,
    event,
    introduced,
)


def test_a_quiet_night_is_verified_and_nothing_is_wrong(gateway: Gateway) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.serve(gateway)
    gateway.record(37)
    deliver(desk, gateway, range(101, 138))
    desk.hear("checkpoint", gateway.checkpoint())
    desk.hear("heartbeat/fibre", gateway.beat())
    desk.serve(gateway)
    site = desk.feed.sites[SITE]
    assert desk.shown() == list(range(1, 138))
    assert site.leafage.proven == 137
    assert site.complete
    assert not desk.wrong()
    assert Matter.KEY_PINNED in desk.matters()


def test_it_begins_where_it_comes_in(gateway: Gateway) -> None:
    desk = introduced(gateway, first=None)
    desk.hear("heartbeat/fibre", gateway.beat())
    gateway.record(50)
    deliver(desk, gateway, range(101, 151))
    desk.hear("checkpoint", gateway.checkpoint())
    desk.serve(gateway)
    assert desk.feed.sites[SITE].leafage.proven == 150
    assert desk.shown() == list(range(101, 151))
    assert not desk.wrong()


@pytest.mark.parametrize("restarted", [False, True])
def test_what_comes_late_from_before_is_proved_with_all_that_follows(
    gateway: Gateway, restarted: bool
) -> None:
    gateway.record(50)
    desk = introduced(gateway, first=None)
    desk.hear("heartbeat/fibre", gateway.beat())
    gateway.record(50)
    deliver(desk, gateway, range(151, 201))
    desk.hear("checkpoint", gateway.checkpoint())
    desk.serve(gateway)
    assert desk.feed.sites[SITE].leafage.proven == 200
    gateway.prune({150, 160})
    deliver(desk, gateway, [201])
    desk = _with_its_words(desk) if restarted else desk
    desk.hear("event/alarm/late", gateway.batch([120]))
    desk = _with_its_words(desk) if restarted else desk
    desk.hear("checkpoint", gateway.checkpoint())
    desk.live(gateway, 600)
    assert sorted(desk.shown()) == [*range(120, 150), *range(151, 202)]
    assert desk.feed.sites[SITE].leafage.proven == 201
    assert desk.feed.sites[SITE].complete
    assert not desk.wrong()
    assert Matter.UNPROVABLE not in desk.matters(), "160 was proved before it was given up"


def test_what_another_desk_has_asked_for_is_not_ours(gateway: Gateway) -> None:
    desk = introduced(gateway, first=None)
    desk.hear("event/repeat", gateway.repeat(1, 100))
    desk.hear("heartbeat/fibre", gateway.beat())
    desk.hear("event/repeat", gateway.repeat(1, 100))
    assert desk.shown() == []
    desk.serve(gateway)
    assert desk.feed.sites[SITE].complete


def test_repeats_are_dropped_and_gaps_asked_for(gateway: Gateway) -> None:
    desk = introduced(gateway)
    desk.hear("event/backlog", gateway.batch(range(1, 41), zip=True))
    deliver(desk, gateway, [70, 70, 3])
    desk.hear("heartbeat/fibre", gateway.beat())
    missing = [s.data for s in desk.said if s.matter is Matter.MISSING]
    assert missing == [{"first": 41, "last": 69}, {"first": 71, "last": 100}]
    desk.serve(gateway)
    assert sorted(desk.shown()) == list(range(1, 101))
    assert Matter.COME in desk.matters()
    assert not desk.wrong()


def test_what_still_waits_is_not_missing(gateway: Gateway) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, [90])
    desk.hear("heartbeat/fibre", gateway.beat(waiting=99))
    desk.hear("event/backlog", gateway.batch(range(1, 21)))
    assert Matter.MISSING not in desk.matters()
    desk.wait(29)
    desk.hear("event/backlog", gateway.batch(range(21, 41)))
    desk.wait(8)
    assert Matter.MISSING not in desk.matters(), "a backlog is coming in"
    desk.wait(10)
    assert Matter.MISSING in desk.matters()


def test_what_was_pruned_is_not_missed_for_ever(gateway: Gateway) -> None:
    gateway.prune({1, 2, 3, 50, 100})
    desk = introduced(gateway)
    desk.hear("heartbeat/fibre", gateway.beat())
    desk.serve(gateway)
    desk.live(gateway, 600)
    gone = [(s.data["first"], s.data["last"]) for s in desk.said if s.matter is Matter.GONE]
    assert gone == [(1, 3), (50, 50), (100, 100)]
    assert desk.feed.sites[SITE].leafage.proven == 101
    assert desk.feed.sites[SITE].complete
    assert not desk.wrong()


def test_a_pruning_that_comes_late_explains_what_was_shown_before(gateway: Gateway) -> None:
    desk = introduced(gateway)
    checkpoint = gateway.checkpoint()
    gateway.prune(range(1, 51))
    deliver(desk, gateway, range(51, 101))
    desk.hear("event/repeat", gateway.repeat(1, 50))
    desk.hear("heartbeat/fibre", gateway.beat())
    desk.hear("checkpoint", checkpoint)
    for ask in desk.feed.asks(desk.now_s):
        if answered := gateway.answer(ask.topic, ask.payload):
            desk.hear(*answered)
    assert desk.feed.sites[SITE].leafage.proven == 100
    assert not desk.feed.sites[SITE].complete
    desk = _with_its_words(desk)
    desk.wait(200)
    gateway.record(5)
    desk.hear("checkpoint", gateway.checkpoint())
    desk.live(gateway, 600)
    assert desk.feed.sites[SITE].leafage.proven == 106
    assert desk.feed.sites[SITE].complete
    assert not desk.wrong()


def test_what_was_pruned_before_a_late_desk_could_prove_it_is_no_lie(gateway: Gateway) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    gateway.prune(range(90, 101))
    desk = desk.restarted()
    desk.hear("checkpoint", gateway.checkpoint())
    desk.live(gateway, 600)
    assert desk.feed.sites[SITE].leafage.proven == 101
    assert not desk.wrong()
    (said,) = [said for said in desk.said if said.matter is Matter.UNPROVABLE]
    assert said.data == {"ranges": [[90, 100]]}


def _with_its_words(desk: Desk) -> Desk:
    again = desk.restarted()
    again.said = desk.said
    return again


def test_an_alarm_without_a_number_is_matched_with_its_number(gateway: Gateway) -> None:
    desk = introduced(gateway)
    alarm = json.dumps(event(None, "panic.raised", ref="b/u-1"))
    desk.hear("event/unrecorded", alarm)
    desk.hear("event/unrecorded", alarm)
    gateway.record(1, "panic.raised", ref="b/u-1")
    desk.hear("event/alarm", gateway.body(101))
    assert [s.matter for s in desk.said if s.matter.startswith("event-")] == [
        Matter.UNRECORDED,
        Matter.NUMBERED,
    ]
    assert not desk.feed.sites[SITE].unrecorded
    desk.hear("event/unrecorded", alarm)
    assert not desk.feed.sites[SITE].unrecorded


# Life


def test_ninety_seconds_of_silence_are_the_loss_of_the_site(gateway: Gateway) -> None:
    desk = introduced(gateway)
    desk.hear("heartbeat/fibre", gateway.beat())
    desk.wait(89)
    assert Matter.LOST not in desk.matters()
    desk.wait(1)
    assert Matter.LOST in desk.matters()
    desk.hear("heartbeat/fibre", gateway.beat())
    assert Matter.ALIVE in desk.matters()


def test_an_old_heartbeat_proves_nothing(gateway: Gateway) -> None:
    desk = introduced(gateway)
    first, second = gateway.beat(), gateway.beat()
    desk.hear("heartbeat/fibre", first)
    desk.hear("heartbeat/fibre", second)
    desk.hear("heartbeat/fibre", first)
    assert not desk.wrong(), "a broker that crashed delivers again"
    desk.wait(60)
    desk.hear("heartbeat/fibre", first)
    desk.wait(30)
    assert [said.matter for said in desk.wrong()] == [Matter.HEARTBEAT_REPLAYED]
    assert Matter.LOST in desk.matters(), "the replayed one kept nothing alive"


def test_a_restarted_gateway_counts_anew_and_its_past_stays_past(gateway: Gateway) -> None:
    desk = introduced(gateway)
    old = [gateway.beat() for _ in range(5)]
    for beat in old:
        desk.hear("heartbeat/fibre", beat)
    gateway.run, gateway.beats = 100, 0
    desk.hear("status/fibre", gateway.status())
    desk.hear("heartbeat/fibre", gateway.beat())
    desk.wait(16)
    assert not desk.wrong()
    desk.hear("heartbeat/fibre", old[-1])
    assert [said.matter for said in desk.wrong()] == [Matter.HEARTBEAT_REPLAYED]


def test_a_will_is_said(gateway: Gateway) -> None:
    desk = introduced(gateway)
    desk.hear("status/fibre", gateway.status(online=False))
    assert "vanished" in desk.said[-1].text
    desk.hear("status/fibre", gateway.status())
    assert desk.said[-1].matter is Matter.ONLINE


# Over a restart of the desk


def test_a_restart_forgets_nothing(gateway: Gateway) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.hear("heartbeat/fibre", beat := gateway.beat())
    late = gateway.checkpoint()
    gateway.record(1)
    deliver(desk, gateway, [101])
    desk.hear("checkpoint", gateway.checkpoint())
    desk.serve(gateway)
    gateway.record(9)
    forged = gateway.body(105).replace(b"store", b"vault")
    deliver(desk, gateway, [102])
    desk.hear("event/live", forged)
    again = desk.restarted()
    again.hear("event/live", gateway.body(101))
    assert again.shown() == []
    again.hear("heartbeat/fibre", beat)
    again.hear("checkpoint", late)
    assert not again.wrong(), "a broker that crashed, or did not hear us, delivers again"
    again.wait(16)
    again.hear("heartbeat/fibre", beat, again=True)
    assert not again.wrong()
    again.hear("heartbeat/fibre", beat)
    assert [said.matter for said in again.wrong()] == [Matter.HEARTBEAT_REPLAYED]
    deliver(again, gateway, [103, 104, 106, 107, 108, 109, 110])
    again.hear("checkpoint", gateway.checkpoint())
    again.serve(gateway)
    assert again.feed.sites[SITE].leafage.proven == 110
    changed = [said.data["seq"] for said in again.wrong() if said.matter is Matter.EVENT_CHANGED]
    assert set(changed) == {105}, "what was told before the restart is held against the record"


@pytest.mark.parametrize("first", [1, 41])
def test_what_came_before_a_desk_began_may_be_wanted_later(gateway: Gateway, first: int) -> None:
    desk = introduced(gateway, first=None)
    desk.hear("heartbeat/fibre", gateway.beat())
    gateway.record(20)
    deliver(desk, gateway, range(101, 121))
    desk.hear("checkpoint", gateway.checkpoint())
    desk.live(gateway, 60)
    again = desk.restarted(first=first).restarted(first=110)
    again.live(gateway, 90)
    assert again.shown() == [*range(first, 101)], "what was told before is not told again"
    assert again.feed.sites[SITE].leafage.proven == 120
    assert again.feed.sites[SITE].complete
    assert not again.wrong()


def test_a_rollback_while_the_desk_was_away_is_seen(gateway: Gateway) -> None:
    desk = introduced(gateway).restarted()
    desk.hear("checkpoint", gateway.checkpoint(40), retained=True)
    assert [said.matter for said in desk.wrong()] == [Matter.ROLLED_BACK]


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"version": 2, "sites": {}},
        {"version": 1, "sites": {SITE: {"came": [[2, 1]]}}},
        {"version": 1, "sites": {SITE: {"keys": [[1, "x"]]}}},
        {"version": 1, "sites": {SITE: []}},
        {"version": 1, "sites": {SITE: {"keys": [[1, str(SIGNER.verifier)]], "checkpoint": "x"}}},
    ],
)
def test_damaged_memory_is_refused(kept: dict[str, Any]) -> None:
    with pytest.raises(MemoryUnusable):
        Feed(0.0, kept=kept)


def test_memory_of_another_key_is_refused(gateway: Gateway) -> None:
    memory = introduced(gateway).feed.memory()
    other = {SITE: Verifier(ORIGIN, bytes(32))}
    with pytest.raises(MemoryUnusable, match="another key"):
        Feed(0.0, keys=other, kept=memory)
