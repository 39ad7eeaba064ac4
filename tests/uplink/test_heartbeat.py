"""What is signed as a heartbeat is a heartbeat and nothing else, to the last byte."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from agent.journal import rotation
from agent.journal.canonical import encode
from agent.journal.checkpoint import Checkpoint
from agent.journal.errors import JournalError
from agent.journal.note import NoteRefused, Signer, Verifier, open_note, sign
from agent.site.moment import Moment
from agent.site.table import Id
from agent.uplink import heartbeat
from agent.uplink.commands import Command, SignedCommand
from agent.uplink.feed import Heartbeat, Topics
from agent.uplink.presence import Presence
from agent.uplink.signing import signed as signed_command
from agent.uplink.signing import written
from tests.broker import Broker, Subscriber
from tests.uplink.rig import BIRTH, Rig, on_a_loop, path_to, until
from tests.uplink.test_presence import FEED, beats

MANUAL = Path(__file__).parents[2] / "docs" / "feed.md"
SITE = "quito-07"
SIGNER = Signer(f"armoury/{SITE}", bytes(range(32)))
TRUE = Presence(Topics(SITE), "fibre", run=7).beat(12, 3, "a-boot", SIGNER)


def opened(payload: bytes) -> str:
    return open_note(heartbeat.note(payload), [SIGNER.verifier])


def test_a_heartbeat_names_all_that_makes_it_one_of_a_kind() -> None:
    kind, said, end = opened(TRUE).split("\n")
    assert (kind, end) == ("armoury/v1/heartbeat", "")
    beat = json.loads(said)
    assert beat.keys() == {
        "at", "boot", "head", "mono", "nonce", "number", "origin", "path", "run", "site", "waiting",
    }  # fmt: skip
    assert (beat["origin"], beat["site"], beat["path"]) == (f"armoury/{SITE}", SITE, "fibre")
    assert (beat["run"], beat["number"], beat["head"], beat["waiting"]) == (7, 1, 12, 3)


def test_without_the_key_it_goes_out_unsigned() -> None:
    payload = Presence(Topics(SITE), "fibre", run=7).beat(12, 3, "a-boot")
    beat = Heartbeat.model_validate_json(payload, strict=True)
    assert (beat.head, beat.origin, beat.signature) == (12, None, None)
    with pytest.raises(NoteRefused, match="no signature"):
        heartbeat.note(payload)


@settings(max_examples=600)
@given(st.integers(0, len(TRUE)), st.integers(0, 3), st.binary(max_size=3))
def test_no_byte_of_it_can_be_changed(at: int, gone: int, put: bytes) -> None:
    changed = TRUE[:at] + put + TRUE[at + gone :]
    if changed != TRUE:
        with pytest.raises(NoteRefused):
            opened(changed)


values = st.none() | st.booleans() | st.integers(-(2**53), 2**60) | st.text(max_size=9)
fields = st.sampled_from(sorted(json.loads(TRUE))) | st.text("abc", min_size=1, max_size=3)


@settings(max_examples=300)
@given(st.dictionaries(fields, values, min_size=1), st.sets(fields, max_size=2))
def test_no_field_of_it_can_be_changed_added_or_dropped(
    other: dict[str, Any], dropped: set[str]
) -> None:
    said = json.loads(TRUE)
    changed = {key: value for key, value in (said | other).items() if key not in dropped}
    if changed != said or any(type(changed[key]) is not type(said[key]) for key in said):
        with pytest.raises((NoteRefused, JournalError)):
            opened(encode(changed))


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_what_is_no_heartbeat_is_refused(payload: bytes) -> None:
    with pytest.raises(NoteRefused):
        opened(payload)


@pytest.mark.parametrize("payload", [b"[" * 100_000, b'{"a":' * 50_000, b'{"a":1e999}', b"9" * 99])
def test_hostile_json_is_refused(payload: bytes) -> None:
    with pytest.raises(NoteRefused):
        heartbeat.note(payload)


def test_json_that_two_readers_could_read_differently_is_refused() -> None:
    for before, after in (
        (b'"head":12', b'"head":12,"head":12'),
        (b'"head":12', b'"head":12.0'),
        (b'"head":12', b'"head": 12'),
        (b'"fibre"', rb'"\u0066ibre"'),
    ):
        assert before in TRUE
        with pytest.raises(NoteRefused, match="canonical"):
            opened(TRUE.replace(before, after))


def test_a_signature_is_written_in_one_way_only() -> None:
    """RFC 4648, 3.5: of the last letter before the padding some bits mean nothing."""
    end = re.search(rb"(.)=\"", TRUE)
    assert end is not None
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = letters[letters.index(end[1]) + 1 :][:1]
    changed = TRUE[: end.start()] + other + TRUE[end.start() + 1 :]
    with pytest.raises(NoteRefused):
        opened(changed)


# One key, several things that it signs


def others() -> dict[str, str]:
    """Return all else that the record's key signs, and a command by an operator with the same."""
    now = Moment(1, 1, "b", trusted=True)
    (entry,) = rotation.batch(SIGNER, Signer(SIGNER.verifier.name, bytes(32)), now).entries
    root = b64encode(bytes(32)).decode()
    successor = SIGNER.named(f"armoury/{SITE}/from-12")
    text = f"armoury/{SITE}/from-12\ncontinues armoury/{SITE}\n11\n{root}\nwhy\n"
    command = written(SITE, "alarm.acknowledge", {"alarm": "7"}, 30)
    return {
        "checkpoint": Checkpoint(SIGNER.verifier.name, 12, bytes(32)).signed(SIGNER),
        "rotation": str(entry.event.data["statement"]),
        "succession": sign(text, SIGNER, successor),
        "command": sign(command.text(), SIGNER),
    }


