"""`armoury simulate`: names of the site file become moves on the right simulator's pins."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.simulated import Contact
from simulators.broker import free_port
from simulators.control import ControlServer, SimulatorError, Verb, tell
from tests.cli.conftest import Armoury
from tests.waiting import wait_until

DEMO = Path(__file__).parents[2] / "config" / "demo.toml"
# To be ready takes up to 45 s on a busy machine, and then each has its time to end.
END_S = 200.0
DEVICES = ("board", "store-reader", "hall")
VERBS = (
    "set",
    "finger",
    "keys",
    "card",
    "messy",
    "scene",
    "clip",
    "silence",
    "freeze",
    "vanish",
    "recover",
)


class Bench:
    """Every simulator of the demo, as far as its control channel: what it was told."""

    def __init__(self, run: Path) -> None:
        self.told: list[tuple[str, str, dict[str, Any]]] = []
        self.clear_ms = iter((0, 499, 500))  # of the readers' windows: a finger is being lifted
        (run / "sim").mkdir()
        self._servers = []
        for device in DEVICES:
            verbs = {verb: self._verb(device, verb) for verb in VERBS}
            verbs["state"] = lambda _: {"clear_ms": next(self.clear_ms)}
            self._servers.append(ControlServer(run / "sim" / f"{device}.sock", verbs))

    def _verb(self, device: str, verb: str) -> Verb:
        def take(asked: dict[str, Any]) -> str:
            if asked.get("name") == "fog":
                raise SimulatorError("no scene 'fog'")
            self.told.append((device, verb, asked))
            return "done"

        return take

    def start(self) -> None:
        for server in self._servers:
            server.start()

    def close(self) -> None:
        for server in self._servers:
            server.close()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, armoury: Armoury) -> Iterator[Bench]:
    monkeypatch.setenv("ARMOURY_SITE", str(DEMO))
    monkeypatch.setenv("ARMOURY_RUN", str(tmp_path))
    bench = Bench(tmp_path)
    bench.start()
    yield bench
    bench.close()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("press guard-room", ("board", "set", {"pin": 27, "level": None})),
        ("release guard-room", ("board", "set", {"pin": 27, "level": 0})),
        ("press board.store-contact", ("board", "set", {"pin": 17, "level": None})),
        ("open store", ("board", "set", {"pin": 17, "level": None})),
        ("close store", ("board", "set", {"pin": 17, "level": 0})),
        ("trip hall", ("board", "set", {"pin": 22, "level": None})),
        ("calm hall", ("board", "set", {"pin": 22, "level": 0})),
        ("cut store", ("board", "set", {"pin": 17, "level": None})),
        ("bridge guard-room", ("board", "set", {"pin": 27, "level": 0})),
        ("mend board.hall-pir", ("board", "set", {"pin": 22, "level": 0})),
        ("finger store-reader 1", ("store-reader", "finger", {"template": 1, "hold_ms": 800})),
        ("finger store-reader unknown --hold-ms 50",
         ("store-reader", "finger", {"unknown": True, "hold_ms": 50})),
        ("finger store-reader anna", ("store-reader", "finger", {"id": "anna", "hold_ms": 800})),
        ("finger store-reader messy", ("store-reader", "messy", {"hold_ms": 800})),
        ("keys store-reader 12#", ("store-reader", "keys", {"keys": "12#"})),
        ("card store-reader 2C6", ("store-reader", "card", {"number": "2C6", "bits": 26})),
        ("scene hall person", ("hall", "scene", {"name": "person"})),
        ("cover hall", ("hall", "scene", {"name": "hand"})),
        (f"clip hall {__file__}", ("hall", "clip", {"path": __file__})),
        ("break store-reader", ("store-reader", "silence", {})),
        ("break hall", ("hall", "freeze", {})),
        ("break board vanish --for 2", ("board", "vanish", {"for_s": 2.0})),
        ("recover board", ("board", "recover", {})),
        ('tell board set pin=4 level=null text=low more={"a":1}',
         ("board", "set", {"pin": 4, "level": None, "text": "low", "more": {"a": 1}})),
    ],
)  # fmt: skip
def test_words_become_one_request(
    armoury: Armoury, bench: Bench, words: str, told: tuple[str, str, dict[str, Any]]
) -> None:
    said = armoury("simulate", *words.split())
    assert (said.status, said.err) == (0, "")
    assert bench.told == [told]
    assert not words.startswith("finger") or next(bench.clear_ms, None) is None, "it waited"


def test_tell_shows_the_answer(armoury: Armoury, bench: Bench) -> None:
    assert json.loads(armoury("simulate", "tell", "board", "recover").out) == "done"
    assert "set" in json.loads(armoury("simulate", "tell", "board", "help").out)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("press guardroom", 'no panic guardroom; did you mean "guard-room"?'),
        ("open hall", "no door hall; there are: store"),
        ("cut hal", "no wire hal; did you mean"),
        ("press hall.motion", "no contact hall.motion; there are: none"),
        ("press board.siren", "no contact board.siren; there are: "),
        ("finger reader 1", 'no device reader; did you mean "store-reader"?'),
        ("scene hall fog", "hall: scene: no scene 'fog'"),
        ("break hall fly", "hall: no verb 'fly'; there are: card, "),
    ],
)
def test_what_cannot_be_done_is_1_and_one_line(
    armoury: Armoury, bench: Bench, words: str, said: str
) -> None:
    done = armoury("simulate", *words.split())
    assert done.status == 1
    assert done.err.startswith(f"Error: {said}")
    assert done.err.count("\n") == 1
    assert bench.told == []


def test_real_hardware_is_never_moved(armoury: Armoury, bench: Bench) -> None:
    reference = DEMO.with_name("reference.toml")
    for words in ("press office", "finger store-reader 1", "break board", "tell board help"):
        done = armoury("simulate", "--site", reference, *words.split())
        assert done.status == 1
        assert "is real: only its hardware can be moved" in done.err
    assert bench.told == []


def test_without_simulators_it_says_how_to_start_them(armoury: Armoury, tmp_path: Path) -> None:
    done = armoury("simulate", "--site", DEMO, "--run", tmp_path, "press", "guard-room")
    assert done.status == 1
    assert "armoury simulate start FILE" in done.err


def test_the_site_file_beside_the_sockets_is_found(
    armoury: Armoury, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ARMOURY_SITE")
    (tmp_path / "site.toml").write_text(DEMO.read_text().replace("pin = 27", "pin = 26"))
    assert armoury("simulate", "press", "guard-room").status == 0
    assert bench.told == [("board", "set", {"pin": 26, "level": None})]


@given(
    pull=st.sampled_from(["up", "down", "floating"]),
    normal=st.sampled_from(["closed", "open", "low", "high"]),
)
def test_alarm_and_rest_are_never_the_same_level(pull: str, normal: str) -> None:
    """At the pin, with its resistor: what the gpio driver takes for `normal` is our rest."""
    contact = Contact("board", 4, pull, normal)
    idle = {"up": 1, "down": 0}.get(pull)
    told = {alarm: contact.told("alarm" if alarm else "normal")[1] for alarm in (False, True)}
    seen = {alarm: idle if told[alarm]["level"] is None else told[alarm]["level"] for alarm in told}
    if pull == "floating" and normal in ("closed", "open"):
        return  # refused by the driver's options
    assert seen[False] != seen[True]
    expected = {"low": 0, "high": 1, "closed": int(pull == "down"), "open": int(pull == "up")}
    assert seen[False] == expected[normal]


LOOPS = DEMO.with_name("loops.toml")


@pytest.mark.parametrize(
    ("words", "channel", "state"),
    [
        ("trip store-movement", 0, "alarm"),
        ("calm store-movement", 0, "normal"),
        ("press guard-room", 2, "alarm"),
        ("cut store-movement", 0, "open"),
        ("bridge guard-room", 2, "short"),
        ("mend loops.store-wall", 1, "normal"),
    ],
)
def test_a_loop_is_moved_at_its_channel(
    armoury: Armoury, tmp_path: Path, words: str, channel: int, state: str
) -> None:
    told: list[dict[str, Any]] = []
    (tmp_path / "sim").mkdir()
    server = ControlServer(tmp_path / "sim" / "loops.sock", {"loop": told.append})
    server.start()
    said = armoury("simulate", "--site", LOOPS, "--run", tmp_path, *words.split())
    server.close()
    assert (said.status, said.err) == (0, "")
    assert told == [{"select": 0, "channel": channel, "state": state}]


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """Return the demo's file with ports of its own and paths in the test's folder."""
    text = DEMO.read_text().replace("run/demo/", f"{tmp_path}/")
    for port in ("18888", "18881", "18883"):
        text = text.replace(port, str(free_port()))
    path = tmp_path / "site.toml"
    # A contact to 3.3 V and one that is open at rest, beside those of the demo.
    more = 'high = { pin = 5, pull = "down" }\nbutton = { pin = 6, pull = "up", normal = "open" }\n'
    path.write_text(text.replace("[device.inputs]\n", f"[device.inputs]\n{more}"))
    return path


def start(demo: Path) -> subprocess.Popen[str]:
    words = ["simulate", "--run", str(demo.parent), "start", str(demo)]
    return subprocess.Popen(
        [sys.executable, "-m", "agent.cli.main", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def tied(run: Path, pin: int) -> int | None:
    """Return what the simulated wiring ties a pin to."""
    pins: Any = tell(run / "sim" / "board.sock", "pins")
    level: int | None = pins[str(pin)]["external"]
    return level


def test_start_runs_every_simulator_until_it_is_stopped(demo: Path, armoury: Armoury) -> None:
    run = demo.parent
    with start(demo) as running:
        assert running.stdout
        ready = [running.stdout.readline() for _ in DEVICES]
        assert [line.split(":")[0] for line in ready] == list(DEVICES)
        assert {pin: tied(run, pin) for pin in (17, 5, 6)} == {17: 0, 5: 1, 6: None}
        assert armoury("simulate", "--site", demo, "--run", run, "open", "store").status == 0
        assert tied(run, 17) is None
        running.send_signal(signal.SIGTERM)
        assert running.wait(END_S) == 0
    assert list((run / "sim").glob("*.sock")) == []


def test_a_simulator_that_ends_is_told_of_and_not_started_again(demo: Path) -> None:
    with start(demo) as running:
        assert running.stdout
        for _ in DEVICES:
            running.stdout.readline()
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
        assert len(children) == len(DEVICES)
        os.kill(int(children[1]), signal.SIGKILL)
        assert running.stdout.readline() == "store-reader: its simulator ended with status -9\n"
        running.send_signal(signal.SIGINT)
        assert running.wait(END_S) == 0


def test_a_port_in_use_ends_them_all_with_one_line(demo: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        text = demo.read_text()
        port = text.split("\nport = ")[1].split("\n")[0]
        demo.write_text(text.replace(port, str(taken.getsockname()[1]), 1))
        with start(demo) as running:
            assert running.wait(END_S) == 1
            assert running.stderr
            assert running.stderr.read().rstrip().endswith("board: its simulator did not start")


def test_a_file_with_mistakes_starts_nothing(demo: Path) -> None:
    demo.write_text(demo.read_text() + "\n[[dor]]\n")
    with start(demo) as running:
        assert running.wait(END_S) == 2
        assert running.stderr
        assert "did you mean door?" in running.stderr.read()
    wait_until(lambda: not (demo.parent / "sim").exists(), 1.0, "no folder was made")
