"""The desk's end of the feed, message by message: what it says, asks and keeps."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.journal.note import Signer, Verifier, sign
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


@pytest.fixture
def gateway() -> Gateway:
    """A gateway with 100 events."""
    made = Gateway()
    made.record(100)
    return made


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
    gateway.pruned = {1, 2, 3, 50, 100}
    desk = introduced(gateway)
    desk.hear("heartbeat/fibre", gateway.beat())
    desk.serve(gateway)
    gone = [(s.data["first"], s.data["last"]) for s in desk.said if s.matter is Matter.GONE]
    assert gone == [(1, 3), (50, 50), (100, 100)]
    assert desk.feed.sites[SITE].leafage.proven == 100
    assert desk.feed.sites[SITE].complete
    assert not desk.wrong()


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


# Lies


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


def test_a_number_that_the_record_never_reaches_is_forged(gateway: Gateway) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
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
    desk.wait(61)
    assert Matter.UNPROVED in desk.matters()


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


def rotated(gateway: Gateway, new: Signer, by: Signer = SIGNER) -> str:
    """Have another key take over with the gateway's next event; return its statement."""
    lines = [ORIGIN, "takes on a new key", str(by.verifier), str(new.verifier)]
    statement = sign("\n".join(lines) + "\n", by, new)
    gateway.record(1, "system.key_rotated", data={"statement": statement})
    gateway.signer = new
    return statement


@pytest.mark.parametrize("first", ["event", "checkpoint", "birth"])
def test_a_key_that_the_old_one_names_is_followed(gateway: Gateway, first: str) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.serve(gateway)
    before = gateway.checkpoint()
    statement = rotated(gateway, Signer(ORIGIN, bytes(32)))
    if first == "event":
        deliver(desk, gateway, [101])
    if first == "birth":
        told = [{"from": 101, "statement": statement}]
        desk.hear("status/fibre", gateway.status(rotations=told))
    desk.hear("checkpoint", gateway.checkpoint())
    desk.hear("checkpoint", before)
    deliver(desk, gateway, [101])
    desk.serve(gateway)
    desk.wait(70)
    desk.hear("status/fibre", gateway.status())
    assert desk.feed.sites[SITE].leafage.proven == 101
    assert not desk.wrong()
    assert Matter.KEY_ROTATED in desk.matters()
    again = desk.restarted(keys={SITE: SIGNER.verifier})
    gateway.record(5)
    deliver(again, gateway, range(102, 107))
    again.hear("checkpoint", gateway.checkpoint())
    again.serve(gateway)
    assert again.feed.sites[SITE].leafage.proven == 106
    assert not again.wrong()


def test_the_old_key_signs_nothing_new(gateway: Gateway) -> None:
    desk = introduced(gateway)
    rotated(gateway, Signer(ORIGIN, bytes(32)))
    deliver(desk, gateway, [101])
    gateway.signer = SIGNER
    desk.hear("checkpoint", gateway.checkpoint())
    assert [said.matter for said in desk.wrong()] == [Matter.SIGNATURE_FALSE]
    kept = desk.feed.sites[SITE].witness.kept
    assert kept is not None
    assert kept.size == 100


def test_a_key_that_nobody_names_is_refused(gateway: Gateway) -> None:
    desk = introduced(gateway)
    new, other = Signer(ORIGIN, bytes(32)), Signer(ORIGIN, bytes([7] * 32))
    rotated(gateway, new, by=other)
    deliver(desk, gateway, [101])
    assert [said.matter for said in desk.wrong()] == [Matter.KEY_CHANGED]
    gateway.record(1, "system.key_rotated", data={"statement": "x"})
    deliver(desk, gateway, [102])
    assert [said.matter for said in desk.wrong()] == [Matter.KEY_CHANGED] * 2
    assert desk.feed.sites[SITE].witness.keyring.keys == [(1, SIGNER.verifier)]


def test_another_key_is_said_once_and_not_believed(gateway: Gateway) -> None:
    desk = introduced(gateway)
    stranger = Gateway(signer=Signer(ORIGIN, bytes(32)))
    desk.hear("status/fibre", stranger.status())
    desk.hear("status/fibre", stranger.status())
    assert [said.matter for said in desk.wrong()] == [Matter.KEY_CHANGED]
    assert desk.feed.sites[SITE].witness.keyring.keys == [(1, SIGNER.verifier)]


