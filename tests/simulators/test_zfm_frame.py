"""The simulated fingerprint module's frames: the manual's bytes, however they are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.zfm_frame import LONGEST_PAYLOAD, Frame, FrameReader, Kind, encode

ANYBODY = 0xFFFFFFFF
# ZFM user manual, "Instructions": the commands as they are printed there.
GOLDEN = {
    "verify password": ("01 00 07 13 00 00 00 00 00 1B", "13 00 00 00 00"),
    "read image": ("01 00 03 01 00 05", "01"),
    "convert": ("01 00 04 02 01 00 08", "02 01"),
    "make model": ("01 00 03 05 00 09", "05"),
    "store at 1": ("01 00 06 06 01 00 01 00 0F", "06 01 00 01"),
    "search 163": ("01 00 08 04 01 00 00 00 A3 00 B1", "04 01 00 00 00 A3"),
    "read parameters": ("01 00 03 0F 00 13", "0F"),
    "count": ("01 00 03 1D 00 21", "1D"),
    "empty": ("01 00 03 0D 00 11", "0D"),
}

frames = st.builds(
    Frame,
    address=st.integers(0, ANYBODY),
    kind=st.sampled_from([int(kind) for kind in Kind]),
    payload=st.binary(min_size=1, max_size=LONGEST_PAYLOAD),
)


@pytest.mark.parametrize("name", GOLDEN)
def test_the_manuals_frames(name: str) -> None:
    wire, payload = (bytes.fromhex(text) for text in GOLDEN[name])
    wire = bytes.fromhex("EF01FFFFFFFF") + wire
    assert encode(ANYBODY, Kind.COMMAND, payload) == wire
    assert FrameReader().feed(wire) == [Frame(ANYBODY, Kind.COMMAND, payload)]


@given(frames)
def test_a_frame_byte_by_byte_is_the_frame(frame: Frame) -> None:
    reader = FrameReader()
    wire = encode(frame.address, frame.kind, frame.payload)
    found = [reader.feed(bytes([byte])) for byte in wire]
    assert found[-1] == [frame]
    assert not any(found[:-1])


@given(frames, frames, st.integers(0, 600))
def test_two_frames_cut_anywhere_are_two_frames(one: Frame, two: Frame, cut: int) -> None:
    wire = b"".join(encode(f.address, f.kind, f.payload) for f in (one, two))
    reader = FrameReader()
    assert reader.feed(wire[:cut]) + reader.feed(wire[cut:]) == [one, two]


@given(frames, st.data())
def test_a_changed_byte_behind_the_length_is_noticed(frame: Frame, data: st.DataObject) -> None:
    wire = bytearray(encode(frame.address, frame.kind, frame.payload))
    place = data.draw(st.integers(9, len(wire) - 1))
    wire[place] ^= data.draw(st.integers(1, 255))
    found = FrameReader().feed(wire)
    assert [f.intact for f in found] == [False]


@given(st.lists(st.binary(max_size=300), max_size=10), frames)
def test_after_garbage_and_a_pause_a_frame_is_understood(junk: list[bytes], frame: Frame) -> None:
    reader = FrameReader()
    for piece in junk:
        reader.feed(piece)
    reader.reset()
    assert reader.feed(encode(frame.address, frame.kind, frame.payload)) == [frame]


@given(st.binary(max_size=50).filter(lambda junk: b"\xef" not in junk), frames)
def test_bytes_before_a_frame_are_skipped(junk: bytes, frame: Frame) -> None:
    wire = junk + encode(frame.address, frame.kind, frame.payload)
    assert FrameReader().feed(wire) == [frame]


def test_a_header_with_an_impossible_length_is_no_header() -> None:
    impossible = bytes.fromhex("EF01FFFFFFFF017FFF")
    wire = impossible + encode(ANYBODY, Kind.COMMAND, b"\x01")
    assert FrameReader().feed(wire) == [Frame(ANYBODY, Kind.COMMAND, b"\x01")]
