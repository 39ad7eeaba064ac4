"""A feed that lies: each lie is named, and nothing of it is followed."""

from __future__ import annotations

import json

import pytest

from agent.journal.note import Signer
from agent.monitor.said import Matter
from agent.uplink.feed import nothing
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


def test_a_changed_event_is_named(gateway: Gateway) -> None:
    desk = introduced(gateway)
    forged = gateway.body(50).replace(b"store", b"vault")
    for seq in range(1, 101):
        desk.hear("event/live", forged if seq == 50 else gateway.body(seq))
    desk.serve(gateway)
    changed = [said.data["seq"] for said in desk.wrong()]
    assert set(changed) == {50}
    assert all(said.matter is Matter.EVENT_CHANGED for said in desk.wrong())
    assert desk.feed.sites[SITE].leafage.proven == 100, "the true one was told in the end"


def test_a_forged_number_is_found_when_the_true_one_comes(gateway: Gateway) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.hear("event/live", json.dumps(event(101, "door.closed")))
    gateway.record(1, "door.opened")
    deliver(desk, gateway, [101])
    assert [said.matter for said in desk.wrong()] == [Matter.EVENT_CHANGED]


def test_a_changed_event_whose_proof_is_only_a_hash_is_named(gateway: Gateway) -> None:
    desk = introduced(gateway)
    gateway.kept_back = {50}
    for seq in range(1, 101):
        body = gateway.body(seq)
        desk.hear("event/live", body.replace(b"store", b"vault") if seq == 50 else body)
    desk.live(gateway, 180)
    assert not desk.feed.sites[SITE].complete
    (proven,) = [said.text for said in desk.said if said.matter is Matter.PROVEN]
    assert "but for 50, of which only the hash is shown" in proven
    desk = desk.restarted()
    desk.live(gateway, 330)
    assert [(said.matter, said.data["first"]) for said in desk.wrong()] == [
        (Matter.EVENT_CHANGED, 50)
    ]


def test_an_alarm_that_is_kept_back_is_named(gateway: Gateway) -> None:
    gateway.record(1, "panic.raised")
    gateway.record(9)
    desk = introduced(gateway)
    gateway.kept_back = {101}
    deliver(desk, gateway, [seq for seq in range(1, 111) if seq != 101])
    desk.live(gateway, 180)
    assert Matter.GONE in desk.matters()
    assert not desk.feed.sites[SITE].complete
    desk.live(gateway, 120)
    assert [(said.matter, said.data["first"]) for said in desk.wrong()] == [(Matter.DROPPED, 101)]


@pytest.mark.parametrize("restarted", [False, True])
def test_an_answer_that_nobody_asked_for_hides_no_gap(gateway: Gateway, restarted: bool) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.live(gateway, 30)
    desk.hear("event/repeat", nothing(101, 2**53 - 1))
    assert Matter.GONE not in desk.matters()
    desk = desk.restarted() if restarted else desk
    gateway.record(20)
    deliver(desk, gateway, [seq for seq in range(101, 121) if seq != 111])
    desk.hear("heartbeat/fibre", gateway.beat())
    missing = [said.data for said in desk.said if said.matter is Matter.MISSING]
    assert missing == [{"first": 111, "last": 111}]
    desk.serve(gateway)
    assert 111 in desk.shown()


def test_a_pruning_that_is_made_up_explains_nothing(gateway: Gateway) -> None:
    desk = introduced(gateway)
    gateway.kept_back = {50}
    deliver(desk, gateway, [seq for seq in range(1, 100) if seq != 50])
    desk.hear("event/live", json.dumps(event(100, "system.pruned", data={"ranges": [[50, 50]]})))
    desk.live(gateway, 600)
    assert {said.matter for said in desk.wrong()} == {Matter.EVENT_CHANGED, Matter.DROPPED}


