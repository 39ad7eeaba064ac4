"""A desk's session at a broker of the test's making: whatever it sends, the desk hears again."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from agent.monitor import line as line_module
from agent.monitor.inbox import REST, Arrived, Changed, Inbox
from agent.monitor.line import Broker, Line
from tests.broker import Broker as RealBroker
from tests.waiting import wait_until

WITHIN_S = 30.0
CONNACK = bytes([0x20, 0x03, 0x00, 0x00, 0x00])
NO_TEXT = bytes([0x32, 0x07, 0x00, 0x02, 0xFF, 0xFE, 0x00, 0x09, 0x00])  # a topic, no UTF-8
NONSENSE = {
    "a topic that is no text": NO_TEXT,
    "a second CONNACK": CONNACK,
    "a packet that is cut short": bytes([0x32, 0x01, 0x00]),
    "an unknown kind": bytes([0x00, 0x00]),
}
MESSAGE = bytes([0x32, 0x08, 0x00, 0x01]) + b"t" + bytes([0x00, 0x09, 0x00]) + b"hi"


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
def test_after_a_packet_that_makes_no_sense_the_desk_hears_again(
    nonsense: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_module, "RECONNECT_S", (0.01, 0.02))
    inbox = Inbox()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(WITHIN_S)
        broker = Broker("127.0.0.1", server.getsockname()[1], "desk", 60)
        with Line(broker, ["t"], REST, inbox):
            for then in (nonsense, MESSAGE):
                near, _ = server.accept()
                near.settimeout(WITHIN_S)
                with near:
                    assert near.recv(4096), "CONNECT"
                    near.sendall(CONNACK)
                    assert near.recv(4096), "SUBSCRIBE"
                    near.sendall(then)
                    up, after = inbox.take(WITHIN_S), inbox.take(WITHIN_S)
                    assert isinstance(up, Changed)
                    assert up.up
                    if then is nonsense:
                        assert isinstance(after, Changed)
                        assert "broke" in after.text
                    else:
                        assert isinstance(after, Arrived)
                        assert (after.topic, after.payload) == ("t", b"hi")


def test_a_message_that_no_gateway_sends_stays_at_the_broker(tmp_path: Path) -> None:
    """Any site may publish it; the desk is to hear the alarms of the others."""
    with RealBroker(tmp_path) as broker:
        inbox = Inbox()
        with Line(Broker("127.0.0.1", broker.port, "desk", 60), ["t"], REST, inbox):
            up = inbox.take(WITHIN_S)
            assert isinstance(up, Changed)
            wait_until(lambda: "SUBACK" in broker.log, WITHIN_S, "the subscription")
            publish = [
                "mosquitto_pub",
                "-V",
                "5",
                "-p",
                str(broker.port),
                "-q",
                "1",
                "-t",
                "t",
                "-s",
            ]
            for size in (1_000_000, 400_000):
                subprocess.run(publish, input=bytes(size), check=True)
            arrived = inbox.take(WITHIN_S)
        assert isinstance(arrived, Arrived)
        assert len(arrived.payload) == 400_000