@pytest.mark.parametrize("what", others())
def test_nothing_else_that_is_signed_is_a_heartbeat(what: str) -> None:
    note = others()[what]
    text, _, lines = note.rpartition("\n\n")
    assert not text.startswith(heartbeat.KIND)
    for line in lines.splitlines():
        for said in (
            encode({"signature": line}),
            encode(json.loads(TRUE) | {"signature": line}),
            note.encode(),
            text.encode(),
            text.partition("\n")[2].strip().encode(),  # a command: the JSON below its first line
        ):
            with pytest.raises(NoteRefused):
                opened(said)
    if what == "command":
        inner = json.loads(text.partition("\n")[2])
        with pytest.raises(NoteRefused):
            opened(encode(inner | {"signature": lines.strip()}))


def test_a_heartbeat_is_nothing_else_that_is_signed() -> None:
    note = heartbeat.note(TRUE)
    assert open_note(note, [SIGNER.verifier])
    with pytest.raises(NoteRefused):
        Checkpoint.open(note, [SIGNER.verifier])
    with pytest.raises(NoteRefused, match="not a checkpoint"):
        Checkpoint.parse(note.rpartition("\n\n")[0] + "\n")
    with pytest.raises(NoteRefused):
        rotation.opened(note)
    command = written(SITE, "alarm.acknowledge", {"alarm": "7"}, 30)
    shown = SignedCommand.model_validate_json(signed_command(command, SIGNER))
    assert isinstance(shown.command, Command)
    line = json.loads(TRUE)["signature"].split(" ")[-1]
    assert not SIGNER.verifier.verifies(shown.command.text(), line.encode())


def test_no_site_has_a_log_that_is_called_so() -> None:
    """Its log's name is `armoury/` and its id, then perhaps `/from-NUMBER`."""
    ids: TypeAdapter[str] = TypeAdapter(Id)
    assert f"armoury/{ids.validate_python('v1')}/from-7" != heartbeat.KIND
    with pytest.raises(ValidationError):
        ids.validate_python(heartbeat.KIND.removeprefix("armoury/"))


