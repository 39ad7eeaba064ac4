"""The record's room, looked after on a real journal: time is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.journal import keys
from agent.journal.errors import StorageCorrupt
from agent.journal.journal import Journal
from agent.journal.note import Verifier
from agent.journal.policy import Policy
from agent.journal.record import PRUNED, Batch, Commit, Entry
from agent.journal.retention import Usage
from agent.journal.verification import verify
from agent.runtime import keeper
from agent.runtime.keeper import Keeper
from agent.site.inputs import Input, StorageFilled
from agent.site.moment import Moment
from agent.site.step import Event, Severity

BOOT = "0b9e6ad0-3f1c-4d5e-9a77-4f3b2c1d0e9f"
START_US = 1_764_000_000_000_000
DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000


class FakeClock:
    boot = BOOT

    def __init__(self) -> None:
        self.after_us = 0

    def now(self) -> Moment:
        return Moment(START_US + self.after_us, self.after_us, BOOT, True)


class House:
    """What the daemon is to its keeper, with a journal of its own."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._told: dict[int, asyncio.Future[None]] = {}
        self._tag = 0
        self.news: list[Input] = []
        self.open_us: int | None = None
        self.vkeys: list[str | None] = []
        self.damage: asyncio.Future[StorageCorrupt] = self._loop.create_future()
        self.open(folder)

    def open(self, folder: Path) -> None:
        self.journal = Journal.open(
            folder, committed=self._committed, failed=print, origin="armoury/test"
        )

    def _committed(self, commit: Commit) -> None:
        self._loop.call_soon_threadsafe(lambda: self._told.pop(commit.tag).set_result(None))

    def put(self, what: Input) -> None:
        self.news.append(what)

    def record(self, batch: Batch) -> asyncio.Future[None]:
        self._tag += 1
        self._told[self._tag] = self._loop.create_future()
        told = self._told[self._tag]
        self.journal.submit(batch, self._tag)
        return told

    def open_since_us(self) -> int | None:
        return self.open_us

    def key_change(self) -> Batch | None:
        return self.journal.key_change(Moment(START_US, 1, BOOT, True))

    def signs(self) -> bool:
        return self.journal.vkey is not None

    def key_changed(self) -> None:
        self.vkeys.append(self.journal.vkey)

    def damaged(self, error: StorageCorrupt) -> None:
        self._loop.call_soon_threadsafe(self.damage.set_result, error)

    async def happened(self, days: float, count: int, kind: str = "point.changed") -> None:
        """Record and deliver so many events of that day."""
        at = Moment(START_US + int(days * DAY_US), int(days * DAY_US), BOOT, True)
        events = [Event(kind, "store", Severity.INFO, at, "board", {"n": n}) for n in range(count)]
        await self.record(Batch(tuple(map(Entry, events))))
        self.journal.acknowledge("fibre", "rest", [(1, self.journal.head)])
        await self.record(Batch(()))

    def pcts(self, what: str) -> list[int]:
        news = [one for one in self.news if isinstance(one, StorageFilled)]
        return [one.used_pct for one in news if one.what == what]

    def prunings(self) -> int:
        return sum(1 for _ in self.journal.query(kind=PRUNED))

    def numbers(self) -> set[int]:
        return {row.seq for row in self.journal.query() if row.kind != PRUNED}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "PAUSE_S", 0.0)


@pytest.fixture
async def house(tmp_path: Path) -> Iterator[House]:  # type: ignore[misc]
    made = House(tmp_path / "data")
    yield made
    made.journal.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def make(tmp_path: Path, house: House, clock: FakeClock) -> Iterator[Callable[..., Keeper]]:
    made: list[Keeper] = []

    def keeping(quota: int = 1 << 40) -> Keeper:
        loop = asyncio.get_event_loop_policy().get_event_loop()
        policy = Policy(quota=quota)
        made.append(Keeper(tmp_path / "data", policy, house, clock, loop))  # type: ignore[arg-type]
        return made[-1]

    yield keeping
    for one in made:
        one._worker.stop()


async def test_what_is_old_goes_when_its_time_has_come(
    house: House, clock: FakeClock, make: Callable[..., Keeper], tmp_path: Path
) -> None:
    await house.happened(0, 450)
    await house.happened(50, 50)
    keeping = make()
    await keeping.look()
    assert house.prunings() == 0
    await house.happened(92, 1)
    clock.after_us = 93 * DAY_US
    await keeping.look()
    assert house.numbers() == set(range(451, 502))
    assert house.prunings() == 3, "in small pieces"
    await keeping.look()
    assert house.prunings() == 3
    assert verify(tmp_path / "data", keys.public(tmp_path / "data")).findings == ()


async def test_a_clock_that_is_sent_years_ahead_gives_up_nothing_at_once(
    house: House, clock: FakeClock, make: Callable[..., Keeper]
) -> None:
    await house.happened(0, 100)
    clock.after_us = 1000 * DAY_US
    await house.happened(1000, 1)
    keeping = make()
    for _ in range(23):
        await keeping.look()
        clock.after_us += HOUR_US
    assert house.prunings() == 0
    clock.after_us += HOUR_US
    await make().look()
    assert house.numbers() == {101}, "it stood so for a day, over a restart"


