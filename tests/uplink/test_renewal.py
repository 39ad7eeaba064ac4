"""Certificates that are renewed while a path works, on a real mosquitto."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.site.inputs import CertificateRead, Condition, PathCarries
from agent.uplink import path as path_module
from agent.uplink.options import PathOptions, TlsOptions
from tests.broker import Authority, Broker, Certificates, Subscriber
from tests.uplink.rig import SITE, Rig, heard, on_a_loop, until

FEED = f"armoury/v1/{SITE}/#"


@dataclass
class Place:
    """A broker that wants certificates, and the gateway's files."""

    authority: Authority
    broker: Broker
    cert: Path
    key: Path

    def options(self) -> PathOptions:
        tls = TlsOptions(ca=str(self.authority.path), cert=str(self.cert), key=str(self.key))
        options = PathOptions(id="fibre", host="127.0.0.1", port=self.broker.port, tls=tls)
        return options.model_copy(update={"heartbeat_s": 0.2})

    def put(self, common: str, authority: Authority | None = None, *, half: bool = False) -> None:
        """Put a new certificate in place of the old one, as renewing does; or the key alone."""
        cert, key = (authority or self.authority).sign(common, common, timedelta(hours=-2))
        key.replace(self.key)
        if not half:
            cert.replace(self.cert)

    def known_as(self) -> list[str]:
        """Return the names that the gateway has proved, in order."""
        lines = [one for one in self.broker.log.splitlines() if f"as armoury-{SITE}" in one]
        return [line.rpartition("u'")[2].rstrip("').") for line in lines]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(path_module, "RECONNECT_S", (0.05, 0.2))
    authority = Authority(tmp_path / "authority")
    brokers = authority.sign("broker", "127.0.0.1")
    monitors = authority.sign("monitor", "monitor")
    tls = Certificates(authority.path, *brokers, *monitors)
    extra = ("use_identity_as_username true",)
    with Broker(tmp_path / "b", tls=tls, extra=extra) as broker:
        made = Place(authority, broker, tmp_path / "own.pem", tmp_path / "own.key")
        made.put("first")
        yield made


async def stream(rig: Rig) -> None:
    """Record on and on."""
    while True:
        rig.record(3)
        await asyncio.sleep(0.005)


@on_a_loop
async def test_a_renewed_certificate_is_used_without_losing_an_event(
    tmp_path: Path, place: Place
) -> None:
    with Subscriber(place.broker, FEED) as monitor:
        async with Rig(tmp_path / "j", place.options()) as rig:
            rig.uplink.start()
            await rig.condition(Condition.READY)
            streaming = asyncio.create_task(stream(rig))
            for name in ("second", "third", "fourth"):
                place.put(name)
                await until(lambda: place.known_as()[-1] == name, 10, name)  # noqa: B023
            streaming.cancel()
            await rig.recorded_all(rig.submitted)
            wanted = set(range(1, rig.submitted + 1))
            await until(lambda: {one.seq for one in heard(monitor)} == wanted, 30, "all events")
            assert place.known_as() == ["first", "second", "third", "fourth"]
            assert [news.condition for news in rig.news] == [Condition.READY]
            await until(lambda: any(isinstance(one, PathCarries) for one in rig.told), 30, "it")
            assert sum(isinstance(one, PathCarries) for one in rig.told) == 1
            status = rig.uplink.status()["fibre"]
            assert status["carries"]
            assert status["tls_version"] == "TLSv1.3"
            assert status["certificates"].keys() == {"own", "broker", "authority"}


@on_a_loop
async def test_a_key_without_its_certificate_changes_nothing_but_is_told(
    tmp_path: Path, place: Place
) -> None:
    with Subscriber(place.broker, FEED) as monitor:
        async with Rig(tmp_path / "j", place.options()) as rig:
            rig.uplink.start()
            await rig.condition(Condition.READY)
            place.put("second", half=True)
            news = await rig.condition(Condition.FAULTED)
            assert "its new certificate or password is not used" in news.reason
            assert "a certificate and its key" in news.reason
            rig.record(5)
            await until(lambda: len(heard(monitor)) == 5, 30, "events all the same")
            place.put("third")
            await rig.condition(Condition.READY)
            assert place.known_as() == ["first", "third"]


@on_a_loop
async def test_a_certificate_that_the_broker_refuses_does_not_end_the_connection(
    tmp_path: Path, place: Place
) -> None:
    with Subscriber(place.broker, FEED) as monitor:
        async with Rig(tmp_path / "j", place.options()) as rig:
            rig.uplink.start()
            await rig.condition(Condition.READY)
            place.put("forged", Authority(tmp_path / "other"))
            assert "refuses us" in (await rig.condition(Condition.FAULTED)).reason
            rig.record(5)
            await until(lambda: len(heard(monitor)) == 5, 30, "events all the same")
            assert place.known_as() == ["first"]


@on_a_loop
async def test_the_site_is_told_when_each_certificate_ends(tmp_path: Path, place: Place) -> None:
    async with Rig(tmp_path / "j", place.options()) as rig:

        def ends() -> dict[str, int]:
            found = [one for one in rig.told if isinstance(one, CertificateRead)]
            return {one.whose: one.ends_us for one in found}

        rig.uplink.start()
        await until(lambda: ends().keys() == {"own", "broker", "authority"}, 30, "three")
        in_two_days = (datetime.now(UTC) + timedelta(days=2)).timestamp()
        for ends_us in ends().values():
            assert abs(ends_us / 1e6 + 3600 - in_two_days) < 3700
        before = ends()["own"]
        cert, key = place.authority.sign("later", "later", timedelta(minutes=-1))
        key.replace(place.key)
        cert.replace(place.cert)
        await until(lambda: ends()["own"] > before, 30, "the new one's end")


@on_a_loop
async def test_the_end_of_our_own_is_told_without_a_broker(tmp_path: Path, place: Place) -> None:
    place.broker.kill()
    async with Rig(tmp_path / "j", place.options()) as rig:
        rig.uplink.start()
        await rig.condition(Condition.LOST)
        assert [one.whose for one in rig.told if isinstance(one, CertificateRead)] == ["own"]


@on_a_loop
async def test_closing_does_not_wait_for_a_connection_that_is_being_made(
    tmp_path: Path, place: Place
) -> None:
    async with Rig(tmp_path / "j", place.options()) as rig:
        rig.uplink.start()
        await rig.condition(Condition.READY)
        place.broker.freeze()
        place.put("second")
        renewal = rig.uplink._paths[0]._renewal

        def tries() -> bool:
            return renewal._task is not None and rig.uplink._paths[0]._dialler._jobs.empty()

        await until(tries, 30, "an attempt")
        await asyncio.wait_for(rig.uplink.close(), 5)
        place.broker.thaw()
