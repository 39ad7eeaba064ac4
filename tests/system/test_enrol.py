"""A finger is learned over the real wires: laid twice on the module, then it opens the door."""

from __future__ import annotations

import subprocess
import sys

from tests.system.house import House
from tests.waiting import wait_until

READER = "store-reader"
LEARN_S = 40.0


def learning(house: House, person: str) -> subprocess.Popen[str]:
    """Begin `armoury person finger` for somebody."""
    words = ["person", "finger", person, "--reader", READER, "--position", "7"]
    return subprocess.Popen(
        [sys.executable, "-m", "agent.cli.main", *words, "--socket", str(house.control)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def lay(house: House, name: str) -> None:
    """Lay a finger for as long as it takes, and lift it."""
    images = house.tell(READER, "state")["images"]
    house.tell(READER, "finger", id=name, hold_ms=None)
    wait_until(lambda: house.tell(READER, "state")["images"] >= images + 3, 10, "images")
    house.tell(READER, "lift")
    images = house.tell(READER, "state")["images"]
    wait_until(lambda: house.tell(READER, "state")["images"] >= images + 3, 10, "images")


def officers_identify(house: House) -> None:
    for finger in (1, 2):
        after = house.head()
        house.tell(READER, "finger", template=finger)
        house.wait_for(after=after, kind="access.granted", object="store")
        house.wait_for(after=after, kind="door.relocked", object="store")


def test_a_finger_is_learned_opens_the_door_and_is_forgotten(house: House) -> None:
    house.enrol("p-1", 1)
    house.enrol("p-2", 2)
    officers_identify(house)
    params = {
        "person": "p-7",
        "roles": ["officer"],  # one of them must be there while the clock is not trusted
        "credentials": [{"kind": "card", "reference": "0A1B2C3D"}],
    }
    house.ask("command", name="person.enrol", params=params)
    after = house.head()
    with learning(house, "p-7") as asking:
        house.wait_for(after=after, kind="command.accepted")
        lay(house, "anna")
        lay(house, "anna")
        said, _ = asking.communicate(timeout=LEARN_S)
    assert asking.returncode == 0, said
    assert "knows the finger of p-7" in said
    house.wait_for(after=after, kind="person.changed", object="p-7")
    assert 7 in house.tell(READER, "state")["templates"]

    after = house.head()
    house.tell(READER, "finger", id="anna")
    granted = house.wait_for(after=after, kind="access.granted", object="store")
    assert granted["data"]["persons"] == ["p-7"]
    house.wait_for(after=after, kind="door.relocked", object="store")

    officers_identify(house)
    after = house.head()
    house.ask("command", name="person.remove", params={"person": "p-7"})
    house.wait_for(after=after, kind="device.template_deleted", object=READER)
    assert 7 not in house.tell(READER, "state")["templates"]

    house.stop_daemon()
    house.daemon_do("start")
    assert not [e for e in house.events(0) if e["kind"] == "device.substituted"]


def test_what_the_reader_refuses_is_said(house: House) -> None:
    house.enrol("p-1", 1)
    house.enrol("p-2", 2)
    officers_identify(house)
    house.tell(READER, "lift")
    after = house.head()
    with learning(house, "p-1") as asking:
        house.wait_for(after=after, kind="command.accepted")
        lay(house, "anna")
        lay(house, "berta")
        said, _ = asking.communicate(timeout=LEARN_S)
    assert asking.returncode != 0
    assert "two different fingers" in said
    house.wait_for(after=after, kind="command.refused")
    assert 7 not in house.tell(READER, "state")["templates"]
