"""The converters' frames and pigpiod's commands, against their manuals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.eol import wire
from drivers.eol.wire import Transfers, code, frame, refusal

# DS21295 and DS21298, section 6.1: the start bit, single-ended, the channel.
FRAMES = [
    ("mcp3008", 0, "01 80 00"),
    ("mcp3008", 5, "01 d0 00"),
    ("mcp3008", 7, "01 f0 00"),
    ("mcp3208", 0, "06 00 00"),
    ("mcp3208", 3, "06 c0 00"),
    ("mcp3208", 7, "07 c0 00"),
]


@pytest.mark.parametrize(("adc", "channel", "sent"), FRAMES)
def test_a_frame_is_as_the_manual_has_it(adc: str, channel: int, sent: str) -> None:
    assert frame(adc, channel) == bytes.fromhex(sent)


@pytest.mark.parametrize(
    ("adc", "received", "result"),
    [
        ("mcp3008", "ff fa 00", 0x200),
        ("mcp3008", "00 03 ff", 0x3FF),
        ("mcp3008", "ff f8 00", 0),
        ("mcp3008", "ff ff ff", None),
        ("mcp3208", "ff e8 00", 0x800),
        ("mcp3208", "00 0f ff", 0xFFF),
        ("mcp3208", "ff ff ff", None),
    ],
)
def test_an_answer_bears_its_result_only_with_its_null_bit(
    adc: str, received: str, result: int | None
) -> None:
    assert code(adc, bytes.fromhex(received)) == result


def answers(*parts: tuple[int, bytes]) -> bytes:
    return b"".join(
        wire.COMMAND.pack(wire.SPIX, 0, 0, result & 0xFFFFFFFF) + received
        for result, received in parts
    )


def test_all_channels_are_asked_for_in_one_go() -> None:
    both = Transfers("mcp3008", 9, (0, 5))
    assert both.asked == bytes.fromhex(
        "4b000000 09000000 00000000 03000000 018000 4b000000 09000000 00000000 03000000 01d000"
    )
    good = answers((3, bytes.fromhex("fffa00")), (3, bytes.fromhex("ffffff")))
    assert both.size == len(good)
    assert both.codes(good) == [0x200, None]


def test_a_refusal_is_found_in_a_short_answer() -> None:
    short = answers((3, b"\xff\xfa\x00"), (-25, b""))
    reason = refusal(short)
    assert reason is not None
    assert "restarted" in reason
    assert refusal(answers((-3, b""))) == "error -3"
    assert refusal(answers((3, b"\xff\xfa\x00"))) is None


@given(st.binary(max_size=200))
def test_garbage_is_never_more_than_no_answer(garbage: bytes) -> None:
    refusal(garbage)
    both = Transfers("mcp3208", 0, (0, 1))
    codes = both.codes(garbage.ljust(both.size, b"\0")[: both.size])
    assert codes is None or all(one is None or 0 <= one < 4096 for one in codes)
