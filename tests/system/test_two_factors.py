"""A store door as it should be: each of two people with a finger and a PIN, on real wires."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.house import House
from tests.system.test_commissioning import armoury, clear_reader, learn
from tests.system.test_enrol import lay

KEYPAD = """
[[device]]
id = "store-keypad"
driver = "osdp"
simulated = true
port = "run/demo/store-keypad.tty"
key_file = "{key}"
reads = ["pin", "card"]
"""
PINS = {"p-1": "271828", "p-2": "314159"}


@pytest.fixture
def store(make_house: Callable[[str], House], blind_text: str, tmp_path: Path) -> House:
    """The demo's armoury with a keypad beside the reader, and nobody known."""
    key = tmp_path / "keypad.key"
    key.write_text("00112233445566778899aabbccddeeff\n")
    text = blind_text.replace("people = 1\n", "people = 2\n")
    text = text.replace("single_factor_accepted = true\n", 'factors = ["finger", "pin"]\n')
    text = text.replace(
        'reader_in = "store-reader"', 'reader_in = ["store-reader", "store-keypad"]'
    )
    text = text.replace("[[area]]\n", KEYPAD.format(key=key) + "\n[[area]]\n", 1)
    house = make_house(text)
    house.start()
    return house


def give_pin(house: House, person: str, pin: str) -> None:
    given = {"person": person, "kind": "pin", "reference": pin}
    house.ask("command", name="credential.add", params=given)


def test_commissioned_and_entered_with_two_factors_each(store: House) -> None:
    clear_reader(store)
    for person, finger in (("p-1", "anna"), ("p-2", "berta")):
        assert armoury(store, "person", "enrol", person, "--role", "officer").returncode == 0
        learn(store, person, finger)
        assert "bootstrap" in armoury(store, "status").stdout
        give_pin(store, person, PINS[person])
    assert "bootstrap" not in armoury(store, "status").stdout

    after = store.head()
    lay(store, "anna")
    store.tell("store-keypad", "keys", keys=f"{PINS['p-1']}#")
    pending = store.wait_for(after=after, kind="access.pending", object="store")
    assert (pending["data"]["person"], pending["data"]["needed"]) == ("p-1", 1)
    store.tell("store-keypad", "keys", keys=f"{PINS['p-2']}#")
    lay(store, "berta")
    granted = store.wait_for(after=after, kind="access.granted", object="store")
    assert granted["data"]["persons"] == ["p-1", "p-2"]
    store.wait_for(after=after, kind="door.unlocked", object="store")

    after = store.head()
    store.tell("store-keypad", "keys", keys="999999#")
    denied = store.wait_for(after=after, kind="access.denied", object="store")
    assert (denied["data"]["reason"], denied["device"]) == ("unknown", "store-keypad")
    for told in (store.events(0), store.said("daemon")):
        assert "271828" not in str(told)
        assert "999999" not in str(told)