# As the manual says


def example() -> dict[str, Any]:
    """Return what the manual's example defines."""
    text = MANUAL.read_text()
    block = re.search(r"(?<=\n\n)(    import base64, json\n(?:(?:    .*)?\n)+)", text)
    assert block is not None
    code = "\n".join(line[4:] for line in block[1].splitlines())
    assert len([line for line in code.splitlines() if line.strip()]) <= 16, "a dozen lines"
    found: dict[str, Any] = {}
    exec(compile(code, str(MANUAL), "exec"), found)  # noqa: S102 - it is ours
    return found


def test_the_manuals_example_checks_one() -> None:
    checked = example()["checked"]
    vkey = str(SIGNER.verifier)
    assert checked(TRUE, vkey)["head"] == 12
    with pytest.raises(InvalidSignature):
        checked(TRUE.replace(b'"head":12', b'"head":13'), vkey)
    with pytest.raises(InvalidSignature):
        checked(TRUE, str(Signer.made(f"armoury/{SITE}").verifier))
    with pytest.raises(KeyError):
        checked(Presence(Topics(SITE), "fibre", run=7).beat(12, 3, "a-boot"), vkey)


# As the gateway does it


@on_a_loop
async def test_heartbeats_on_the_wire_are_signed_by_the_key_that_signs_now(tmp_path: Path) -> None:
    with Broker(tmp_path / "b") as broker, Subscriber(broker, FEED) as monitor:
        often = {"heartbeat_s": 0.05}
        paths = [path_to(broker, name).model_copy(update=often) for name in ("fibre", "mobile")]
        rig = Rig(tmp_path / "j", *paths)
        rig.origin = f"armoury/{SITE}"
        async with rig:
            rig.uplink.describe(BIRTH)
            rig.uplink.start()
            old = rig.journal.signer
            assert old is not None
            said = await signed_by(monitor, old.verifier)
            assert {beat["path"] for beat in said} == {"fibre", "mobile"}
            assert {beat["boot"] for beat in said} == {BIRTH["boot"]}
            new = Signer.made(f"armoury/{SITE}")
            rig.journal.submit(rotation.batch(old, new, Moment(1, 1, "b", trusted=True)), 0)
            await until(lambda: rig.journal.vkey == str(new.verifier), 30, "the new key")
            await signed_by(monitor, new.verifier)


@on_a_loop
async def test_a_gateway_that_has_lost_its_key_goes_on_unsigned(tmp_path: Path) -> None:
    with Broker(tmp_path / "b") as broker, Subscriber(broker, FEED) as monitor:
        path = path_to(broker).model_copy(update={"heartbeat_s": 0.05})
        for is_lost in (False, True):
            if is_lost:
                (tmp_path / "j" / "journal.key").unlink()
            rig = Rig(tmp_path / "j", path)
            rig.origin = f"armoury/{SITE}"
            so_far = len(beats(monitor))
            async with rig:
                rig.uplink.start()
                rig.record()
                await until(lambda: len(beats(monitor)) >= so_far + 3, 30, "heartbeats")  # noqa: B023
            assert {"signature" in beat for beat in beats(monitor)[so_far:]} == {not is_lost}


async def signed_by(monitor: Subscriber, key: Verifier) -> list[dict[str, Any]]:
    """Return the heartbeats that this key has signed, once there are some of each path."""

    def found() -> list[dict[str, Any]] | None:
        true = [p for t, _, p in monitor.received() if "/heartbeat/" in t and is_by(p, key)]
        said = [json.loads(payload) for payload in true]
        return said if len({beat["path"] for beat in said}) == 2 else None

    said: list[dict[str, Any]] = await until(found, 30, f"heartbeats signed by {key}")
    return said


def is_by(payload: bytes, key: Verifier) -> bool:
    try:
        return bool(open_note(heartbeat.note(payload), [key]))
    except NoteRefused:
        return False
