"""What passes between a connection and the path that it belongs to."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

TAKEN_BYTES = 65_536  # of a packet to us: a command has 16 KiB at most
LARGEST = 256 * 1024 * 1024  # MQTT 5, 2.1.4: what a packet can be at all


class Terms(Struct, frozen=True):
    """What the broker allows on this connection.

    Attributes:
        receive_maximum: messages it takes before it has acknowledged any.
        packet_bytes: the largest packet it takes.
    """

    receive_maximum: int
    packet_bytes: int


class Will(Struct, frozen=True):
    """What the broker publishes, retained, when we vanish without a word."""

    topic: str
    payload: bytes


class Hearer(Protocol):
    """Who is told what arrives; on the loop."""

    def acknowledged(self, acks: list[Ack]) -> None:
        """Hear all acknowledgements that arrived together."""

    def received(self, topic: str, payload: bytes) -> None:
        """Hear a message to a topic that was subscribed to."""


class Ack(Struct, frozen=True):
    """The broker's answer to the message `mid`: an MQTT 5 reason code."""

    mid: int
    code: int
