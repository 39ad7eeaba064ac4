"""A new gateway, from an empty record to two officers at the door, by the technician's commands."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.system.house import House
from tests.system.test_enrol import lay

READER = "store-reader"


@pytest.fixture
def new(make_house: Callable[[str], House], blind_text: str) -> House:
    """An armoury whose store asks for two people, and where nobody is known."""
    house = make_house(blind_text.replace("people = 1", "people = 2"))
    house.start()
    return house


def armoury(house: House, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "agent.cli.main", *words, "--socket", str(house.control)],
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def clear_reader(house: House) -> None:
    """Rid the demo's reader of the fingers that it knows, as one that was used elsewhere."""
    said = armoury(house, "reader", "clear", READER)
    assert said.returncode == 0, said.stderr
    assert house.tell(READER, "state")["templates"] == []


def learn(house: House, person: str, finger: str) -> None:
    """Have the store's reader learn a finger."""
    after = house.head()
    words = ["person", "finger", person, "--reader", READER, "--socket", str(house.control)]
    with subprocess.Popen(
        [sys.executable, "-m", "agent.cli.main", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as asking:
        house.wait_for(after=after, kind="command.accepted")
        lay(house, finger)
        lay(house, finger)
        said, _ = asking.communicate(timeout=40)
    assert asking.returncode == 0, said


def test_two_officers_are_made_with_a_fingerprint_reader_alone(new: House) -> None:
    assert re.search("bootstrap +open", armoury(new, "status").stdout)
    clear_reader(new)
    for person, finger in (("p-1", "anna"), ("p-2", "berta")):
        said = armoury(new, "person", "enrol", person, "--role", "officer")
        assert said.returncode == 0, said.stderr
        learn(new, person, finger)
    assert "bootstrap" not in armoury(new, "status").stdout

    listed = armoury(new, "person", "list").stdout.splitlines()
    assert [line.split() for line in listed[1:]] == [
        ["p-1", "officer", "finger", "store", "known"],
        ["p-2", "officer", "finger", "store", "known"],
    ]
    said = armoury(new, "person", "enrol", "p-3", "--role", "guard")
    assert (said.returncode, "two officers must identify" in said.stderr) == (1, True)

    after = new.head()
    lay(new, "anna")
    lay(new, "berta")
    granted = new.wait_for(after=after, kind="access.granted", object="store")
    assert granted["data"]["persons"] == ["p-1", "p-2"]
    said = armoury(new, "person", "enrol", "p-3", "--role", "guard", "--card", "0A1B")
    assert said.returncode == 0, said.stderr


def test_power_lost_between_the_two_leaves_it_possible(new: House) -> None:
    clear_reader(new)
    said = armoury(new, "person", "enrol", "p-1", "--role", "officer")
    assert said.returncode == 0, said.stderr
    learn(new, "p-1", "anna")
    new.kill_daemon()
    new.daemon_do("start")
    said = armoury(new, "person", "enrol", "p-2", "--role", "officer")
    assert said.returncode == 0, said.stderr
    learn(new, "p-2", "berta")
    said = armoury(new, "person", "enrol", "p-3", "--role", "officer")
    assert (said.returncode, "two officers must identify" in said.stderr) == (1, True)
