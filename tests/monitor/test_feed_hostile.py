"""Whatever comes over the feed, in any order: nothing breaks, every changed byte is found."""

from __future__ import annotations

import base64
import json
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.monitor import numbers as numbers_module
from agent.monitor.feed import Feed
from agent.monitor.said import Matter
from tests.monitor.gateway import (
    SITE,
    Desk,
    Gateway,
    deliver,
    event,
    introduced,
)

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


COUNTS = st.integers(-5, 300) | st.integers(-(10**30), 10**30)


@settings(max_examples=100, deadline=None)
@example([(100, 1000), (100, 0)])
@example([(-5, 0), (-5, 0)])
@example([(2**53, 0), (100, 0)])
@given(st.lists(st.tuples(COUNTS, COUNTS), max_size=5))
def test_whatever_heartbeats_count_nothing_breaks(beats: list[tuple[int, int]]) -> None:
    gateway = Gateway()
    gateway.record(100)
    desk = introduced(gateway, first=None)
    for head, waiting in beats:
        desk.hear("heartbeat/fibre", gateway.beat(head=head, waiting=waiting))
        desk.live(gateway, 60)
    desk.restarted()


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


def _is_recorded(body: bytes, gateway: Gateway) -> bool:
    """Say whether this is what the record has under its number: perhaps another event, again."""
    try:
        said = json.loads(body)
        return bool(json.loads(gateway.body(said["seq"])) == said)
    except (ValueError, TypeError, LookupError):
        return False


@settings(max_examples=80, deadline=None)
@example(10, b"\t", 100)  # a one, a blank: the first event once more
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
    assert _is_recorded(changed, gateway) or desk.wrong()


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


def test_numbers_that_are_made_up_take_no_more_than_their_share(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site that publishes at random must not keep a desk from hearing the others."""
    monkeypatch.setattr(numbers_module, "SPANS_MOST", 1000)
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.hear("heartbeat/fibre", gateway.beat())
    random = Random(1)
    for _ in range(20):
        made_up = sorted(random.sample(range(300, 2**50), 200))
        said = {"first": made_up[0], "last": made_up[-1], "historical": False}
        desk.hear("event/live", json.dumps(said | {"events": [event(n) for n in made_up]}))
    numbers = desk.feed.sites[SITE].numbers
    assert len(numbers.came.spans) <= 1000
    assert len(numbers._ahead) <= 1000
    gateway.record(1, "panic.raised")
    assert [said.matter for said in desk.hear("event/alarm", gateway.body(101))] == [Matter.EVENT]
    desk.hear("checkpoint", gateway.checkpoint())
    desk.serve(gateway)
    assert desk.feed.sites[SITE].leafage.proven == 101


def test_a_number_that_was_made_up_is_no_event_that_has_come(gateway: Gateway) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.hear("event/live", json.dumps(event(105)))
    desk.live(gateway, 240)
    assert Matter.NUMBER_FORGED in desk.matters()
    gateway.record(5)
    deliver(desk, gateway, range(101, 105))
    desk.live(gateway, 120)
    assert Matter.MISSING in desk.matters(), "105 is the record's own now, and has not come"
    assert desk.shown()[-1] == 105
