"""The small parts: pace, worker, reasons, payloads."""

from __future__ import annotations

import asyncio
import json
import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.journal.record import Recorded
from agent.uplink import feed, pace, reasons
from agent.uplink.feed import Events, Heartbeat, Topics
from agent.uplink.options import PathOptions
from agent.uplink.pace import Pace
from agent.uplink.presence import Portrait, Presence
from agent.uplink.worker import Worker
from tests.uplink.rig import canonical, on_a_loop
from tests.waiting import wait_until


def test_batches_shrink_on_a_slow_line_and_grow_on_a_quick_one() -> None:
    paced = Pace()
    paced.took(0.6, 1.0, late=False)  # a satellite: far, and not slow
    for _ in range(10):
        paced.took(0.62, 1.0, late=True)
    assert paced.batch_bytes == pace.MOST_BYTES
    for _ in range(20):
        paced.took(2.0, 1.0, late=True)
    assert paced.batch_bytes == pace.LEAST_BYTES


def test_a_batch_that_blocks_the_line_leaves_it_to_others_for_as_long() -> None:
    paced = Pace()
    paced.took(0.1, 10.0, late=False)
    paced.took(0.109, 10.0, late=True)
    assert paced.free_s() == 0.0
    paced.took(0.4, 11.0, late=True)
    assert paced.free_s() == pytest.approx(11.3)
    paced.took(0.9, 11.0, late=False)
    assert paced.free_s() == pytest.approx(11.3)


@on_a_loop
async def test_a_worker_does_one_thing_after_the_other_and_tells_what_failed() -> None:
    worker = Worker("test", asyncio.get_running_loop())
    done: list[int] = []

    def fail() -> None:
        raise ValueError("told")

    futures = [worker.run(lambda n=n: done.append(n)) for n in range(3)]  # type: ignore[misc]
    await asyncio.gather(*futures)
    assert done == [0, 1, 2]
    with pytest.raises(ValueError, match="told"):
        await worker.run(fail)
    worker.stop()


def test_a_worker_that_hangs_does_not_outlive_its_loop_with_noise() -> None:
    release = threading.Event()

    async def hang() -> None:
        worker = Worker("hangs", asyncio.get_running_loop())
        worker.run(release.wait)
        worker.stop()

    asyncio.run(hang())
    release.set()
    wait_until(lambda: "hangs" not in {t.name for t in threading.enumerate()}, 30, "its end")


def test_every_reason_code_of_mqtt_5_has_words() -> None:
    for code in range(0x80, 0x100):
        assert reasons.of_code(code)
    assert "0xEE" in reasons.of_code(0xEE)


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (socket.gaierror(-2, "Name or service not known"), "no address is known for h"),
        (TimeoutError("timed out"), "does not answer"),
        (ConnectionResetError(104, "reset"), "hangs up at once; does it want TLS"),
        (OSError(101, "Network is unreachable"), "cannot be reached: Network is unreachable"),
        (ValueError("Invalid host."), "cannot be asked: Invalid host."),
    ],
)
def test_errors_of_the_line_have_words(error: Exception, wanted: str) -> None:
    assert wanted in reasons.of_error(error, PathOptions(id="a", host="h"))


bodies = st.dictionaries(
    st.text("abc", min_size=1), st.one_of(st.integers(0, 2**53 - 1), st.text(), st.booleans())
)


@given(st.lists(bodies, min_size=1, max_size=20), st.booleans())
def test_a_batch_is_canonical_and_keeps_the_bytes_of_each_body(
    said: list[dict[str, object]], historical: bool
) -> None:
    rows = [Recorded(n, "k", "info", canonical(body)) for n, body in enumerate(said, 7)]
    payload = feed.several(rows, historical=historical)
    assert len(payload) <= sum(len(row.body) + 1 for row in rows) + feed.FRAME_BYTES
    assert payload == canonical(json.loads(payload))
    assert json.loads(payload) == {
        "events": said,
        "first": 7,
        "historical": historical,
        "last": 6 + len(said),
    }


def test_readers_let_pass_what_they_do_not_know() -> None:
    event = {
        "seq": 1, "at": 1, "trusted": True, "mono": 1, "boot": "b", "kind": "k", "severity": "info",
        "object": "o", "data": {}, "of_tomorrow": 1,
    }  # fmt: skip
    batch = {"events": [event], "first": 1, "last": 1, "historical": True, "more": {}}
    assert Events.model_validate(batch).events[0].seq == 1


def test_what_a_path_says_of_itself() -> None:
    says = Presence(Topics("s"), "fibre", run=7)
    has = {"feed": "1", "version": "1", "name": "Quito", "boot": "b", "started": 1}
    portrait = Portrait(birth=has)
    assert says.status_topic == "armoury/v1/s/status/fibre"
    birth = json.loads(says.birth(portrait))
    assert birth["online"] is True
    assert has.items() <= birth["birth"].items()
    will = {"site": "s", "path": "fibre", "online": False, "clean": False}
    assert json.loads(says.will()) == will
    assert json.loads(says.goodbye())["clean"] is True
    beats = [Heartbeat.model_validate_json(says.beat(5, 2)) for _ in range(3)]
    assert [beat.number for beat in beats] == [1, 2, 3]
    assert len({beat.nonce for beat in beats}) == 3