@pytest.mark.parametrize("below", ["event/alarm", "event/repeat"])
def test_an_event_from_before_the_desk_began_is_not_believed(gateway: Gateway, below: str) -> None:
    gateway.record(50)
    desk = introduced(gateway, first=None)
    desk.hear("heartbeat/fibre", gateway.beat())
    gateway.record(50)
    deliver(desk, gateway, range(151, 201))
    desk.hear("checkpoint", gateway.checkpoint())
    desk.live(gateway, 60)
    assert desk.feed.sites[SITE].complete
    forged = event(120, "panic.raised")
    told = {"events": [forged], "first": 120, "last": 120, "historical": True}
    desk.hear(below, json.dumps(told))
    desk.live(gateway, 120)
    if below == "event/repeat":
        assert 120 not in desk.shown()
    else:
        assert {(said.matter, said.data["seq"]) for said in desk.wrong()} == {
            (Matter.EVENT_CHANGED, 120)
        }


def test_an_event_under_a_number_that_was_given_up_is_named(gateway: Gateway) -> None:
    gateway.prune({50})
    desk = introduced(gateway)
    desk.live(gateway, 60)
    assert desk.feed.sites[SITE].complete
    desk.hear("event/alarm", json.dumps(event(50, "panic.raised")))
    assert [said.matter for said in desk.wrong()] == [Matter.UNPROVED]


def test_a_number_that_the_record_never_reaches_is_forged(gateway: Gateway) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.serve(gateway)
    desk.hear("event/alarm", json.dumps(event(5000, "panic.raised")))
    for _ in range(6):
        desk.hear("heartbeat/fibre", gateway.beat())
        assert desk.wrong() == [], "those that waited in the other session know nothing of it"
        desk.wait(30)
    desk.hear("heartbeat/fibre", gateway.beat())
    assert [said.matter for said in desk.wrong()] == [Matter.NUMBER_FORGED]
    assert Matter.MISSING not in desk.matters()


def test_an_event_that_comes_again_as_another_is_said(gateway: Gateway) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.serve(gateway)
    assert desk.feed.sites[SITE].leafage.proven == 100
    desk.hear("event/live", gateway.body(7).replace(b"store", b"vault"))
    assert [said.data["seq"] for said in desk.wrong()] == [7]


@pytest.mark.parametrize("ways", [1, 4, 40])
def test_whoever_tells_a_number_first_keeps_no_alarm_from_people(
    gateway: Gateway, ways: int
) -> None:
    """The next numbers can be guessed by whoever may publish."""
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.hear("heartbeat/fibre", gateway.beat())
    desk.serve(gateway)
    for way in range(ways):
        desk.hear("event/live", json.dumps(event(101, mono=way)))
    gateway.record(1, "panic.raised")
    told = desk.hear("event/alarm", gateway.body(101))
    assert [said.matter for said in told] == [Matter.EVENT_CHANGED, Matter.EVENT]
    assert told[-1].data["kind"] == "panic.raised"
    assert desk.hear("event/alarm/late", gateway.body(101)) == [], "a repeat"
    desk.hear("checkpoint", gateway.checkpoint())
    desk.serve(gateway)
    assert desk.feed.sites[SITE].leafage.proven == 101
    ways_kept = desk.feed.sites[SITE].leafage._told[101].digests
    assert len(ways_kept) <= 4, "however many there were"


@pytest.mark.parametrize("below", ["event/unrecorded", "event/live"])
def test_whoever_uses_the_reference_of_an_alarm_keeps_it_from_nobody(
    gateway: Gateway, below: str
) -> None:
    desk = introduced(gateway)
    seq = 200 if below == "event/live" else None
    desk.hear(below, json.dumps(event(seq, ref="b/u-1")))
    alarm = json.dumps(event(None, "panic.raised", ref="b/u-1"))
    assert [said.data["kind"] for said in desk.hear("event/unrecorded", alarm)] == ["panic.raised"]
    again = desk.restarted()
    assert again.hear("event/unrecorded", alarm) == []
    gateway.record(1, "panic.raised", ref="b/u-1")
    told = again.hear("event/alarm", gateway.body(101))
    assert [said.matter for said in told] == [Matter.EVENT, Matter.NUMBERED]


