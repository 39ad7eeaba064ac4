"""An older copy of the whole data folder put back: only the monitor's broker can know of it."""

from __future__ import annotations

import json
import shutil

from agent.journal import keys
from agent.journal.checkpoint import Checkpoint
from agent.journal.verification import verify
from tests.system.house import House
from tests.waiting import wait_until


def says_goodbye(house: House) -> bool:
    said = [told.payload for told in house.monitor.told() if "/status/" in told.topic]
    return bool(said) and json.loads(said[-1]).get("clean") is True


def newest_checkpoint(house: House) -> str:
    told = [told for told in house.monitor.told() if told.topic.endswith("/checkpoint")]
    return told[-1].payload.decode() if told else ""


def test_an_older_record_is_found_out_by_what_the_broker_kept(house: House) -> None:
    house.stop_daemon()
    older = house.folder / "older"
    shutil.copytree(house.data, older)
    house.start_daemon()
    house.wait_for_devices()
    known = house.head()
    house.bounce(hz=25, for_ms=3000)
    wait_until(lambda: house.head() > known + 150, 30, "events")
    house.stop_daemon()
    wait_until(lambda: says_goodbye(house), 20, "a goodbye; its last checkpoint came before that")
    covered = Checkpoint.open(newest_checkpoint(house), keys.public(older)).last_number
    assert covered > known

    shutil.rmtree(house.data)
    shutil.copytree(older, house.data)
    house.start_daemon()
    assert house.daemon is not None
    assert house.daemon.wait(60) == 1, "it ends, so that systemd starts it anew"
    assert f"the monitor has a checkpoint over {covered}" in house.said("daemon")
    house.start_daemon()
    house.wait_for_devices()
    replaced = house.wait_for(kind="system.record_replaced")
    assert "older than it was" in replaced["data"]["reason"]
    house.wait_for(kind="alarm.raised", object="1")

    def told() -> list[int]:
        return [event["seq"] for event in house.heard() if event["kind"] == replaced["kind"]]

    wait_until(told, 20, "the monitor is told")
    assert min(told()) > covered, "no number is given twice"
    assert verify(house.data, keys.public(house.data)).findings == ()

    house.stop_daemon()  # its own, newer checkpoints say nothing against it
    house.start_daemon()
    house.wait_for_devices()
    after = house.head()
    house.bounce(hz=25, for_ms=1000)
    house.wait_for(20, after=after, kind="point.changed")
    assert house.daemon is not None
    assert house.daemon.poll() is None


def test_that_a_backup_was_restored_is_told_once(house: House) -> None:
    data, copy = ("--data", str(house.data)), str(house.folder / "copy")
    house.armoury("journal", "backup", copy, *data)
    house.stop_daemon()
    said = house.armoury("journal", "restore", copy, *data, "--yes")
    for _ in range(2):
        house.start_daemon()
        house.wait_for_devices()
        replaced = house.wait_for(kind="system.record_replaced")
        assert replaced["data"]["reason"] == said.strip()
        house.wait_for(kind="alarm.raised", object="1")
        house.stop_daemon()
    told = house.armoury("journal", "export", "--kind", "system.record_replaced", *data)
    assert [json.loads(line)["seq"] for line in told.splitlines()] == [replaced["seq"]]
