"""The broker configuration that we ship: every site apart, the monitor over all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agent.site.inputs import Condition
from agent.site.step import Severity
from tests.broker import Authority, Broker, Certificates, Subscriber
from tests.uplink.rig import (
    AREA,
    BIRTH,
    HEALTH,
    SITE,
    Rig,
    device,
    heard,
    on_a_loop,
    path_to,
    until,
)

SHIPPED = Path(__file__).parents[2] / "docs" / "broker"


class ShippedBroker(Broker):
    """A mosquitto with our configuration, its files and port moved to where a test has them.

    Attributes:
        without: topics below a site for which somebody has forgotten the rule.
    """

    without = ""

    def _config(self) -> list[str]:
        assert self.tls is not None
        moved = {
            "8883": f"{self.port} 127.0.0.1",
            "/etc/mosquitto/armoury/ca.pem": self.tls.ca,
            "/etc/mosquitto/armoury/broker.pem": self.tls.cert,
            "/etc/mosquitto/armoury/broker.key": self.tls.key,
            "/etc/mosquitto/armoury/acl": self.folder / "acl",
            "/var/lib/mosquitto/": f"{self.folder}/",
        }
        rules = (SHIPPED / "acl").read_text().splitlines(keepends=True)
        kept = [rule for rule in rules if not self.without or f"%u/{self.without}" not in rule]
        assert len(kept) == len(rules) - bool(self.without)
        (self.folder / "acl").write_text("".join(kept))
        (self.folder / "acl").chmod(0o600)
        text = (SHIPPED / "mosquitto.conf").read_text()
        for there, here in moved.items():
            assert there in text
            text = text.replace(there, str(here))
        return [*text.splitlines(), "log_type all", *(["user root"] * (os.geteuid() == 0))]


@pytest.fixture
def proofs(tmp_path: Path) -> dict[str, Certificates]:
    """Return what each client shows, by its name."""
    authority = Authority(tmp_path / "tls")
    broker = authority.sign("broker", "127.0.0.1")
    return {
        name: Certificates(authority.path, *broker, *authority.sign(name, name))
        for name in (SITE, "lima-01", "monitor")
    }


def publish(broker: Broker, who: Certificates, topic: str, text: str) -> None:
    """Publish as a client that nobody here wrote; the broker may refuse it."""
    command = ["mosquitto_pub", "-V", "5", "-h", "127.0.0.1", "-p", str(broker.port), "-q", "1"]
    command += ["--cafile", str(who.ca), "--cert", str(who.client_cert)]
    command += ["--key", str(who.client_key), "-t", topic, "-m", text]
    subprocess.run(command, timeout=60, capture_output=True)


@on_a_loop
async def test_a_site_is_heard_and_asked_by_the_monitor_and_by_nobody_else(
    tmp_path: Path, proofs: dict[str, Certificates]
) -> None:
    with (
        ShippedBroker(tmp_path / "b", tls=proofs["monitor"]) as broker,
        Subscriber(broker, "armoury/v1/#", session="monitor") as monitor,
    ):
        as_site = path_to(replace(broker, tls=proofs[SITE]))
        async with Rig(tmp_path / "j", as_site) as rig:
            rig.uplink.start()
            await rig.condition(Condition.READY)
            rig.uplink.device("board", device("ready"))
            rig.uplink.area("store", AREA)
            rig.uplink.health(HEALTH)
            rig.uplink.checkpoint("a checkpoint\n")
            rig.record(300)
            await until(lambda: len(heard(monitor)) == 300, 30, "300 events")
            wanted = {f"armoury/v1/{SITE}/{t}" for t in ("area/store", "health", "checkpoint")}
            topics = [topic for topic, _, _ in monitor.received()]
            await until(lambda: wanted <= {t for t, _, _ in monitor.received()}, 5, str(topics))

            request = json.dumps({"first": 1, "last": 2})
            publish(broker, proofs["lima-01"], f"armoury/v1/{SITE}/request/repeat", request)
            publish(broker, proofs["lima-01"], f"armoury/v1/{SITE}/event/alarm", "{}")
            publish(broker, proofs[SITE], f"armoury/v1/{SITE}/command", "{}")
            publish(broker, proofs["monitor"], f"armoury/v1/{SITE}/request/repeat", request)
            await until(lambda: len(heard(monitor)) == 302, 30, "what the monitor asked for")
            assert not [p for t, _, p in monitor.received() if p == b"{}"], "forged"
            assert rig.uplink.status()["fibre"]["ignored"] == 0
            assert len(rig.news) == 1


@pytest.mark.parametrize("without", ["health", "area/", "heartbeat/", "checkpoint"])
@pytest.mark.usefixtures("quick")
@on_a_loop
async def test_a_forgotten_rule_stops_no_event(
    tmp_path: Path, proofs: dict[str, Certificates], without: str
) -> None:
    broker = ShippedBroker(tmp_path / "b", tls=proofs["monitor"])
    broker.without = without
    with broker, Subscriber(broker, "armoury/v1/#", session="monitor") as monitor:
        as_site = path_to(replace(broker, tls=proofs[SITE]))
        async with Rig(tmp_path / "j", as_site) as rig:
            rig.uplink.device("board", device("ready"))
            rig.uplink.area("store", AREA)
            rig.uplink.health(HEALTH)
            rig.record(300)
            rig.record(1, Severity.ALARM)
            await rig.recorded_all(301)
            rig.uplink.checkpoint("a checkpoint\n")
            rig.uplink.start()
            await until(lambda: len({one.seq for one in heard(monitor)}) == 301, 30, "all events")
            assert without in (await rig.condition(Condition.FAULTED)).reason
            rig.uplink.health({**HEALTH, "up_s": 2})
            rig.record(300)
            rig.record(1, Severity.ALARM)
            await until(lambda: len({one.seq for one in heard(monitor)}) == 602, 30, "the others")
            assert without in (await rig.condition(Condition.FAULTED)).reason


@on_a_loop
async def test_a_site_hears_nothing_of_another(
    tmp_path: Path, proofs: dict[str, Certificates]
) -> None:
    with (
        ShippedBroker(tmp_path / "b", tls=proofs["lima-01"]) as broker,
        Subscriber(broker, "armoury/v1/#") as neighbour,
    ):
        topic = f"armoury/v1/{SITE}/event/alarm"
        publish(broker, proofs[SITE], topic, "{}")
        publish(broker, proofs["monitor"], "armoury/v1/lima-01/command", "mine")
        await until(lambda: neighbour.received(), 30, "what is said to it")
        assert [payload for _, _, payload in neighbour.received()] == [b"mine"]
        assert f"'{topic}'" in broker.log, "the broker had it"


def names(broker: Broker) -> list[str]:
    """Return the client ids that the site has connected under, in order."""
    lines = [line for line in broker.log.splitlines() if f"as armoury-{SITE}-fibre-" in line]
    return [line.partition(" as ")[2].split(" ")[0] for line in lines]


@on_a_loop
async def test_a_site_keeps_a_client_id_that_another_site_cannot_guess(
    tmp_path: Path, proofs: dict[str, Certificates]
) -> None:
    with ShippedBroker(tmp_path / "b", tls=proofs[SITE]) as broker:
        for folder in ("one", "one", "two"):
            async with Rig(tmp_path / folder, path_to(broker)) as rig:
                rig.uplink.start()
                await until(
                    lambda: rig.uplink.status()["fibre"]["condition"] != "lost", 30, "a path"
                )
        one, again, two = names(broker)
        assert one == again
        assert two != one
        assert len(two.rpartition("-")[2]) == 16


@on_a_loop
async def test_a_desk_verifies_a_site_through_it(
    tmp_path: Path, proofs: dict[str, Certificates]
) -> None:
    with ShippedBroker(tmp_path / "b", tls=proofs["monitor"]) as broker:
        desk = proofs["monitor"]
        command = [sys.executable, "-m", "agent.cli.main", "feed", "--json", "--once"]
        command += ["--broker", f"127.0.0.1:{broker.port}", "--site", SITE, "--after", "0"]
        command += ["--state", str(tmp_path / "desk.json"), "--within", "100"]
        command += ["--ca", str(desk.ca), "--cert", str(desk.client_cert)]
        command += ["--cert-key", str(desk.client_key)]
        path = path_to(replace(broker, tls=proofs[SITE]), heartbeat_s=10, compress=True)
        rig = Rig(tmp_path / "j", path)
        rig.origin = f"armoury/{SITE}"
        async with rig:
            rig.record(250)
            await rig.recorded_all(250)
            said_there = tmp_path / "said"
            with said_there.open("wb") as out, subprocess.Popen(command, stdout=out) as listening:
                await until(lambda: "SUBSCRIBE from" in broker.log, 30, "a subscription")
                rig.uplink.describe({**BIRTH, "vkey": rig.journal.vkey})
                rig.uplink.start()
                await until(lambda: listening.poll() is not None, 110, "the desk has it all")
    said = [json.loads(line) for line in said_there.read_text().splitlines()]
    assert listening.returncode == 0, said
    assert [one["event"]["seq"] for one in said if one["is"] == "event"] == [*range(1, 251)]
    assert "events-proven" in {one["is"] for one in said}