def test_a_key_that_is_given_is_the_only_one(gateway: Gateway) -> None:
    other = Signer(ORIGIN, bytes(32)).verifier
    desk = introduced(gateway, keys={SITE: other})
    desk.wait(61)
    assert [said.matter for said in desk.wrong()] == [Matter.KEY_CHANGED, Matter.SIGNATURE_FALSE]
    well = introduced(gateway, keys={SITE: SIGNER.verifier})
    assert Matter.KEY_PINNED not in well.matters()
    assert not well.wrong()


def test_another_sites_key_is_refused() -> None:
    stranger = Gateway(signer=Signer("armoury/lima-01", bytes(32)))
    desk = introduced(stranger)
    assert [said.matter for said in desk.wrong()] == [Matter.KEY_CHANGED]


def test_a_record_that_succeeds_another_is_told_with_its_reason(gateway: Gateway) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.serve(gateway)
    new = Gateway(first=1101, signer=SIGNER.named(f"{ORIGIN}/from-1101"))
    new.record(20)
    desk.hear("status/fibre", new.status(statement=new.statement(gateway)))
    desk.hear("checkpoint", new.checkpoint())
    assert [said.matter for said in desk.wrong()] == [Matter.SUCCEEDED]
    assert "it was damaged" in desk.wrong()[0].text
    deliver(desk, new, range(1101, 1121))
    desk.hear("heartbeat/fibre", new.beat())
    desk.serve(new)
    assert desk.feed.sites[SITE].leafage.proven == 1120
    assert len(desk.wrong()) == 1
    desk.hear("checkpoint", gateway.checkpoint())
    assert desk.wrong()[-1].matter is Matter.ROLLED_BACK


@pytest.mark.parametrize(
    ("size", "altered", "words"),
    [(60, False, "does not know of the events 61 to 100"), (100, True, "another past")],
)
def test_a_successor_that_forgets_is_told_so(
    gateway: Gateway, size: int, altered: bool, words: str
) -> None:
    desk = introduced(gateway)
    new = Gateway(first=1101, signer=SIGNER.named(f"{ORIGIN}/from-1101"))
    new.record(1)
    if altered:
        gateway.bodies[5] = gateway.bodies[6]
    desk.hear("status/fibre", new.status(statement=new.statement(gateway, size)))
    desk.hear("checkpoint", new.checkpoint())
    assert words in desk.wrong()[0].text


def test_a_successor_without_a_statement_is_told_so(gateway: Gateway) -> None:
    desk = introduced(gateway)
    new = Gateway(first=1101, signer=SIGNER.named(f"{ORIGIN}/from-1101"))
    new.record(1)
    desk.hear("checkpoint", new.checkpoint())
    assert "nothing that is signed says why" in desk.wrong()[0].text


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


# Whatever comes

TOPICS_BELOW = [
    "event/alarm", "event/live", "event/backlog", "event/repeat", "event/unrecorded", "event/new",
    "event", "status/fibre", "heartbeat/fibre", "checkpoint", "proof", "leaves", "device/board",
    "area/store", "health", "answer/1", "of_tomorrow", "status", "heartbeat", "device",
]  # fmt: skip


