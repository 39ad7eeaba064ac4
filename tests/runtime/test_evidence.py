"""From a host's spool into the store, and out of it again: on a real journal and a real disk."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from agent.config.sitefile import SiteFile, load
from agent.journal.evidence import FREE_LEAST, KEPT, Evidence
from agent.journal.journal import Journal
from agent.journal.reading import Reader
from agent.journal.record import Batch, Commit, Entry
from agent.runtime.evidence import EvidenceKeeper
from agent.site.inputs import ActionAnswered, Input, Json, Outcome
from agent.site.moment import Moment
from agent.site.step import Event, Severity

BOOT = "0b9e6ad0-3f1c-4d5e-9a77-4f3b2c1d0e9f"
START_US = 1_764_000_000_000_000
DAY_US = 86_400_000_000
MIB = 1 << 20
DEMO = Path(__file__).parents[2] / "config" / "demo.toml"


class FakeClock:
    boot = BOOT

    def __init__(self) -> None:
        self.days = 0
        self.trusted = True

    def now(self) -> Moment:
        return Moment(START_US + self.days * DAY_US, 0, BOOT, self.trusted)


class House:
    """What the daemon is to its evidence, with a journal of its own."""

    def __init__(self, folder: Path, file: SiteFile) -> None:
        self._loop = asyncio.get_running_loop()
        self._told: dict[int, asyncio.Future[None]] = {}
        self._tag = 0
        self.folder = folder
        self.clock = FakeClock()
        self.alarms: frozenset[str] = frozenset()
        self.heard: asyncio.Queue[Input] = asyncio.Queue()
        self.journal = Journal.open(folder, committed=self._committed, failed=print)
        self.keeper = EvidenceKeeper(folder, file, self, self.clock, self._loop)  # type: ignore[arg-type]
        self.spool = self.keeper.spool("hall")

    def _committed(self, commit: Commit) -> None:
        self._loop.call_soon_threadsafe(lambda: self._told.pop(commit.tag).set_result(None))

    def put(self, what: Input) -> None:
        self.heard.put_nowait(what)

    def record(self, batch: Batch) -> asyncio.Future[None]:
        self._tag += 1
        self._told[self._tag] = self._loop.create_future()
        told = self._told[self._tag]
        self.journal.submit(batch, self._tag)
        return told

    def open_alarms(self) -> frozenset[str]:
        return self.alarms

    async def answered(self, **data: Json) -> ActionAnswered:
        """Answer with a file, as the host does; return what the site hears."""
        self.keeper.take("hall", ActionAnswered(7, Outcome.DONE, 1, "", data))
        what = await self.heard.get()
        assert isinstance(what, ActionAnswered)
        return what

    async def kept(self, content: bytes, **data: Json) -> str:
        """Keep a file and record its event, as the site does; return its digest."""
        (self.spool / "a.avi").write_bytes(content)
        what = await self.answered(file="a.avi", media="video/x-msvideo")
        assert what.outcome is Outcome.DONE, what.reason
        about = {"camera": "hall", **data, "sha256": what.data["sha256"]}
        event = Event(KEPT, "hall", Severity.ACCESS, self.clock.now(), "hall", about)
        await self.record(Batch((Entry(event),)))
        return str(what.data["sha256"])

    def there(self) -> set[str]:
        """Return the digests of all files."""
        return {path.name for path in (self.folder / "evidence").glob("??/*")}

    def dropped(self) -> list[dict[str, Any]]:
        with Reader(self.folder) as reader:
            return [json.loads(r.body)["data"] for r in reader.query(kind="evidence.dropped")]

    async def end(self) -> None:
        await self.keeper.close()
        self.journal.close()


@pytest.fixture
def file(tmp_path: Path) -> SiteFile:
    """The demo's site file, with the smallest quota and 10 days for its camera."""
    text = DEMO.read_text().replace('covers = ["store", "hall"]', "keep_d = 10")
    path = tmp_path / "site.toml"
    path.write_text(text + "\n[record]\nevidence_mib = 64\n")
    return load(path)


@pytest.fixture
async def house(tmp_path: Path, file: SiteFile) -> Any:
    house = House(tmp_path / "data", file)
    yield house
    await house.end()


async def test_a_file_is_evidence_before_the_site_hears_of_it(house: House) -> None:
    (house.spool / "a.jpg").write_bytes(b"picture")
    what = await house.answered(file="a.jpg", media="image/jpeg", **{"from": 5, "to": 5})
    digest = sha256(b"picture").hexdigest()
    assert what.outcome is Outcome.DONE
    assert what.data == {
        "media": "image/jpeg",
        "from": 5,
        "to": 5,
        "sha256": digest,
        "bytes": 7,
    }
    assert house.there() == {digest}
    assert list(house.spool.iterdir()) == []


