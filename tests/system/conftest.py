"""A whole armoury of a test's own: broker, wires, the real daemon, the monitor."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.feed_contract import document
from tests.system.house import LOAD, House

DEMO = Path(__file__).parents[2] / "config" / "demo.toml"


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[[str], House]]:
    """Make an armoury from a site file's text; it is ended with the test.

    Every message that its monitor has heard must be as the feed's document has it.
    """
    made: list[House] = []

    def make(text: str) -> House:
        site = tmp_path / f"given-{len(made)}.toml"
        site.write_text(text)
        house = House(tmp_path / f"house-{len(made)}", site)
        made.append(house)
        return house

    yield make
    for house in made:
        house.end()
    for house in made:
        if not house.has_strangers:
            told = ((one.topic, one.payload) for one in house.monitor.told())
            assert document().faults(told) == []


@pytest.fixture
def demo_text() -> str:
    """Return the demo's site file with the load inputs on its board."""
    text = DEMO.read_text()
    assert "[device.inputs]\n" in text
    return text.replace("[device.inputs]\n", f"[device.inputs]\n{LOAD}", 1)


@pytest.fixture
def blind_text(demo_text: str) -> str:
    """Return the same without its camera, which costs as much as all the rest together."""
    return without_camera(demo_text)


@pytest.fixture
def house(make_house: Callable[[str], House], blind_text: str) -> House:
    """Return the demo's armoury without its camera, running, every device there and heard."""
    made = make_house(blind_text)
    made.start()
    return made


@pytest.fixture
def seeing(make_house: Callable[[str], House], demo_text: str) -> House:
    """Return the whole of the demo's armoury, running, every device there and heard."""
    made = make_house(demo_text)
    made.start()
    return made


def without_camera(text: str) -> str:
    """Return the demo's site file without what is said of its camera."""
    for table in ("device", "camera"):
        text, found = re.subn(rf'\[\[{table}\]\]\nid = "hall"\n(.+\n)+', "", text)
        assert found == 1
    return text
