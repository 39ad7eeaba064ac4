"""The simulated fingerprint module: every command's answer, its size and its code."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.zfm_finger import IMAGE_BYTES, Finger, Window
from simulators.zfm_frame import Frame, FrameReader, Kind, encode
from simulators.zfm_memory import Memory
from simulators.zfm_module import Module

ADDRESS = 0xFFFFFFFF
# Sizes of acknowledgements, frame and all (ZFM user manual); they hold when it refuses, too.
SIZES = {0x03: 14, 0x04: 16, 0x0F: 28, 0x14: 16, 0x1B: 16, 0x1D: 14, 0x1F: 44}
COMMANDS = [*range(0x01, 0x0B), *range(0x0C, 0x10), *range(0x12, 0x16), 0x1B, 0x1D, 0x1F, 0x53]
SEARCH = bytes.fromhex("04 01 0000 00A2")
STORE_9 = bytes.fromhex("06 01 0009")


class Desk:
    """A module, asked frame by frame."""

    def __init__(self, **memory: object) -> None:
        self.now_s = 0.0
        self.saved = 0
        self.window = Window(lambda: self.now_s)
        self.memory = Memory(**memory)
        self.memory.enrol([1, 2, 3])
        self.module = Module(self.memory, self.window, self._save)

    def _save(self) -> None:
        self.saved += 1

    def ask(self, payload: str | bytes, address: int = ADDRESS) -> bytes:
        """Return the payload of the acknowledgement, which must be all of the answer."""
        (frame,) = self.frames(payload, address)
        assert frame.kind == Kind.ACKNOWLEDGE
        return frame.payload

    def frames(self, payload: str | bytes, address: int = ADDRESS) -> list[Frame]:
        payload = bytes.fromhex(payload) if isinstance(payload, str) else payload
        return FrameReader().feed(self.module.answer(Frame(address, Kind.COMMAND, payload)))

    def impress(self, name: str, buffer: int = 1) -> None:
        """Lay a finger and have it converted."""
        self.window.lay(Finger.named(name), None)
        assert self.ask("01") == b"\0"
        assert self.ask(bytes([0x02, buffer])) == b"\0"


def test_no_finger_no_image() -> None:
    desk = Desk()
    assert desk.ask("01") == b"\x02"
    assert desk.ask("02 01") == b"\x15"


def test_a_finger_is_there_until_its_time_is_over() -> None:
    desk = Desk()
    desk.window.lay(Finger.named("1"), 800)
    assert desk.ask("01") == b"\0"
    assert desk.window.clear_ms == 0
    desk.now_s = 0.8
    assert desk.ask("01") == b"\x02"
    desk.now_s = 1.0
    assert desk.window.clear_ms == 200
    desk.window.lay(Finger.named("2"), None)
    desk.now_s = 5.0
    assert desk.window.clear_ms == 0
    desk.window.lift()
    desk.now_s = 5.5
    assert desk.window.clear_ms == 500


@pytest.mark.parametrize("command", ["04", "1B"])
def test_a_known_finger_is_found_with_its_position_and_score(command: str) -> None:
    desk = Desk()
    desk.impress("2")
    code, position, score = _search(desk.ask(bytes.fromhex(command) + SEARCH[1:]))
    assert (code, position) == (0, 2)
    assert score > 200


def test_an_unknown_finger_is_not_found_and_the_answer_keeps_its_size() -> None:
    desk = Desk()
    desk.impress("stranger")
    assert desk.ask(SEARCH) == b"\x09\0\0\0\0"


def test_only_the_asked_range_is_searched() -> None:
    desk = Desk()
    desk.impress("3")
    assert desk.ask("04 01 0000 0003")[0] == 0x09
    assert desk.ask("04 01 0003 0001")[0] == 0x00


def test_an_enrolled_finger_is_found_from_then_on() -> None:
    desk = Desk()
    desk.impress("anna", 1)
    desk.impress("anna", 2)
    assert desk.ask("05") == b"\0"
    assert desk.ask(STORE_9) == b"\0"
    assert desk.saved == 1
    assert desk.ask("1D") == b"\0\0\x04"
    desk.impress("anna")
    assert _search(desk.ask(SEARCH))[:2] == (0, 9)


def test_two_fingers_make_no_model() -> None:
    desk = Desk()
    desk.impress("anna", 1)
    desk.impress("bert", 2)
    assert desk.ask("03") == b"\x08\0\0"
    assert desk.ask("05") == b"\x0a"


def test_two_impressions_of_a_finger_differ_and_are_alike() -> None:
    desk = Desk()
    desk.impress("anna", 1)
    desk.impress("anna", 2)
    code, score = desk.ask("03")[0], int.from_bytes(desk.ask("03")[1:], "big")
    assert code == 0
    assert 200 < score < 250


@pytest.mark.parametrize(("flaw", "code"), [(0x06, b"\x06"), (0x07, b"\x07")])
def test_a_poor_finger_has_an_image_but_no_features(flaw: int, code: bytes) -> None:
    desk = Desk()
    desk.window.lay(Finger("poor", bytes(512), flaw), None)
    assert desk.ask("01") == b"\0"
    assert desk.ask("02 01") == code


def test_positions_beyond_the_capacity_are_refused() -> None:
    desk = Desk(capacity=10)
    desk.impress("anna")
    assert desk.ask("06 01 0009") == b"\0"
    assert desk.ask("06 01 000A") == b"\x0b"
    assert desk.ask("07 01 000A") == b"\x0b"
    assert desk.ask("0C 0009 0002") == b"\x10"


def test_loading_what_is_not_there_is_refused() -> None:
    desk = Desk()
    assert desk.ask("07 01 0003") == b"\0"
    assert desk.ask("07 01 0004") == b"\x0c"


def test_deleting_and_emptying() -> None:
    desk = Desk()
    assert desk.ask("0C 0001 0002") == b"\0"
    assert desk.memory.templates.keys() == {3}
    assert desk.ask("0D") == b"\0"
    assert desk.ask("1D") == b"\0\0\0"
    assert desk.saved == 2


def test_the_index_has_a_bit_for_every_position_least_first() -> None:
    desk = Desk(capacity=1000)
    desk.memory.enrol([8, 300])
    assert desk.ask("1F 00") == b"\0" + bytes([0b1110, 0b1]) + bytes(30)
    assert desk.ask("1F 01") == b"\0" + bytes(5) + bytes([1 << 4]) + bytes(26)
    assert desk.ask("1F 04")[0] == 0x0B


@pytest.mark.parametrize(
    ("command", "place", "value"),
    [("0E 04 0C", 15, 12), ("0E 05 05", 7, 5), ("0E 06 03", 13, 3)],
)
def test_a_parameter_that_is_set_is_read_back(command: str, place: int, value: int) -> None:
    desk = Desk()
    assert desk.ask(command) == b"\0"
    assert int.from_bytes(desk.ask("0F")[place : place + 2], "big") == value
    assert desk.saved == 1


@pytest.mark.parametrize("command", ["0E 04 0D", "0E 05 00", "0E 06 04", "0E 07 01"])
def test_a_parameter_out_of_bounds_is_refused(command: str) -> None:
    desk = Desk()
    before = desk.ask("0F")
    assert desk.ask(command) == b"\x1a"
    assert desk.ask("0F") == before
    assert desk.saved == 0


def test_the_parameters_are_where_the_manual_has_them() -> None:
    words = "0004 0009 00A2 0003 FFFFFFFF 0002 0006"
    assert Desk().ask("0F") == b"\0" + bytes.fromhex(words)


def test_a_password_locks_everything_but_its_verification() -> None:
    desk = Desk(password=0x01020304)
    assert desk.ask("1D") == b"\x21\0\0"
    assert desk.ask("13 00000000") == b"\x13"
    assert desk.ask("13 01020304") == b"\0"
    assert desk.ask("1D") == b"\0\0\x03"
    desk.module.power_up()
    assert desk.ask("1D") == b"\x21\0\0"


def test_a_new_password_is_needed_after_the_next_start() -> None:
    desk = Desk()
    assert desk.ask("12 000000FF") == b"\0"
    assert desk.ask("1D")[0] == 0
    desk.module.power_up()
    assert desk.ask("13 00000000") == b"\x13"
    assert desk.ask("13 000000FF") == b"\0"


def test_a_new_address_holds_from_its_own_acknowledgement_on() -> None:
    desk = Desk()
    (frame,) = desk.frames("15 00000007")
    assert (frame.address, frame.payload) == (7, b"\0")
    assert desk.ask("1D") == b"\x20\0\0"
    assert desk.ask("1D", address=7)[0] == 0


@pytest.mark.parametrize(("code", "size"), [(0, 32), (1, 64), (2, 128), (3, 256)])
def test_a_template_goes_up_in_packets_of_the_set_size(code: int, size: int) -> None:
    desk = Desk()
    desk.ask(bytes([0x0E, 6, code]))
    desk.impress("anna")
    acknowledge, *data = desk.frames("08 01")
    assert acknowledge.payload == b"\0"
    assert {len(frame.payload) for frame in data} == {size}
    assert [frame.kind for frame in data] == [Kind.DATA] * (512 // size - 1) + [Kind.END]


def test_a_template_that_comes_down_is_what_goes_up_again() -> None:
    desk = Desk()
    template = bytes(range(256)) * 2
    assert desk.ask("09 02") == b"\0"
    for start in range(0, 512, 128):
        kind = Kind.END if start == 384 else Kind.DATA
        assert desk.module.answer(Frame(ADDRESS, kind, template[start : start + 128])) == b""
    _, *data = desk.frames("08 02")
    assert b"".join(frame.payload for frame in data) == template


@pytest.mark.parametrize("length", [511, 513, 1024])
def test_a_template_of_another_length_is_not_taken(length: int) -> None:
    desk = Desk()
    desk.ask("09 02")
    desk.module.answer(Frame(ADDRESS, Kind.END, bytes(length)))
    assert desk.ask("08 02") == b"\x0d"


def test_an_image_goes_up_whole() -> None:
    desk = Desk()
    desk.impress("anna")
    _, *data = desk.frames("0A")
    assert sum(len(frame.payload) for frame in data) == IMAGE_BYTES == 36_864


def test_echo_and_random() -> None:
    desk = Desk()
    assert desk.ask("53") == b"\x55"
    first, second = desk.ask("14"), desk.ask("14")
    assert first[0] == second[0] == 0
    assert first != second


@pytest.mark.parametrize("command", COMMANDS)
def test_an_answer_has_its_size_also_when_it_refuses(command: int) -> None:
    refused = Desk(password=1).module.answer(Frame(ADDRESS, Kind.COMMAND, bytes([command])))
    assert len(refused) == SIZES.get(command, 12)


def test_a_wrong_sum_and_an_unknown_command_are_not_understood() -> None:
    desk = Desk()
    for frame in (
        Frame(ADDRESS, Kind.COMMAND, b"\x1d", intact=False),
        Frame(ADDRESS, Kind.COMMAND, b"\xee"),
    ):
        assert desk.module.answer(frame) == encode(ADDRESS, Kind.ACKNOWLEDGE, b"\x01")


@given(
    st.lists(
        st.builds(
            Frame,
            address=st.sampled_from([ADDRESS, 7]),
            kind=st.sampled_from([int(kind) for kind in Kind] + [0, 9]),
            payload=st.builds(
                lambda command, rest: bytes([command]) + rest,
                st.sampled_from([*COMMANDS, 0x00, 0xEE]),
                st.binary(max_size=8),
            ),
            intact=st.booleans(),
        ),
        max_size=30,
    )
)
def test_whatever_it_is_sent_the_module_answers_in_whole_frames(sent: list[Frame]) -> None:
    desk = Desk()
    desk.window.lay(Finger.named("1"), None)
    for frame in sent:
        answer = desk.module.answer(frame)
        answers = FrameReader().feed(answer)
        assert all(answered.intact for answered in answers)
        if frame.kind != Kind.COMMAND:
            assert answer == b""
        else:
            understood = frame.intact and frame.payload[0] in COMMANDS
            first = encode(answers[0].address, answers[0].kind, answers[0].payload)
            assert len(first) == (SIZES.get(frame.payload[0], 12) if understood else 12)


def test_the_flash_survives_in_a_file(tmp_path: Path) -> None:
    memory = Memory(capacity=300, password=5, templates={7: bytes(512)})
    memory.save(tmp_path / "flash")
    assert Memory.load(tmp_path / "flash") == memory


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"templates": {"1": "zz"}}', '{"templates": 4}'])
def test_a_file_that_is_no_flash_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "flash").write_text(text)
    with pytest.raises(ValueError, match="no ZFM module's memory"):
        Memory.load(tmp_path / "flash")


def _search(payload: bytes) -> tuple[int, int, int]:
    return payload[0], int.from_bytes(payload[1:3], "big"), int.from_bytes(payload[3:5], "big")