def _valid() -> list[tuple[str, bytes]]:
    gateway = Gateway()
    gateway.record(5)
    return [
        ("event/live", gateway.body(3)),
        ("event/backlog", gateway.batch([1, 2, 3], zip=True)),
        ("event/repeat", gateway.repeat(1, 9)),
        ("event/unrecorded", json.dumps(event(None, "panic.raised", ref="b/u-1")).encode()),
        ("status/fibre", gateway.status(statement="x")),
        ("heartbeat/fibre", gateway.beat()),
        ("checkpoint", gateway.checkpoint().encode()),
        ("proof", gateway.proof(3).encode()),
        ("leaves", gateway.shown(1, 5)),
        ("device/board", b'{"site":"quito-07","device":"board","state":{"condition":"ready"}}'),
        ("area/store", b'{"site":"quito-07","area":"store","state":{"mode":"armed"}}'),
        ("health", b'{"site":"quito-07","at":1,"state":{"disk":{"trouble":"full"}}}'),
        ("answer/1", b'{"at":1,"command":"1","data":{},"reason":"","state":"done"}'),
    ]


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A message that was right once: with bytes changed, cut off, or on another topic."""
    topic, payload = draw(st.sampled_from(_valid()))
    at = draw(st.integers(0, len(payload)))
    match draw(st.sampled_from(["flip", "cut", "insert", "topic", "whole"])):
        case "flip":
            payload = payload[:at] + draw(st.binary(max_size=2)) + payload[at + 1 :]
        case "cut":
            payload = payload[:at]
        case "insert":
            payload = payload[:at] + draw(st.binary(max_size=20)) + payload[at:]
        case "topic":
            topic = draw(st.sampled_from(TOPICS_BELOW))
    return topic, payload


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["events", "first", "last", "seq", "at", "data", "state", "proofs", "old"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)
anything = st.tuples(
    st.sampled_from(TOPICS_BELOW),
    st.binary(max_size=80) | json_values.map(lambda value: json.dumps(value).encode()),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(damaged() | anything, max_size=25), st.booleans())
def test_whatever_comes_nothing_breaks(messages: list[tuple[str, bytes]], retained: bool) -> None:
    desk = Desk()
    for topic, payload in messages:
        desk.hear(topic, payload, retained=retained)
        list(desk.feed.asks(desk.now_s))
        desk.wait(7)
    desk.restarted()


@pytest.mark.parametrize("topic", TOPICS_BELOW)
@pytest.mark.parametrize(
    "payload",
    [b"", b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b"x\x9c" + bytes(50), b"9" * 10_000],
)
def test_hostile_payloads_break_nothing(topic: str, payload: bytes) -> None:
    desk = Desk()
    desk.hear(topic, payload)
    assert len(desk.wrong()) <= 1


@pytest.mark.parametrize("topic", ["", "armoury/v1/", "armoury/v1/UPPER/health", "a/b", "armoury"])
def test_other_topics_are_let_pass(topic: str) -> None:
    assert list(Feed(0.0).take(topic, b"{}", 0.0)) == []


def test_a_bomb_is_not_unpacked() -> None:
    import zlib

    bomb = zlib.compress(bytes(64 << 20))
    desk = Desk()
    desk.hear("event/backlog", bomb)
    assert "too large" in desk.wrong()[0].text


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[int]]:
    """Messages of a hundred events: in any order, any size, with repeats, and some left out."""
    order = draw(st.permutations(range(1, 101)))
    order = order[: draw(st.integers(0, 100))] + draw(st.lists(st.integers(1, 100), max_size=20))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=10)))
    parts = [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    return [sorted(set(part)) for part in parts if part]


@settings(max_examples=80, deadline=None)
@given(deliveries(), st.data())
def test_in_any_order_everything_is_shown_once_and_verified(
    messages: list[list[int]], data: st.DataObject
) -> None:
    gateway = Gateway()
    gateway.record(100)
    desk = introduced(gateway)
    for seqs in messages:
        topic = data.draw(st.sampled_from(["event/live", "event/backlog", "event/alarm/late"]))
        desk.hear(topic, gateway.batch(seqs, zip=data.draw(st.booleans())))
        if data.draw(st.integers(0, 9)) == 0:
            said = desk.said
            desk = desk.restarted()
            desk.said = said
        if data.draw(st.booleans()):
            desk.serve(gateway, rounds=2)
    desk.hear("heartbeat/fibre", gateway.beat())
    desk.serve(gateway)
    assert sorted(desk.shown()) == list(range(1, 101))
    assert not desk.wrong()
    assert desk.feed.sites[SITE].leafage.proven == 100
    assert desk.feed.sites[SITE].complete


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 100), st.binary(min_size=1, max_size=3), st.integers(0, 2000))
def test_one_changed_byte_anywhere_is_found(seq: int, other: bytes, at: int) -> None:
    gateway = Gateway()
    gateway.record(100)
    desk = introduced(gateway)
    body = gateway.body(seq)
    at %= len(body)
    changed = body[:at] + other + body[at + len(other) :]
    for number in range(1, 101):
        desk.hear("event/live", changed if number == seq else gateway.body(number))
    desk.hear("heartbeat/fibre", gateway.beat())
    desk.serve(gateway)
    try:
        same = json.dumps(json.loads(changed), sort_keys=True) == json.dumps(
            json.loads(body), sort_keys=True
        )
    except ValueError:
        same = False
    assert same or desk.wrong()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 5000), st.binary(min_size=1, max_size=2))
def test_no_changed_checkpoint_or_proof_moves_the_witness(at: int, other: bytes) -> None:
    gateway = Gateway()
    gateway.record(100)
    desk = introduced(gateway)
    gateway.record(30)
    true = gateway.checkpoint()
    for below, said in (("checkpoint", true), ("proof", gateway.proof(100))):
        raw = said.encode()
        place = at % len(raw)
        desk.hear(below, raw[:place] + other + raw[place + len(other) :])
    kept = desk.feed.sites[SITE].witness.kept
    assert kept is not None
    assert kept.size == 100 or base64.b64encode(kept.root).decode() in true
