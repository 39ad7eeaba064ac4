"""What a monitor asks in order to verify the record, over a real mosquitto."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent.journal.checkpoint import Checkpoint
from agent.journal.leaves import leaf_of
from agent.journal.note import Verifier
from agent.journal.proving import followed
from agent.journal.ranges import Ranges
from agent.journal.record import PRUNED, Batch, Entry, Lane, Recorded
from agent.journal.tree import Frontier
from agent.site.moment import Moment
from agent.site.step import Event, Severity
from agent.uplink.feed import FRAME_BYTES
from agent.uplink.haul import haul
from agent.uplink.ledger import Gap
from tests.broker import Broker, Subscriber
from tests.uplink.outbox_line import Record
from tests.uplink.rig import SITE, Rig, keeps_to_the_contract, on_a_loop, path_to, until


def ask(broker: Broker, what: str, **said: Any) -> None:
    command = ["mosquitto_pub", "-V", "5", "-p", str(broker.port), "-q", "1"]
    command += ["-t", f"armoury/v1/{SITE}/request/{what}", "-m", json.dumps(said)]
    subprocess.run(command, check=True, timeout=60)


def last(monitor: Subscriber, topic: str) -> bytes | None:
    told = [p for t, _, p in monitor.received() if t == f"armoury/v1/{SITE}/{topic}"]
    return told[-1] if told else None


@on_a_loop
async def test_a_monitor_verifies_what_it_was_told(tmp_path: Path) -> None:
    with (
        Broker(tmp_path / "b") as broker,
        Subscriber(broker, f"armoury/v1/{SITE}/#") as monitor,
    ):
        rig = Rig(tmp_path / "j", path_to(broker))
        rig.origin = f"armoury/{SITE}"
        async with rig:
            rig.uplink.start()
            rig.record(120)
            note = await until(lambda: last(monitor, "checkpoint"), 30, "a checkpoint")
            assert rig.journal.vkey
            key = [Verifier.parse(rig.journal.vkey)]
            kept = Checkpoint.open(note.decode(), key)
            rig.record(200)
            await until(lambda: last(monitor, "checkpoint") != note, 30, "a newer checkpoint")
            ask(broker, "leaves", first=1, last=320)
            ask(broker, "proof", old=kept.size)
            said = await until(lambda: last(monitor, "proof"), 30, "a proof")
            newer = followed(said.decode(), kept, key)
            assert newer
            assert newer.size > kept.size
            found = json.loads(await until(lambda: last(monitor, "leaves"), 30, "the leaves"))
            bodies = rig.bodies()
            leaves = [
                leaf_of(base64.b64decode(proof), [bodies[seq]])
                for seq, proof in enumerate(found["proofs"], found["first"])
            ]
            assert (found["first"], found["last"], found["before"]) == (1, len(leaves), [])
            grown = Frontier().grown(leaf for leaf in leaves[: kept.size] if leaf)
            assert grown.root() == kept.root
            keeps_to_the_contract(monitor)
            ask(broker, "proof", old="x")
            ask(broker, "leaves", first=0, last=1)
            ask(broker, "proof", old=10_000)  # more than there is: nothing can be proved
            ignored = lambda: rig.uplink.status()["fibre"]["ignored"] == 2  # noqa: E731
            await until(ignored, 30, "what makes no sense is ignored")


@on_a_loop
async def test_what_is_pruned_is_told_as_missing(tmp_path: Path) -> None:
    with (
        Broker(tmp_path / "b") as broker,
        Subscriber(broker, f"armoury/v1/{SITE}/#") as monitor,
    ):
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.uplink.start()
            rig.record(20)
            await rig.recorded_all(20)
            now = Moment(1, 1, "b", trusted=True)
            data: dict[str, Any] = {"ranges": [[1, 5], [8, 8], [20, 20]], "events": 7}
            pruned = Event(PRUNED, "journal", Severity.INFO, now, data=data)
            ranges = Ranges(((1, 5), (8, 8), (20, 20)))
            rig.journal.submit(Batch((Entry(pruned),), prune=ranges), 99)
            await rig.recorded_all(21)
            await until(lambda: rig.uplink.status()["fibre"]["condition"] == "ready", 30, "a path")
            ask(broker, "repeat", first=2, last=20)
            said = json.loads(await until(lambda: last(monitor, "event/repeat"), 30, "a repeat"))
            assert (said["first"], said["last"]) == (2, 20)
            wanted = [seq for seq in range(6, 20) if seq != 8]
            assert [event["seq"] for event in said["events"]] == wanted


@given(
    st.integers(1, 900),
    st.integers(1, 900),
    st.integers(FRAME_BYTES + 100, 4000),
    st.booleans(),
    st.sampled_from([None, *Lane]),
)
def test_repeats_answer_for_every_number_once(
    first: int, last: int, limit_bytes: int, zipped: bool, lane: Lane | None
) -> None:
    record = Record()
    for seq in range(1, 901):
        severity = "alarm" if seq % 7 == 0 else "info"
        body = b'{"at":1,"seq":%d,"x":"%d"}' % (seq, seq * 7919 % 1000)
        record.rows.append(Recorded(seq, "k", severity, body))
    first, last = min(first, last), max(first, last)
    parcels, upto = haul(record, Gap(lane, (first, last)), limit_bytes, zipped=zipped)
    if zipped:
        return
    answered = [json.loads(parcel.payload) for parcel in parcels]
    for parcel, said in zip(parcels, answered, strict=True):
        if lane is None:
            assert (said["first"], said["last"]) == parcel.span
    if lane is None:
        ends = [first - 1, *(said["last"] for said in answered)]
        assert [said["first"] for said in answered] == [end + 1 for end in ends[:-1]]
        assert ends[-1] == upto


@on_a_loop
async def test_a_heartbeat_does_not_wait_for_who_is_away(tmp_path: Path) -> None:
    with Broker(tmp_path / "b") as broker:
        command = ["mosquitto_sub", "-V", "5", "-p", str(broker.port), "-q", "1", "-C", "1"]
        command += ["-t", f"armoury/v1/{SITE}/heartbeat/+", "-F", "%E", "-W", "30"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as listening:
            await until(lambda: "SUBSCRIBE from" in broker.log, 30, "a subscription")
            async with Rig(tmp_path / "j", path_to(broker)) as rig:
                rig.uplink.start()
                await until(lambda: listening.poll() is not None, 30, "a heartbeat")
            assert listening.stdout is not None
            assert 0 < int(listening.stdout.read()) <= 90
