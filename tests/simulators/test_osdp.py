"""The simulated OSDP reader: frames however they are cut, and what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.osdp_frame import FrameReader, crc, head
from simulators.osdp_reader import NAK, POLL, Reader
from simulators.osdp_secure import DEFAULT_KEY, Channel, Refused, _aes

# A poll of the reader at address 0.
POLL_FRAME = bytes.fromhex("530008000460") + crc(bytes.fromhex("530008000460"))
KEY = bytes(range(16))


def test_the_crc_is_that_of_the_standard() -> None:
    # CRC-16/SPI-FUJITSU (AUG-CCITT) of "123456789", by which such a CRC is told.
    assert crc(b"123456789") == (0xE5CC).to_bytes(2, "little")


def test_the_default_key_is_that_of_the_standard() -> None:
    assert DEFAULT_KEY == b"0123456789:;<=>?"


@given(
    st.integers(0, len(POLL_FRAME)), st.binary(max_size=8).filter(lambda noise: 0x53 not in noise)
)
def test_a_frame_is_found_however_it_is_cut_and_whatever_stands_before(
    cut: int, noise: bytes
) -> None:
    reader = FrameReader()
    frames = reader.feed(noise + POLL_FRAME[:cut]) + reader.feed(POLL_FRAME[cut:])
    assert [(frame.address, frame.body, frame.intact) for frame in frames] == [(0, b"\x60", True)]


@given(st.binary())
def test_garbage_is_no_error_and_no_answer(garbage: bytes) -> None:
    frames = FrameReader().feed(garbage)
    assert all(Reader(address=5).answer(one) == b"" for one in frames if one.address != 5)


@given(st.integers(0, 255), st.integers(0, len(POLL_FRAME) - 1))
def test_a_changed_byte_is_no_poll(byte: int, place: int) -> None:
    changed = POLL_FRAME[:place] + bytes([byte]) + POLL_FRAME[place + 1 :]
    frames = FrameReader().feed(changed)
    reader = Reader(insecure=True)
    for frame in frames:
        reader.answer(frame)
    assert reader.polls == (1 if changed == POLL_FRAME else 0)


def test_without_a_secure_channel_it_says_nothing_of_what_was_typed() -> None:
    reader = Reader(key=KEY)
    reader.press("271828#")
    (frame,) = FrameReader().feed(POLL_FRAME)
    assert reader.answer(frame)[5] == NAK
    assert (frame.body[0], len(reader.waiting)) == (POLL, 1)


def test_a_panel_with_another_key_is_refused() -> None:
    channel = Channel(KEY, bytes(8), bytes(8))
    with pytest.raises(Refused):
        channel.accept(_aes(DEFAULT_KEY, bytes(16)))


def test_an_answer_is_told_by_its_address() -> None:
    assert head(1, 2, b"", b"\x40", mac=False) == bytes.fromhex("538108000640")
