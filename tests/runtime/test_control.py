"""The control socket: the real server, the real client, and people who misuse it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.control import Client, DaemonAbsent, RequestRefused
from agent.runtime.control import MAX_LINE, ControlServer, Refused, SocketUnusable
from tests.waiting import BUSY


class Requests:
    def __init__(self) -> None:
        self.ended = 0

    def answers(self) -> Mapping[str, Callable[[dict[str, Any], str], Awaitable[Any]]]:
        return {"echo": self.echo, "refuse": self.refuse}

    def streams(self) -> Mapping[str, Callable[[dict[str, Any]], AsyncIterator[Any]]]:
        return {"watch": self.count}

    async def echo(self, asked: dict[str, Any], by: str) -> Any:
        return {"text": asked["text"], "by": by}

    async def refuse(self, asked: dict[str, Any], by: str) -> Any:
        raise Refused("the door is open; close it first", {"points": {"board.door": "open"}})

    async def count(self, asked: dict[str, Any]) -> AsyncIterator[int]:
        try:
            for number in range(1000):
                yield number
                await asyncio.sleep(0.01)
        finally:
            self.ended += 1


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[Path, Requests]]:
    requests = Requests()
    serving = ControlServer(tmp_path / "control.sock", requests)
    await serving.start()
    yield tmp_path / "control.sock", requests
    await serving.close()


Server = tuple[Path, Requests]


def ask(path: Path, do: str, **params: Any) -> Any:
    with Client(path) as client:
        return client.ask(do, **params)


async def test_an_answer_bears_who_asked(server: Server) -> None:
    assert await asyncio.to_thread(ask, server[0], "echo", text="ñ") == {
        "text": "ñ",
        "by": f"uid:{os.getuid()}",
    }


async def test_a_refusal_is_a_sentence(server: Server) -> None:
    with pytest.raises(RequestRefused, match="close it first") as refused:
        await asyncio.to_thread(ask, server[0], "refuse")
    assert refused.value.data == {"points": {"board.door": "open"}}
    with pytest.raises(RequestRefused, match="unknown request 'fly'; known: echo"):
        await asyncio.to_thread(ask, server[0], "fly")


async def test_a_stream_ends_when_the_client_hangs_up(server: Server) -> None:
    def first_three() -> list[int]:
        with Client(server[0]) as client, contextlib.closing(client.stream("watch")) as stream:
            return [next(stream) for _ in range(3)]

    assert await asyncio.to_thread(first_three) == [0, 1, 2]
    async with asyncio.timeout(2 * BUSY):
        while not server[1].ended:
            await asyncio.sleep(0.01)


async def test_only_owner_and_group_may_ask(server: Server) -> None:
    assert stat.S_IMODE(server[0].stat().st_mode) == 0o660


async def test_a_socket_left_by_a_killed_daemon_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with pytest.raises(DaemonAbsent, match="no daemon answers"):
        Client(path)
    serving = ControlServer(path, Requests())
    await serving.start()
    assert await asyncio.to_thread(ask, path, "echo", text="x")
    await serving.close()


async def test_what_is_in_use_is_not_removed(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SocketUnusable, match="is in use"):
        await ControlServer(server[0], Requests()).start()
    assert await asyncio.to_thread(ask, server[0], "echo", text="still here")
    (tmp_path / "a-file").write_text("precious")
    with pytest.raises(SocketUnusable, match="is in use"):
        await ControlServer(tmp_path / "a-file", Requests()).start()
    assert (tmp_path / "a-file").read_text() == "precious"


@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(garbage=st.binary(max_size=100) | st.just(b"x" * (MAX_LINE + 10)))
async def test_garbage_from_a_client_leaves_the_server_serving(
    server: Server, garbage: bytes
) -> None:
    _, writer = await asyncio.open_unix_connection(server[0])
    writer.write(garbage + b"\n")
    writer.close()
    reader, writer = await asyncio.open_unix_connection(server[0])
    writer.write(json.dumps({"id": 1, "do": "echo", "text": "still here"}).encode() + b"\n")
    assert b"still here" in await asyncio.wait_for(reader.readline(), 2)
    writer.close()


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"[1]\n", b'{"jsonrpc": "2.0"}\n', b"[" * 9999 + b"\n"],
)
async def test_a_server_that_is_not_the_daemon_is_known_by_its_answer(
    tmp_path: Path, answer: bytes
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_unix_server(serve, tmp_path / "odd.sock"):
        with pytest.raises(DaemonAbsent, match=r"odd.sock is not armoury's daemon; .* --socket"):
            await asyncio.to_thread(ask, tmp_path / "odd.sock", "status")


def test_a_daemon_that_hangs_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(tmp_path / "hung.sock"))
        hung.listen()
        why = r"said nothing for 0.01 s; see: sudo journalctl"
        client = Client(tmp_path / "hung.sock", timeout_s=0.01)
        with client, pytest.raises(DaemonAbsent, match=why) as looking:
            client.ask("status")
        assert "may be done" not in str(looking.value)
        hung.accept()[0].close()
        # What is waiting in the socket is done when the daemon goes on.
        client = Client(tmp_path / "hung.sock", timeout_s=0.01)
        with client, pytest.raises(DaemonAbsent, match=f"{why}.*may be done .* before you ask"):
            client.ask("command", name="alarm.acknowledge", params={"id": "1"})
        with hung.accept()[0] as late:
            assert b"alarm.acknowledge" in late.recv(1000)


def test_a_daemon_that_goes_away_over_a_command_may_have_done_it(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dying:
        dying.bind(str(tmp_path / "dying.sock"))
        dying.listen()
        client = Client(tmp_path / "dying.sock")
        accepted, _ = dying.accept()
        accepted.shutdown(socket.SHUT_WR)
        gone = "went away before it answered; what was asked may be done"
        with client, accepted, pytest.raises(DaemonAbsent, match=gone):
            client.ask("reload")