@pytest.mark.parametrize("name", ["../journal.db", "/etc/passwd", "none.avi", ".", "..", 5, "fifo"])
async def test_only_a_file_of_the_spool_is_taken(house: House, name: Json) -> None:
    os.mkfifo(house.spool / "fifo")
    what = await house.answered(file=name)
    assert what.outcome is Outcome.UNKNOWN
    assert what.reason
    assert what.data == {}
    assert house.there() == set()


async def test_a_link_in_the_spool_is_not_followed(house: House, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (house.spool / "a.avi").symlink_to(tmp_path / "secret")
    assert (await house.answered(file="a.avi")).outcome is Outcome.UNKNOWN
    assert (tmp_path / "secret").exists()


async def test_a_start_empties_the_spool(house: House) -> None:
    (house.spool / "9-1.part").write_bytes(b"half")
    assert house.keeper.spool("hall") == house.spool
    assert list(house.spool.iterdir()) == []


async def test_what_a_host_that_died_left_is_swept_away(house: House) -> None:
    left, written = house.spool / "9-1.part", house.spool / "9-2.part"
    for half in (left, written):
        half.write_bytes(b"half")
    os.utime(left, (0, 0))
    await house.keeper.tidy()
    assert list(house.spool.iterdir()) == [written]


async def test_what_is_older_than_its_camera_keeps_it_goes_and_is_recorded(house: House) -> None:
    old = await house.kept(b"old", alarms=["1"])
    needed = await house.kept(b"needed", alarms=["2"])
    house.clock.days = 10
    new = await house.kept(b"new", alarms=["3"])
    house.clock.days = 11
    house.alarms = frozenset({"2"})
    house.clock.trusted = False
    await house.keeper.tidy()
    assert house.there() == {old, needed, new}, "nobody knows the day"
    house.clock.trusted = True
    await house.keeper.tidy()
    assert house.there() == {needed, new}
    assert house.dropped() == [{"files": [old], "reason": "age"}]
    with Reader(house.folder) as reader:
        assert list(Evidence(house.folder, 0).verify(reader)) == []


async def test_what_is_hidden_is_dropped_hidden(house: House) -> None:
    shown = await house.kept(b"shown")
    hidden = await house.kept(b"hidden", hidden=True, alarms=["d1"])
    house.clock.days = 11
    await house.keeper.tidy()
    assert house.dropped() == [], "a clock that has just jumped ahead makes nothing old"
    await house.kept(b"then")
    house.clock.days = 12
    await house.keeper.tidy()
    assert house.dropped() == [
        {"files": [shown], "reason": "age"},
        {"files": [hidden], "reason": "age", "hidden": True},
    ]


async def test_beyond_the_quota_the_oldest_go_that_nobody_needs(house: House) -> None:
    digests = [
        await house.kept(bytes([number]) * (12 * MIB), alarms=[str(number)]) for number in range(5)
    ]
    house.alarms = frozenset({"0"})
    await house.keeper.tidy()
    assert house.there() == {digests[0], *digests[2:]}
    assert house.dropped() == [{"files": [digests[1]], "reason": "space"}]


async def test_what_does_not_fit_at_all_is_told(house: House) -> None:
    (house.spool / "a.avi").write_bytes(bytes(65 * MIB))
    what = await house.answered(file="a.avi")
    assert what.outcome is Outcome.UNKNOWN
    assert "64 MiB" in what.reason
    assert house.there() == set()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real filesystem on which little more fits than what is the record's own."""
    where = tmp_path / "disk"
    where.mkdir()
    size = FREE_LEAST + 8 * MIB
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", where], capture_output=True
    )
    if made.returncode:
        pytest.skip(f"NOT TESTED: a small filesystem cannot be mounted: {made.stderr.decode()}")
    yield where
    subprocess.run(["umount", "-l", where], check=True)


async def test_on_a_full_disk_evidence_goes_first(small_disk: Path, file: SiteFile) -> None:
    house = House(small_disk / "data", file)
    try:
        gone = await house.kept(bytes(MIB), alarms=["1"])
        needed = await house.kept(b"needed", alarms=["2"])
        await house.keeper.make_room()
        assert house.there() == {gone, needed}, "there is room yet"
        (small_disk / "filler").write_bytes(bytes(9 * MIB))
        house.alarms = frozenset({"2"})
        (house.spool / "a.avi").write_bytes(b"another")
        what = await house.answered(file="a.avi")
        assert what.outcome is Outcome.UNKNOWN
        assert "the record comes first" in what.reason
        await house.keeper.make_room()
        assert house.there() == {needed}
        assert house.dropped() == [{"files": [gone], "reason": "disk-full"}]
    finally:
        await house.end()
