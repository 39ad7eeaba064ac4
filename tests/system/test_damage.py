"""What was done to the record while it rested: the daemon finds it, tells it, and goes on."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from agent.journal import keys
from agent.journal.reading import Reader
from agent.journal.verification import verify
from agent.site.step import Severity
from tests.journal.recording import entry, forge
from tests.system.house import House
from tests.waiting import wait_until

PAGE = 2048


def ruin_a_page(house: House) -> None:
    """Overwrite the page with the rows of some of the first events."""
    with closing(sqlite3.connect(house.data / "journal.db")) as connection:
        (proof,) = connection.execute("SELECT proof FROM entry WHERE seq = 100").fetchone()
    path = house.data / "journal.db"
    at = path.read_bytes().index(proof) // PAGE * PAGE
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\x55" * PAGE)


def test_a_page_that_no_opening_reads_stops_the_daemon_once(house: House) -> None:
    house.bounce(hz=25, for_ms=4000)
    wait_until(lambda: house.head() > 400, 30, "events")
    house.stop_daemon()
    ruin_a_page(house)
    house.start_daemon()
    assert house.daemon is not None
    assert house.daemon.wait(60) == 1, "it ends, so that systemd starts it anew"
    said = house.said("daemon")
    assert "is damaged" in said
    assert "Traceback" not in said
    house.start_daemon()
    house.wait_for_devices()
    replaced = house.wait_for(kind="system.record_replaced")
    assert "is damaged" in replaced["data"]["reason"]
    house.wait_for_line()
    assert verify(house.data, keys.public(house.data)).findings == ()


def test_what_was_added_without_the_key_is_told_and_covered(house: House) -> None:
    house.stop_daemon()
    with Reader(house.data) as reader:
        added = reader.head + 1
    forge(house.data, added, entry(1, "door.granted", Severity.ACCESS, data={"persons": ["p1"]}))
    house.start_daemon()
    house.wait_for_devices()
    told = house.wait_for(kind="system.record_doubtful")
    assert f"the events {added} to {added} were recorded without" in told["data"]["reason"]
    house.stop_daemon()
    verdict = verify(house.data, keys.public(house.data))
    assert verdict.findings == ()
    assert verdict.covered == verdict.events
    house.start_daemon()
    house.wait_for_devices()
    house.wait_for_line()
    with Reader(house.data) as reader:
        assert len(list(reader.query(kind="system.record_doubtful"))) == 1
