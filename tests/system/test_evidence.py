"""What a camera saw of an alarm: on the disk, in the record, and found when it is touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import pytest
from click.testing import CliRunner

from agent.cli.evidence import evidence
from agent.cli.journal import journal
from tests.system.house import House
from tests.waiting import wait_until

KEPT_S = 30.0


@pytest.fixture
def watched(make_house: Callable[[str], House], demo_text: str) -> House:
    """Return the demo's armoury, with short clips, after its camera has looked for a while."""
    camera = 'covers = ["store", "hall"]'
    assert camera in demo_text
    house = make_house(demo_text.replace(camera, f"{camera}\npre_s = 2\npost_s = 5", 1))
    house.start()
    return house


def file_of(house: House, event: Any) -> Path:
    digest = event["data"]["sha256"]
    return house.data / "evidence" / digest[:2] / digest


def forced(house: House) -> Any:
    """Force the store's door; return the event of the clip that is kept of it."""
    house.armoury("simulate", "open", "store")
    alarm = house.wait_for(kind="alarm.raised", cause="door.forced")
    event = house.wait_for(KEPT_S, kind="evidence.kept", what="clip")
    assert event["data"]["alarms"] == [alarm["object"]]
    return event


def test_a_forced_door_is_on_a_clip_that_the_record_covers(watched: House, tmp_path: Path) -> None:
    event = forced(watched)
    file = file_of(watched, event)
    data = event["data"]
    assert sha256(file.read_bytes()).hexdigest() == data["sha256"]
    assert file.stat().st_size == data["bytes"]
    opened = watched.wait_for(kind="door.forced")
    assert data["from"] < opened["at"] < data["to"]
    film = cv2.VideoCapture(str(file), cv2.CAP_FFMPEG)
    assert film.get(cv2.CAP_PROP_FRAME_COUNT) > 20
    film.release()
    watched.wait_for(kind="evidence.kept", what="snapshot")

    assert "as recorded" in watched.armoury("evidence", "verify", "--data", str(watched.data))
    listed = watched.armoury("evidence", "list", "--alarm", "1", "--data", str(watched.data))
    assert [data["sha256"][:16] in line for line in listed.splitlines()].count(True) == 1
    out = tmp_path / "out"
    watched.armoury(
        "evidence", "export", "--alarm", "1", "--to", str(out), "--data", str(watched.data)
    )
    assert {path.suffix for path in out.iterdir()} == {".avi", ".jpg", ".json"}
    said = json.loads(next(out.glob("*-clip.json")).read_text())
    assert said["data"]["sha256"] == data["sha256"]
    watched.assert_monitor_has_the_record()


def test_a_clip_that_was_touched_is_named(watched: House) -> None:
    event = forced(watched)
    file = file_of(watched, event)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    for group in (evidence, journal):
        told = CliRunner().invoke(group, ["verify", "--data", str(watched.data)])
        assert told.exit_code == 1
        assert event["data"]["sha256"] in told.output


def test_a_camera_that_is_gone_is_told_with_the_alarm_that_it_did_not_see(watched: House) -> None:
    watched.tell("hall", "vanish")
    watched.wait_for(kind="device.lost", object="hall")
    watched.armoury("simulate", "open", "store")
    event = watched.wait_for(KEPT_S, kind="evidence.failed", what="clip")
    assert event["data"]["reason"] == "hall is not there"


def test_a_kill_in_the_middle_of_a_clip_leaves_no_half_file(watched: House) -> None:
    watched.armoury("simulate", "open", "store")
    spool = watched.data / "spool" / "hall"
    wait_until(lambda: list(spool.glob("*.part")), 10.0, "a clip being written")
    watched.daemon_do("kill")
    watched.daemon_do("start")

    def ended() -> Any:
        """Return what became of the clip: kept, when the gateway was back before its end."""
        kinds = ("evidence.kept", "evidence.failed")
        told = (event for event in watched.events(0) if event["kind"] in kinds)
        return next((event for event in told if event["data"]["what"] == "clip"), None)

    event = wait_until(ended, KEPT_S, "the clip's end")
    assert event["data"]["alarms"] == ["1"]
    wait_until(lambda: not list(spool.iterdir()), 10.0, "an empty spool")
    assert "as recorded" in watched.armoury("evidence", "verify", "--data", str(watched.data))
