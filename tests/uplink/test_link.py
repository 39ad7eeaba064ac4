"""A connection to a broker of the test's making: whatever it sends, nothing breaks but the line."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.uplink.link import Link
from agent.uplink.options import PathOptions, TlsOptions
from agent.uplink.reasons import NotConnected
from agent.uplink.wire import Ack, Terms, Will
from agent.uplink.worker import Worker
from tests.broker import certificates
from tests.uplink.rig import on_a_loop, until
from tests.waiting import BUSY

CONNACK = bytes([0x20, 0x03, 0x00, 0x00, 0x00])
WINDOW_3 = bytes([0x20, 0x06, 0x00, 0x00, 0x03, 0x21, 0x00, 0x03])
NO_PINGS = bytes([0x20, 0x06, 0x00, 0x00, 0x03, 0x13, 0x00, 0x00])
RARE_PINGS = bytes([0x20, 0x06, 0x00, 0x00, 0x03, 0x13, 0x00, 0x3C])
NO_WINDOW = bytes([0x20, 0x06, 0x00, 0x00, 0x03, 0x21, 0x00, 0x00])  # MQTT 5, 3.2.2.3.3
NO_TEXT = bytes([0x32, 0x07, 0x00, 0x02, 0xFF, 0xFE, 0x00, 0x09, 0x00])  # a topic, no UTF-8
TOO_MUCH = bytes([0x30, 0x80, 0x80, 0x80, 0x40, 0x00, 0x01, 0x74, 0x00]) + bytes(
    100_000
)  # of 128 MiB
NONSENSE = {
    "a topic that is no text": NO_TEXT,
    "a second CONNACK": CONNACK,
    "a packet of 128 MiB": TOO_MUCH,
    "a message with QoS 2": bytes([0x34, 0x06, 0x00, 0x01, 0x74, 0x00, 0x01, 0x00]),
}


class Hearer:
    def __init__(self) -> None:
        self.acks: list[Ack] = []
        self.messages: list[tuple[str, bytes]] = []

    def acknowledged(self, acks: list[Ack]) -> None:
        self.acks += acks

    def received(self, topic: str, payload: bytes) -> None:
        self.messages.append((topic, payload))


@contextlib.asynccontextmanager
async def linked(
    *sent: bytes, tls: tuple[ssl.SSLContext, TlsOptions] | None = None
) -> AsyncIterator[tuple[Link, Hearer, Terms]]:
    """Connect to a broker that answers CONNECT, and whatever follows, with these bytes."""

    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError), contextlib.closing(writer):
            for data in sent:
                if not await reader.read(4096):
                    break
                writer.write(data)
            while await reader.read(4096):
                pass
        over.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls[0] if tls else None)
    port = server.sockets[0].getsockname()[1]
    hearer = Hearer()
    worker = Worker("dial", asyncio.get_running_loop())
    options = PathOptions(id="a", host="127.0.0.1", port=port, tls=tls[1] if tls else None)
    link = Link(options, "c", Will("w", b""), hearer, worker)
    try:
        await link.open()
        yield link, hearer, link.terms
    finally:
        await link.close(0.2)
        worker.stop()
        await asyncio.wait_for(over.wait(), 10 * BUSY)  # a task cut short is an error of its own
        server.close()
        await server.wait_closed()


@on_a_loop
async def test_what_the_broker_allows() -> None:
    async with linked(CONNACK) as (_, _, terms):
        assert (terms.receive_maximum, terms.packet_bytes) == (65535, 256 * 1024 * 1024)
    async with linked(WINDOW_3) as (_, _, terms):
        assert terms.receive_maximum == 3


@on_a_loop
async def test_a_broker_that_wants_no_pings_is_not_taken_for_silent() -> None:
    async with linked(NO_PINGS) as (link, _, _):
        link._heard_s -= 3600
        link._look()
        assert link.alive


@on_a_loop
async def test_a_broker_that_wants_pings_rarely_is_asked_as_often_as_its_silence_is_told() -> None:
    async with linked(RARE_PINGS) as (link, _, _):
        assert link._client.keepalive == 15


@on_a_loop
async def test_a_broker_that_accepts_us_with_nonsense_is_told_so() -> None:
    with pytest.raises(NotConnected, match="MQTT 5 does not allow: ReceiveMaximum"):
        async with linked(NO_WINDOW):
            pass


@on_a_loop
async def test_an_answer_bears_the_number_of_its_message() -> None:
    async with linked(CONNACK, bytes([0x40, 0x03, 0x00, 0x01, 0x10])) as (link, hearer, _):
        mid = link.publish("a/b", b"x")
        await until(lambda: hearer.acks, 30, "an answer")
        assert hearer.acks == [Ack(mid, 0x10)]


@on_a_loop
async def test_a_broker_may_go_on_at_once() -> None:
    async with linked(CONNACK) as (link, _, _):
        sock = link._client.socket()
        assert sock is not None
        quick = socket.IPPROTO_TCP, socket.TCP_QUICKACK
        sock.setsockopt(*quick, 0)  # as it is after every exchange
        assert not sock.getsockopt(*quick)
        link.hasten()
        assert sock.getsockopt(*quick)
        link.drop("gone")
        link.hasten()


@on_a_loop
async def test_the_broker_says_why_it_hangs_up() -> None:
    taken_over = bytes([0xE0, 0x02, 0x8E, 0x00])
    async with linked(CONNACK, taken_over) as (link, _, _):
        link.publish("a/b", b"x")
        lost = await link.lost
        assert "no other gateway may have the same site id" in str(lost)
        assert not lost.objected


@on_a_loop
async def test_the_broker_objects_to_a_size() -> None:
    async with linked(CONNACK, bytes([0xE0, 0x02, 0x95, 0x00])) as (link, _, _):
        link.publish("a/b", b"x")
        assert (await link.lost).objected


@on_a_loop
async def test_a_message_is_received_with_its_topic() -> None:
    message = bytes([0x30, 0x06, 0x00, 0x01]) + b"t" + bytes([0x00]) + b"hi"
    async with linked(CONNACK, message) as (link, hearer, _):
        link.publish("a/b", b"x")
        await until(lambda: hearer.messages, 30, "the message")
        assert hearer.messages == [("t", b"hi")]


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
@on_a_loop
async def test_a_packet_that_paho_cannot_make_sense_of_is_read_once(nonsense: bytes) -> None:
    answer = bytes([0x40, 0x02, 0x00, 0x01])
    async with linked(CONNACK, answer + nonsense) as (link, hearer, _):
        mid = link.publish("a/b", b"x")
        lost = await asyncio.wait_for(link.lost, 10 * BUSY)
        assert "breaks the protocol" in str(lost)
        assert not lost.objected, "no message of ours is to blame"
        await until(lambda: hearer.acks, 10, "the answer before it")
        assert hearer.acks == [Ack(mid, 0)]


@on_a_loop
async def test_what_tls_has_at_once_leaves_others_their_turn(tmp_path: Path) -> None:
    """One record with many messages; whoever sends without an end would be all that runs."""
    files = certificates(tmp_path)
    flood = bytes([0x30, 0x06, 0x00, 0x01, 0x74, 0x00, 0x68, 0x69]) * 500
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert, files.key)
    async with linked(CONNACK + flood, tls=(context, TlsOptions(ca=str(files.ca)))) as (
        _,
        hearer,
        _,
    ):
        turns = 0
        while len(hearer.messages) < 500:
            turns += 1
            await asyncio.sleep(0)
    assert turns > 100


packets = st.one_of(
    st.sampled_from([*NONSENSE.values()]),
    st.binary(max_size=40),
    st.builds(
        lambda kind, body: bytes([kind, len(body)]) + body,
        st.integers(0, 255),
        st.binary(max_size=60),
    ),
)


@given(st.lists(packets, min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_garbage_ends_the_connection_at_most(garbage: list[bytes]) -> None:
    @on_a_loop
    async def scenario() -> None:
        async with linked(CONNACK, b"".join(garbage)) as (link, _, _):
            link.publish("a/b", b"x")
            await asyncio.wait({link.lost}, timeout=0.02)

    scenario()