def test_a_rewritten_record_is_not_followed(gateway: Gateway) -> None:
    desk = introduced(gateway)
    gateway.bodies[3] = gateway.bodies[3].replace(b"store", b"vault")
    gateway.record(20)
    desk.hear("checkpoint", gateway.checkpoint())
    desk.serve(gateway, rounds=3)
    assert Matter.NOT_CONTINUED in desk.matters()
    kept = desk.feed.sites[SITE].witness.kept
    assert kept is not None
    assert kept.size == 100


def test_events_that_are_not_what_is_signed_are_said(gateway: Gateway) -> None:
    liar = Gateway()
    liar.record(99)
    liar.record(1, "door.opened")
    desk = introduced(gateway)
    deliver(desk, liar, range(1, 101))
    desk.serve(liar)
    assert Matter.NOT_RECORDED in desk.matters()


def test_a_record_rolled_back_is_said(gateway: Gateway) -> None:
    old = gateway.checkpoint(60)
    desk = introduced(gateway)
    desk.hear("checkpoint", old)
    assert [said.matter for said in desk.wrong()] == [Matter.ROLLED_BACK]


def test_two_roots_for_one_size_are_said(gateway: Gateway) -> None:
    desk = introduced(gateway)
    gateway.bodies[5] = gateway.bodies[6]
    desk.hear("checkpoint", gateway.checkpoint())
    assert [said.matter for said in desk.wrong()] == [Matter.FORKED]


def test_two_roots_for_a_size_before_are_said(gateway: Gateway) -> None:
    desk = introduced(gateway)
    gateway.record(5)
    desk.hear("checkpoint", gateway.checkpoint())
    desk.serve(gateway)
    gateway.bodies[5] = gateway.bodies[6]
    desk.hear("checkpoint", gateway.checkpoint(100))
    assert [said.matter for said in desk.wrong()] == [Matter.FORKED]


def test_what_a_slow_path_brings_late_is_no_lie(gateway: Gateway) -> None:
    desk = introduced(gateway)
    late = gateway.checkpoint()
    gateway.record(5)
    desk.hear("checkpoint", gateway.checkpoint())
    desk.serve(gateway)
    desk.wait(50)
    desk.hear("checkpoint", late)
    assert not desk.wrong()
    desk.wait(50)
    desk.hear("checkpoint", late, again=True)
    assert not desk.wrong(), "the broker delivers again what was not acknowledged"
    desk.hear("checkpoint", late)
    assert [said.matter for said in desk.wrong()] == [Matter.ROLLED_BACK]


def test_a_checkpoint_that_nobody_proves_is_said(gateway: Gateway) -> None:
    desk = introduced(gateway)
    gateway.record(5)
    desk.hear("checkpoint", gateway.checkpoint())
    desk.live(gateway, 90, answers=False)
    (said,) = [said for said in desk.wrong() if "continues" in said.text]
    assert said.matter is Matter.UNPROVED


@pytest.mark.parametrize("over_both", [True, False])
def test_what_another_path_brings_after_a_proof_has_overtaken_it_is_no_lie(
    gateway: Gateway, over_both: bool
) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.serve(gateway)
    gateway.record(100)
    overtaken = gateway.checkpoint()
    gateway.record(100)
    desk.hear("checkpoint", overtaken if over_both else gateway.checkpoint())
    desk.serve(gateway)
    desk.hear("checkpoint", gateway.checkpoint())
    desk.hear("checkpoint", overtaken)
    desk.hear("checkpoint", gateway.checkpoint())
    assert not desk.wrong()
    desk.wait(61)
    desk.hear("checkpoint", overtaken)
    assert [said.matter for said in desk.wrong()] == [Matter.ROLLED_BACK]


