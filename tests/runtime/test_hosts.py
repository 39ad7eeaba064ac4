"""Who of the hosts goes first: a camera keeps no panic button waiting, at a start neither."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.config.devices import DeviceSpec
from agent.runtime.clock import Clock
from agent.runtime.host import Host, HostSpec
from agent.runtime.hosts import Hosts
from agent.site.inputs import Condition, DeviceNews
from drivers.contract import Claim, Offers
from tests.runtime.test_host import ROOT, Told
from tests.waiting import BUSY


@pytest.fixture(autouse=True)
def _hosts_find_the_odd_drivers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def alone(name: str, port: Path) -> DeviceSpec:
    """Return a device that holds a port for itself."""
    offers = Offers(points=frozenset({"contact"}), claims=(Claim(str(port), "port"),))
    entry, options = "tests.runtime.odd_drivers:Alone", {"mark": str(port)}
    return DeviceSpec(
        name, "alone", entry, options, offers, simulated=True, supervision_s=10, behind=False
    )


def device(name: str, *, behind: bool = False, supervision_s: int = 10) -> DeviceSpec:
    entry, offers = "tests.runtime.odd_drivers:Odd", Offers(points=frozenset({"contact"}))
    return DeviceSpec(
        name, "odd", entry, {}, offers, simulated=True, supervision_s=supervision_s, behind=behind
    )


@asynccontextmanager
async def kept(*devices: DeviceSpec) -> AsyncIterator[tuple[Hosts, Told]]:
    told = Told()
    hosts = Hosts(
        lambda spec, tell: Host(HostSpec.of(spec, None), tell, random.Random(1)),
        told.inputs.append,
        asyncio.ensure_future,
        Clock(Path("/nonexistent")),
    )
    hosts.keep(devices)
    try:
        yield hosts, told
    finally:
        tasks = {running.task for running in hosts._running.values()}
        await hosts.end()
        assert all(task.done() for task in tasks)


async def is_up(told: Told, name: str) -> None:
    await told.until(
        lambda what: (
            isinstance(what, DeviceNews)
            and (what.device, what.condition) == (name, Condition.READY)
        )
    )


async def test_who_lets_all_others_go_first_begins_when_they_are_up() -> None:
    async with kept(device("hall", behind=True), device("board")) as (hosts, told):
        await is_up(told, "board")
        assert hosts["hall"].pid is None
        hosts.begin_rest()
        await is_up(told, "hall")


async def test_who_comes_with_a_later_site_file_begins_at_once() -> None:
    async with kept(device("board")) as (hosts, told):
        hosts.begin_rest()
        hosts.keep([device("board"), device("hall", behind=True)])
        await is_up(told, "hall")


async def test_who_never_began_ends_without_a_process() -> None:
    async with kept(device("hall", behind=True)) as (hosts, told):
        host = hosts["hall"]
        async with asyncio.timeout(10 * BUSY):
            await hosts.end()
    assert host.pid is None
    assert not told.inputs


async def test_who_is_wired_otherwise_before_it_began_begins_once() -> None:
    async with kept(device("hall", behind=True)) as (hosts, told):
        before = hosts["hall"]
        hosts.keep([device("hall", behind=True, supervision_s=20)])
        hosts.begin_rest()
        await is_up(told, "hall")
        assert before.pid is None
        assert told.news() == [Condition.READY]


@pytest.mark.parametrize("other", ["vault-reader", "reader"], ids=["named otherwise", "as it was"])
async def test_who_comes_to_a_port_waits_until_it_is_let_go_of(tmp_path: Path, other: str) -> None:
    port = tmp_path / "port"
    async with kept(alone("reader", port)) as (hosts, told):
        await is_up(told, "reader")
        told.inputs.clear()
        hosts.keep([])
        hosts.keep([alone(other, port)])
        await is_up(told, other)
        assert told.news() == [Condition.READY]
