"""What the fingerprint driver makes of the bytes that arrive."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.zfm.answer import LONGEST, MOST_JUNK, Answer, Garbled

# ZFM user manual: password verified; no finger; not found (16 bytes also then); 163 positions.
GOLDEN = [
    "EF01FFFFFFFF 07 0003 00 000A",
    "EF01FFFFFFFF 07 0003 02 000C",
    "EF01FFFFFFFF 07 0007 09 0000 0000 0017",
    "EF01FFFFFFFF 07 0005 00 00A3 00AF",
]


def frame(payload: bytes, kind: int = 7) -> bytes:
    body = bytes([kind]) + (len(payload) + 2).to_bytes(2, "big") + payload
    return bytes.fromhex("EF01FFFFFFFF") + body + (sum(body) & 0xFFFF).to_bytes(2, "big")


frames = st.builds(frame, st.binary(min_size=1, max_size=LONGEST - 2), st.integers(0, 255))


def collect(line: bytes, at_once: int) -> tuple[Answer, bytes]:
    """Read as the wire does: never more than is missing; return what is left on the line."""
    answer = Answer()
    while line and answer.missing:
        size = min(answer.missing, at_once)
        answer.feed(line[:size])
        line = line[size:]
    return answer, line


@pytest.mark.parametrize("at_once", [1, 5, 1000])
@pytest.mark.parametrize("wire", GOLDEN)
def test_the_manuals_answers(wire: str, at_once: int) -> None:
    answer, _ = collect(bytes.fromhex(wire), at_once)
    assert answer.missing == 0
    assert answer.frame == bytes.fromhex(wire)


@given(frames, st.binary(max_size=40), st.integers(1, 300))
def test_what_follows_a_frame_is_left_alone(wire: bytes, more: bytes, at_once: int) -> None:
    answer, left = collect(wire + more, at_once)
    assert (bytes(answer.frame), left) == (wire, more)


@given(st.binary(max_size=40).filter(lambda junk: b"\xef\x01" not in junk), frames)
def test_stray_bytes_before_a_frame_are_dropped_and_counted(junk: bytes, wire: bytes) -> None:
    answer, _ = collect(junk + wire, 1000)
    assert (bytes(answer.frame), answer.junk) == (wire, len(junk))


@given(frames, st.data())
def test_a_changed_byte_behind_the_length_is_noticed(wire: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(9, len(wire) - 1))
    changed = bytearray(wire)
    changed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Garbled, match="wrong sum"):
        collect(bytes(changed), 1000)


@pytest.mark.parametrize("length", [0, 2, LONGEST + 1, 0x7FFF, 0xFFFF])
def test_an_impossible_length_is_noticed_at_once(length: int) -> None:
    wire = frame(b"\0")[:7] + length.to_bytes(2, "big") + bytes(3)
    with pytest.raises(Garbled, match=f"{length} bytes long"):
        collect(wire, 12)


def test_noise_without_a_frame_has_an_end() -> None:
    with pytest.raises(Garbled, match="noise"):
        collect(bytes(2 * MOST_JUNK), 1000)


@given(st.lists(st.one_of(st.binary(max_size=60), st.just(b"\xef\x01"), frames)))
def test_whatever_arrives_is_a_frame_or_garbled(pieces: list[bytes]) -> None:
    answer = Answer()
    with contextlib.suppress(Garbled):
        for byte in b"".join(pieces):
            if not answer.missing:
                break
            answer.feed(bytes([byte]))
        assert 0 <= answer.missing <= 9 + LONGEST
        if not answer.missing:
            body, told = answer.frame[6:-2], answer.frame[-2:]
            assert answer.frame.startswith(b"\xef\x01")
            assert len(body) == int.from_bytes(body[1:3], "big") + 1
            assert sum(body) & 0xFFFF == int.from_bytes(told, "big")