def test_leaves_that_nobody_shows_are_said(gateway: Gateway) -> None:
    desk = introduced(gateway)
    for seq in range(1, 101):
        body = gateway.body(seq)
        desk.hear("event/live", body.replace(b"store", b"vault") if seq == 50 else body)
    desk.live(gateway, 60, answers=False)
    assert not desk.wrong()
    desk.live(gateway, 30, answers=False)
    assert [(said.matter, said.data) for said in desk.wrong()] == [
        (Matter.UNPROVED, {"first": 1, "last": 100})
    ]


@pytest.mark.parametrize("dressed", [False, True])
def test_events_that_no_checkpoint_covers_are_said(gateway: Gateway, dressed: bool) -> None:
    """Neither a backlog that never ends nor heartbeats that seldom come put it off for ever."""
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.live(gateway, 30)
    for _ in range(80 if dressed else 7):
        gateway.record(1)
        batch = gateway.batch([gateway.head], historical=dressed)
        desk.hear("event/backlog" if dressed else "event/live", batch)
        desk.live(gateway, 30)
    assert {said.matter for said in desk.wrong()} == {Matter.UNPROVED}
    assert desk.wrong()[0].data["first"] == 101


def test_a_gateway_that_is_away_owes_nothing(gateway: Gateway) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.hear("heartbeat/fibre", gateway.beat())
    gateway.record(20)
    deliver(desk, gateway, range(101, 121))
    desk.hear("checkpoint", gateway.checkpoint(110))
    for _ in range(10):
        desk.wait(3600)
        desk.feed.listening(desk.now_s)
    assert not desk.wrong()
    desk.hear("checkpoint", gateway.checkpoint())
    desk.live(gateway, 60)
    assert desk.feed.sites[SITE].complete
    assert not desk.wrong()


def test_nothing_is_complete_that_no_checkpoint_covers(gateway: Gateway) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.live(gateway, 30)
    assert desk.feed.sites[SITE].complete
    gateway.record(300)
    deliver(desk, gateway, range(101, 401))
    desk.hear("heartbeat/fibre", gateway.beat())
    desk.serve(gateway)
    assert not desk.feed.sites[SITE].complete, "the checkpoints of these were kept back"
    desk.hear("checkpoint", gateway.checkpoint())
    desk.serve(gateway)
    assert desk.feed.sites[SITE].complete


def test_heartbeats_that_count_too_little_complete_nothing(gateway: Gateway) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.live(gateway, 30)
    before = gateway.head
    gateway.record(5)
    deliver(desk, gateway, range(101, 106))
    site = desk.feed.sites[SITE]
    assert site.complete, "as of the last heartbeat"
    assert not site.level
    desk.hear("heartbeat/fibre", gateway.beat(head=before))
    assert not site.complete
    desk.hear("checkpoint", gateway.checkpoint())
    desk.serve(gateway)
    assert site.level


def test_nothing_is_complete_without_a_checkpoint_of_the_key_that_is_given(
    gateway: Gateway,
) -> None:
    stranger = Gateway(signer=Signer(ORIGIN, bytes(32)))
    stranger.record(100)
    desk = Desk(first=1, keys={SITE: SIGNER.verifier})
    deliver(desk, stranger, range(1, 101))
    desk.hear("heartbeat/fibre", stranger.beat())
    assert not desk.feed.sites[SITE].complete
    desk.hear("checkpoint", stranger.checkpoint())
    desk.serve(stranger)
    assert not desk.feed.sites[SITE].complete


def test_a_false_signature_is_said(gateway: Gateway) -> None:
    desk = introduced(gateway)
    stranger = Gateway(signer=Signer(ORIGIN, bytes(32)))
    stranger.record(101)
    desk.hear("checkpoint", stranger.checkpoint())
    assert not desk.wrong(), "its key may yet be named"
    desk.wait(61)
    assert [said.matter for said in desk.wrong()] == [Matter.SIGNATURE_FALSE]
    note = gateway.checkpoint()
    desk.hear("checkpoint", note.replace("\n100\n", "\n101\n"))
    assert [said.matter for said in desk.wrong()] == [Matter.SIGNATURE_FALSE] * 2