async def test_without_the_key_nothing_is_given_up(
    house: House, clock: FakeClock, make: Callable[..., Keeper], tmp_path: Path
) -> None:
    await house.happened(0, 50)
    await house.happened(92, 1)
    house.journal.close()
    (tmp_path / "data" / "journal.key").unlink()
    house.open(tmp_path / "data")
    clock.after_us = 93 * DAY_US
    await make().look()
    assert (house.journal.vkey, house.prunings()) == (None, 0)


async def test_it_is_done_once_an_hour(
    house: House, clock: FakeClock, make: Callable[..., Keeper]
) -> None:
    await house.happened(0, 10)
    await house.happened(91.01, 1)
    clock.after_us = 92 * DAY_US - HOUR_US // 2
    keeping = make()
    await keeping.look()
    clock.after_us += HOUR_US * 9 // 10
    await keeping.look()
    assert house.prunings() == 0
    clock.after_us += HOUR_US // 5
    await keeping.look()
    assert house.prunings() == 1


async def test_an_open_alarm_keeps_what_followed_it_and_the_minute_before(
    house: House, clock: FakeClock, make: Callable[..., Keeper]
) -> None:
    await house.happened(0, 300)
    await house.happened(10, 5)
    await house.happened(499, 1)
    house.open_us = START_US + 10 * DAY_US + 59_000_000
    clock.after_us = 500 * DAY_US
    keeping = make()
    await keeping.look()
    assert house.numbers() == set(range(301, 307))
    house.open_us = None
    clock.after_us += HOUR_US
    await keeping.look()
    assert house.numbers() == {306}


async def test_beyond_the_quota_it_goes_at_once_and_the_rest_is_told(
    house: House, clock: FakeClock, make: Callable[..., Keeper]
) -> None:
    await house.happened(0, 2000)
    keeping = make(1 << 40)
    await keeping.look()
    assert keeping.usage
    used = keeping.usage.used
    tight = make(used * 9 // 10)
    await tight.look()
    assert house.prunings() > 0
    assert tight.usage
    assert tight.usage.used <= used * 9 // 10
    assert house.pcts("record")[-1] == tight.usage.record_pct <= 100
    hopeless = make(used // 10)
    await hopeless.look()
    assert house.pcts("record")[-1] > 100, "what stays is told, not given up"


async def test_a_key_that_waits_takes_over(
    house: House, make: Callable[..., Keeper], tmp_path: Path
) -> None:
    await house.happened(0, 10)
    before = house.journal.vkey
    keeping = make()
    await keeping.look()
    assert house.vkeys == []
    made = keys.make_next(tmp_path / "data")
    await keeping.look()
    assert house.vkeys == [str(made.verifier)]
    await keeping.look()
    assert len(house.vkeys) == 1
    assert before
    for vkey in (before, str(made.verifier)):
        assert verify(tmp_path / "data", [Verifier.parse(vkey)]).findings == ()


async def test_it_is_told_how_full_it_is_when_that_differs(
    house: House, clock: FakeClock, make: Callable[..., Keeper]
) -> None:
    await house.happened(0, 100)
    keeping = make()
    await keeping.look()
    await keeping.look()
    assert len(house.pcts("record")) == 1
    assert house.pcts("disk")


async def test_nothing_more_is_given_up_while_a_commit_waits(
    house: House, clock: FakeClock, make: Callable[..., Keeper]
) -> None:
    """One pruning at a time: whatever else is to be recorded waits for one at the most."""
    await house.happened(0, 1000)
    await house.happened(92, 1)
    clock.after_us = 93 * DAY_US
    asked: list[Batch] = []
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def record(batch: Batch) -> asyncio.Future[None]:
        asked.append(batch)
        return never

    house.record = record  # type: ignore[method-assign]
    looking = asyncio.create_task(make().look())
    while not asked:
        await asyncio.sleep(0)
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(asked) == 1
    looking.cancel()
    await asyncio.wait({looking})


async def test_a_key_that_is_damaged_keeps_nothing_else_from_being_looked_after(
    house: House, make: Callable[..., Keeper], tmp_path: Path
) -> None:
    (tmp_path / "data" / "journal.key.next").write_text("no key")
    await make().look()
    assert house.pcts("record") == [0]
    assert house.vkeys == []


async def test_damage_is_told(
    house: House, make: Callable[..., Keeper], monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged() -> Usage:
        raise StorageCorrupt("it is damaged")

    keeping = make()
    monkeypatch.setattr(keeper, "FIRST_S", 0.0)
    monkeypatch.setattr(keeping, "_measured", damaged)
    running = asyncio.create_task(keeping.run())
    assert str(await asyncio.wait_for(house.damage, 10)) == "it is damaged"
    running.cancel()


async def test_damage_that_only_a_new_connection_meets_is_told(
    house: House, make: Callable[..., Keeper], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Those that are open know the tables already; nothing else reads the names again."""
    await house.happened(0, 5)
    house.journal.close()
    house.open(tmp_path / "data")
    path = tmp_path / "data" / "journal.db"
    at = path.read_bytes().index(b"CREATE TABLE meta")
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"q")
    monkeypatch.setattr(keeper, "FIRST_S", 0.0)
    running = asyncio.create_task(make().run())
    assert "is damaged (malformed" in str(await asyncio.wait_for(house.damage, 10))
    running.cancel()
