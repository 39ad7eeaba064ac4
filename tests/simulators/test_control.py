"""The simulators' control channel, over its real socket."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulators.control import ControlServer, SimulatorError, tell


def press(asked: dict) -> int:
    """Press a button: `pin`."""
    return asked["pin"] * 2


def refuse(_asked: dict) -> None:
    """Refuse."""
    raise SimulatorError("there is no finger")


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("control") / "c.sock"
    server = ControlServer(path, {"press": press, "refuse": refuse})
    server.start()
    yield path
    server.close()
    assert not path.exists()


def test_a_verb_is_called_with_its_parameters(control: Path) -> None:
    assert tell(control, "press", pin=21) == 42


def test_help_says_every_verb_and_what_it_does(control: Path) -> None:
    assert tell(control, "help") == {
        "help": "Say what can be asked.",
        "press": "Press a button: `pin`.",
        "refuse": "Refuse.",
    }


@pytest.mark.parametrize(
    ("do", "params", "sentence"),
    [
        ("refuse", {}, "refuse: there is no finger"),
        ("press", {}, "press needs 'pin'"),
        ("press", {"pin": None}, "press: unsupported operand"),
        ("fly", {}, "no verb 'fly'; there are: help, press, refuse"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    control: Path, do: str, params: dict, sentence: str
) -> None:
    with pytest.raises(SimulatorError) as refused:
        tell(control, do, **params)
    assert str(refused.value).startswith(sentence)


def test_nobody_at_the_socket_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="no simulator answers at"):
        tell(tmp_path / "absent.sock", "press", pin=1)


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    server = ControlServer(path, {"press": press})
    server.start()
    assert tell(path, "press", pin=1) == 2
    server.close()


def test_a_folder_that_is_not_there_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="cannot listen here"):
        ControlServer(tmp_path / "absent" / "c.sock", {}).start()


def test_close_hangs_up_on_a_client_that_stays(tmp_path: Path) -> None:
    server = ControlServer(tmp_path / "c.sock", {"press": press})
    server.start()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2.0)
        client.connect(str(tmp_path / "c.sock"))
        client.sendall(b'{"do": "press", "pin": 1}\n')
        assert client.recv(100) == b'{"ok": 2}\n'
        server.close()
        assert client.recv(100) == b""


def test_many_clients_at_once_are_each_answered(control: Path) -> None:
    answers: list[object] = []
    clients = [
        threading.Thread(target=lambda n=n: answers.append(tell(control, "press", pin=n)))
        for n in range(20)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join(timeout=60)
    assert sorted(answers) == list(range(0, 40, 2))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=200).map(lambda line: line.replace(b"\n", b" ")))
def test_garbage_is_answered_with_an_error_and_the_next_request_with_its_result(
    control: Path, garbage: bytes
) -> None:
    with socket.socket(socket.AF_UNIX) as sock, sock.makefile("rb") as lines:
        sock.settimeout(2.0)
        sock.connect(str(control))
        sock.sendall(garbage + b'\n{"do": "press", "pin": 4}\n')
        assert set(json.loads(lines.readline())) == {"error"}
        assert json.loads(lines.readline()) == {"ok": 8}


def test_a_program_says_when_it_is_ready_and_ends_quietly_on_sigterm() -> None:
    program = "from simulators.control import until_stopped; until_stopped('listening on x')"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == b"listening on x\n"
        process.terminate()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == b""
