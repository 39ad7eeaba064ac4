"""A site file as a whole: what it becomes, and every mistake told at once, once, on its line."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.config.mistakes import SiteFileMistakes
from agent.config.sitefile import load
from drivers.contract import Offers

Mistakes = Callable[[str], list[str]]

HERE = Path(__file__).parent
GOOD = (HERE / "good.toml").read_text()
ONE_MISTAKE = tomllib.loads((HERE / "one_mistake.toml").read_text())["case"]


def changed(before: str, after: str) -> str:
    assert GOOD.count(before) == 1, before
    return GOOD.replace(before, after)


def test_a_good_file_becomes_typed_models(acme_drivers: Path) -> None:
    file = load(HERE / "good.toml")
    board = file.devices[0]
    assert (board.id, board.driver, board.simulated, board.supervision_s) == (
        "board", "acme", True, 5,
    )  # fmt: skip
    assert board.entry == "acme_driver.driver:Driver"
    assert board.offers == Offers(
        points=frozenset({"store-contact", "guard-panic", "hall-pir"}),
        outputs=frozenset({"store-strike"}),
    )
    assert board.options["port"] == "here"
    assert board.options["inputs"] == {
        "store-contact": {"pin": 17, "pull": "up"},
        "guard-panic": {"pin": 27, "pull": "down"},
        "hall-pir": {"pin": 5, "pull": "up"},
    }
    assert [device.supervision_s for device in file.devices] == [5, 10, 10]
    assert file.plan.door[0].reader_in == ("reader",)
    assert [device.simulated for device in file.plan.device] == [True, False, False]
    assert [device.reads_fingers for device in file.plan.device] == [False, True, False]
    assert file.paths[0].port == 1883


def test_the_digest_is_of_what_is_meant(tmp_path: Path, acme_drivers: Path) -> None:
    good = (HERE / "good.toml").read_text()
    digest = load(HERE / "good.toml").digest()
    for number, (text, same) in enumerate(
        [("# a remark\n" + good, True), (good.replace('name = "', 'name = "another ', 1), False)]
    ):
        written = tmp_path / f"{number}.toml"
        written.write_text(text)
        assert (load(written).digest() == digest) is same


@pytest.mark.parametrize("case", ONE_MISTAKE, ids=lambda case: case["said"][:50])
def test_one_mistake_is_one_line(case: dict[str, str], mistakes: Mistakes) -> None:
    text = changed(case["before"], case["after"])
    found = mistakes(text)
    assert len(found) == 1, found
    line, _, said = found[0].partition(": ")
    assert said.startswith(case["said"])
    there = text.split("\n")[int(line) - 1]
    assert case.get("line", case["after"].split("\n")[-1]) in there


# What hangs on a mistake is not told as one more.
NO_CASCADE = [
    ('id = "board"', 'id = "baord"', 1),  # everything refers to board: told once
    ('id = "board"', 'id = "Board"', 1),
    ('id = "board"\n', "", 1),
    ('driver = "acme"\nsimulated', 'driver = "x25"\nsimulated', 1),
    ("[device.inputs]", "inputs = 3\n[device.ipnuts]", 2),
    ("hall-pir = { pin = 5 }", "hall-pir = { pin = 5", 1),
    ('[[area]]\nid = "store"', '[[area]]\nid = "Store"', 1),
    ('[[area]]\nid = "store"', "[[area]]", 1),
    ('[[area]]\nid = "store"', '[area]\nid = "store"', 1),
    ('contact = "board.store-contact"', "contact = 5", 1),
    ('reader_in = "reader"', 'reader_in = ["reader", 5]', 1),
    ('reader_in = "reader"', 'reader_in = ["raeder", 5]', 2),
    ("people = 1", "held_s = 400\nprewarn_s = 35", 1),
    ('[[device]]\nid = "hall"', '[[devcie]]\nid = "hall"', 1),
    ('[[area]]\nid = "store"', '[[aera]]\nid = "store"', 1),
    ('[[schedule]]\nid = "office"', '[[shedule]]\nid = "office"', 1),
    ('[[schedule]]\nid = "office"', "[[schedule]]\nid = 7", 1),
    ('id = "hall"\narea = "store"\npoint', 'id = "Hall"\narea = "store"\npoint', 1),
]


@pytest.mark.parametrize(("before", "after", "count"), NO_CASCADE)
def test_one_mistake_does_not_make_others(
    before: str, after: str, count: int, mistakes: Mistakes
) -> None:
    found = mistakes(changed(before, after))
    assert len(found) == count, found


def test_a_doors_contact_may_be_a_zone_as_well(mistakes: Mistakes) -> None:
    assert mistakes(changed('point = "board.hall-pir"', 'point = "board.store-contact"')) == []


def test_devices_that_are_no_tables_are_told_once(mistakes: Mistakes) -> None:
    site_half = GOOD[GOOD.index("[[area]]") :]
    assert mistakes(f'device = 3\n[site]\nid = "x"\nname = "X"\n{site_half}') == [
        "1: device: found 3; write a table headed [[device]] for each"
    ]


def test_an_id_that_is_given_twice_is_told_at_the_second(mistakes: Mistakes) -> None:
    found = mistakes(changed('id = "reader"', 'id = "board"'))
    assert found[0] == '19: device.board.id: found "board"; write another id: a device has it'


def test_a_device_that_is_not_there_says_how_often_it_is_named(mistakes: Mistakes) -> None:
    (found,) = mistakes(changed('id = "board"', 'id = "gadget"'))
    assert 'strike: found "board.store-strike", of no device (and 3 more keys name it);' in found


WRONG = HERE / "twenty.toml"
MARK = re.compile(r"# wrong: (\S+)")


def test_twenty_mistakes_are_twenty_lines_each_on_its_own(acme_drivers: Path) -> None:
    lines = WRONG.read_text().split("\n")
    marked = {(n, key) for n, line in enumerate(lines, 1) for key in MARK.findall(line)}
    assert len(marked) == 20
    with pytest.raises(SiteFileMistakes) as wrong:
        load(WRONG)
    assert {(one.line, one.key) for one in wrong.value.mistakes} == marked
    assert len(wrong.value.mistakes) == len(str(wrong.value).split("\n")) == 20
    for one in wrong.value.mistakes:
        assert str(one) == f"{WRONG}:{one.line}: {one.key}: found {one.found}; {one.remedy}"


def test_a_file_that_is_not_there_is_one_mistake_without_a_line(tmp_path: Path) -> None:
    with pytest.raises(SiteFileMistakes) as wrong:
        load(tmp_path / "absent.toml")
    assert str(wrong.value).startswith(f"{tmp_path}/absent.toml: found no site file that can be")
    with pytest.raises(SiteFileMistakes, match="Is a directory"):
        load(tmp_path)


def test_what_has_no_end_is_one_mistake() -> None:
    with pytest.raises(SiteFileMistakes) as wrong:
        load(Path("/dev/zero"))
    assert str(wrong.value) == (
        "/dev/zero: found more than 4 MiB, which is no site file; name another one"
    )


@pytest.mark.parametrize(
    "number", ["1" * 5000, "0x" + "f" * 5000, "[{ a = -9223372036854775809 }]"]
)
def test_a_number_that_is_too_large_is_one_mistake(tmp_path: Path, number: str) -> None:
    path = tmp_path / "site.toml"
    path.write_text(f'# 11111111111111111111\n[site]\nid = "22222222222222222222"\nx = {number}\n')
    with pytest.raises(SiteFileMistakes) as wrong:
        load(path)
    (line,) = str(wrong.value).split("\n")
    assert line.startswith(f"{path}:4: found `x = {number[:20]}")
    assert "a number of at most 18 digits" in line


def test_a_file_as_windows_editors_save_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    text = "[site]\nid = 1\n"
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    with pytest.raises(SiteFileMistakes) as wrong:
        load(path)
    assert f"{path}:2: site.id: found 1;" in str(wrong.value)


def test_what_is_not_utf_8_is_one_mistake(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_bytes(b'[site]\nname = "Almac\xe9n"\n')
    with pytest.raises(SiteFileMistakes) as wrong:
        load(path)
    assert str(wrong.value) == (
        f"{path}:2: found the byte 0xe9, which is not UTF-8; save the file as UTF-8"
    )


def test_lists_nested_beyond_reading_are_one_mistake(mistakes: Mistakes) -> None:
    deep = "[" * 100_000
    assert mistakes(f"x = {deep}") == ["1: found lists in lists in lists; nest them less"]


ODD = ['""', '"x"', '"x.y"', "0", "-1", "1e400", "nan", "true", "[]", "{}", "[[]]", "[{}]",
       "[1, 'a']", "2026-01-31", "07:30:00", "9" * 30, '{ id = "x" }', "'''a\nb'''"]  # fmt: skip
ASSIGNED = re.compile(r"= .*$", re.MULTILINE)


def spoilt(data: st.DataObject) -> str:
    """Draw the good file with some values replaced and some lines left out."""

    def value(assigned: re.Match[str]) -> str:
        spoil = data.draw(st.integers(0, 3)) == 0
        return f"= {data.draw(st.sampled_from(ODD))}" if spoil else assigned[0]

    lines = ASSIGNED.sub(value, GOOD).split("\n")
    for _ in range(data.draw(st.integers(0, 3))):
        lines.pop(data.draw(st.integers(0, len(lines) - 1)))
    return "\n".join(lines)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_no_file_is_too_wrong_to_be_told_so(mistakes: Mistakes, data: st.DataObject) -> None:
    found = mistakes(spoilt(data))
    assert len(set(found)) == len(found)
    for line in found:
        assert re.match(r"\d+: .*found .*; ", line), line


def test_checking_loads_no_driver_and_no_hardware_library() -> None:
    program = """
import sys
from pathlib import Path
from agent.config.sitefile import load
file = load(Path("config/reference.toml"))
assert {device.driver for device in file.devices} == {"gpio", "eol", "zfm", "osdp", "camera"}
heavy = {"cv2", "serial", "osdp", "gpiozero", "pigpio", "pyfingerprint", "paho", "numpy", "rich"}
loaded = {name.partition(".")[0] for name in sys.modules}
assert not heavy & loaded, heavy & loaded
assert not [name for name in sys.modules if name.endswith(".driver")]
"""
    root = HERE.parents[1]
    subprocess.run([sys.executable, "-c", program], cwd=root, check=True, timeout=60)
