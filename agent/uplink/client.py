"""paho's client, kept within what a gateway has, and as quick as it can be."""

from __future__ import annotations

import socket
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.uplink.wire import TAKEN_BYTES, Will

QOS_2 = 0x04  # MQTT 5, 3.3.1.2


class Client(paho.Client):
    """One that takes only the packets that the broker may send us.

    paho would keep any other as well, up to 256 MiB and three times over, and what comes with QoS 2
    until the broker says that it is done. It gets slow when many messages wait in it, so its limit
    of those on their way is off.

    Args:
        name: id that the broker knows us by.
        will: see `Will`; None for who may go without a word.
    """

    def __init__(self, name: str, will: Will | None) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, name, protocol=paho.MQTTv5)
        self.max_inflight_messages_set(0)
        if will is not None:
            self.will_set(will.topic, will.payload, qos=1, retain=True)

    def send(
        self, topic: str, payload: bytes, *, retain: bool, zipped: bool, expires_s: int | None
    ) -> int:
        """Publish with QoS 1; return the number that the acknowledgement will bear."""
        properties = _properties(zipped, expires_s) if zipped or expires_s else None
        return self.publish(topic, payload, 1, retain, properties).mid

    def hear(self, topics: list[str]) -> None:
        """Subscribe with QoS 1."""
        self.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])

    def ask_every(self, keepalive_s: int) -> None:
        """Ping so often, though the broker names a longer time.

        It says how long the broker waits for us (MQTT 5, 3.2.2.3.14); we wait for less.
        """
        self._keepalive = min(self._keepalive, keepalive_s)

    def hasten(self) -> None:
        """Let what the broker has ready come at once.

        A broker that leaves Nagle's algorithm on (RFC 1122, 4.2.3.4; mosquitto does, unless it is
        told `set_tcp_nodelay`) keeps an answer back until our TCP has acknowledged the one before
        it. Linux does so with what we send next, or after 40 ms. See TCP_QUICKACK in tcp(7): it
        holds for a while only, so it is set again and again.
        """
        sock: Any = self.socket()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _sock_recv(self, bufsize: int) -> bytes:
        if bufsize > TAKEN_BYTES:
            raise OverflowError
        return super()._sock_recv(bufsize)

    def _handle_publish(self) -> MQTTErrorCode:
        if self._in_packet["command"] & QOS_2:  # we have subscribed with QoS 1
            raise OverflowError
        return super()._handle_publish()


def _properties(zipped: bool, expires_s: int | None) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if zipped:
        properties.ContentType = "application/zlib"  # RFC 6713
    if expires_s:
        properties.MessageExpiryInterval = expires_s
    return properties
