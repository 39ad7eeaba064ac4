"""The daemon's end of a host's wire: whole, byte by byte, and garbage."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.runtime.lines import MAX_LINE, Alive, Answered, Failed, HostConfused, Lines, Ready
from agent.site.inputs import CredentialRead, Outcome, PointRead, PointState

GOLDEN = [
    ({"is": "ready", "identity": {"n": 1}}, Ready({"n": 1})),
    ({"is": "alive"}, Alive()),
    ({"is": "alive", "measured": {"pir_ohm": 4702}}, Alive({"pir_ohm": 4702})),
    (
        {"is": "point", "point": "p", "state": "alarm", "at": 5, "detail": {}},
        PointRead("d", "p", PointState.ALARM, 5, {}),
    ),
    (
        {"is": "credential", "kind": "finger", "reference": "3", "score": 90, "at": 6},
        CredentialRead("d", "finger", "3", 6, 90),
    ),
    (
        {"is": "answer", "id": 1, "outcome": "done", "reason": ""},
        Answered(1, Outcome.DONE, "", {}),
    ),
    (
        {"is": "failed", "error": "DeviceSilent", "reason": "gone", "stays": True},
        Failed("DeviceSilent", "gone", stays=True),
    ),
]
WIRE = b"".join(json.dumps(said).encode() + b"\n" for said, _ in GOLDEN)


def test_whole_and_byte_by_byte_and_with_a_trailing_piece() -> None:
    wanted = [message for _, message in GOLDEN]
    assert list(Lines("d").feed(WIRE)) == wanted
    slowly = Lines("d")
    assert [m for byte in WIRE for m in slowly.feed(bytes([byte]))] == wanted
    assert list(Lines("d").feed(WIRE + b'{"is": "al')) == wanted


@given(st.binary(max_size=300))
def test_garbage_raises_only_the_protocol_error(garbage: bytes) -> None:
    with contextlib.suppress(HostConfused):
        list(Lines("d").feed(garbage + b"\n"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from([said for said, _ in GOLDEN]),
    st.sampled_from(["is", "identity", "point", "state", "at", "detail", "id", "outcome"]),
    json_values,
)
def test_messages_with_a_wrong_field_raise_only_the_protocol_error(
    said: dict[str, object], key: str, value: object
) -> None:
    with contextlib.suppress(HostConfused):
        list(Lines("d").feed(json.dumps(said | {key: value}).encode() + b"\n"))


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(HostConfused, match="line of more than"):
        list(Lines("d").feed(b"x" * (MAX_LINE + 1)))


@pytest.mark.parametrize(
    "said",
    [
        {"is": "answer", "id": 1, "outcome": "cancelled", "reason": ""},
        {"is": "point", "point": "\ud800", "state": "alarm", "at": 5, "detail": {}},
        {"is": "point", "point": "p", "state": "alarm", "at": -(2**60), "detail": {}},
        {"is": "point", "point": "p", "state": "alarm", "at": 5, "detail": {"share": 0.5}},
        {"is": "point", "point": "p" * 501, "state": "alarm", "at": 5, "detail": {}},
        {"is": "ready", "identity": {"serial": "\ud800"}},
        {"is": "credential", "kind": "finger", "reference": "3", "score": 2**60, "at": 6},
        {"is": "answer", "id": True, "outcome": "done", "reason": ""},
        {"is": "failed", "error": "DeviceSilent", "reason": "gone", "stays": "no"},
    ],
)
def test_what_the_record_cannot_hold_is_refused_at_the_door(said: dict[str, object]) -> None:
    with pytest.raises(HostConfused):
        list(Lines("d").feed(json.dumps(said).encode() + b"\n"))
