"""One session of the desk's at its broker, which the broker keeps while we are away.

A message is acknowledged when what it says is on our disk, not when it has come; so a crash
means that it comes again. paho runs on a thread of its own here, and only puts into a queue.
What a callback raises ends that thread, and with it the hearing: so it is paho's own
`MalformedPacket` where the broker breaks the protocol, at which paho hangs up and connects again.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from msgspec import Struct
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.exception import MalformedPacket
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.monitor.inbox import Arrived, Changed, Inbox
from agent.monitor.said import Ask

RECONNECT_S = (1, 30)
RECEIVE_MAXIMUM = 100
# A gateway's largest has a quarter. Without a limit, any site could take all of a desk's memory,
# and again after each restart, for what is not acknowledged comes again.
TAKEN_BYTES = 512 * 1024
CLOSE_S = 2.0


class LineUnusable(Exception):
    """There can be no connection; the text says what to do."""


class Broker(Struct, frozen=True):
    """Where to, and with what proofs.

    Attributes:
        client: id under which the broker keeps our session.
        expiry_s: for how long it does after we have gone.
    """

    host: str
    port: int
    client: str
    expiry_s: int
    username: str | None = None
    password: str | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


class Line:
    """One session; a context.

    Args:
        broker: see `Broker`.
        topics: filters to subscribe to.
        session: which one it is, for `inbox`.
        inbox: takes what comes, and when the connection comes about, fails or breaks.

    Raises:
        LineUnusable: a certificate cannot be used.
    """

    def __init__(self, broker: Broker, topics: Sequence[str], session: int, inbox: Inbox) -> None:
        self._where = f"{broker.host}:{broker.port}"
        self._broker = broker
        self._topics = topics
        self._session = session
        self._inbox = inbox
        self._connection = 0
        self._accepted: Any = None  # the socket on which the broker has accepted us
        self._said = ""
        self._client = self._make(broker)

    def __enter__(self) -> Line:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._broker.expiry_s
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.MaximumPacketSize = TAKEN_BYTES
        self._client.connect_async(
            self._broker.host, self._broker.port, clean_start=False, properties=properties
        )
        self._client.loop_start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def settle(self, one: Arrived) -> None:
        """Acknowledge a message: it need not come again."""
        if one.connection == self._connection:  # another one's numbers mean other messages
            self._client.ack(one.mid, 1)

    def publish(self, asks: Iterator[Ask]) -> None:
        """Ask the gateways."""
        for ask in asks:
            self._client.publish(ask.topic, ask.payload, qos=1)

    def _make(self, broker: Broker) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2, broker.client, protocol=MQTTv5, manual_ack=True
        )
        if broker.username is not None:
            client.username_pw_set(broker.username, broker.password)
        if broker.ca is not None:
            try:
                client.tls_set(
                    str(broker.ca),
                    str(broker.cert) if broker.cert else None,
                    str(broker.key) if broker.key else None,
                    tls_version=ssl.PROTOCOL_TLS_CLIENT,
                )
            except (OSError, ValueError) as error:
                raise LineUnusable(f"the certificates cannot be used: {error}") from error
        client.reconnect_delay_set(*RECONNECT_S)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        return client

    # paho's callbacks, on its thread

    def _on_connect(
        self, client: Client, _data: Any, flags: Any, code: ReasonCode, _said: Any
    ) -> None:
        if code.is_failure:
            self._say(f"the broker at {self._where} refuses us: {code.getName()}", up=False)
            return
        if client.socket() is self._accepted:
            raise MalformedPacket("a second CONNACK")
        self._accepted = client.socket()
        self._connection += 1
        client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in self._topics])
        kept = "" if flags.session_present else "; it had kept nothing for us"
        self._say(f"listening at {self._where}{kept}", up=True)

    def _on_connect_fail(self, _client: Client, _data: Any) -> None:
        self._say(f"nobody is there at {self._where}; trying again", up=False)

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: Any, code: ReasonCode, _said: Any
    ) -> None:
        if code.is_failure:
            text = f"the connection to {self._where} broke ({code.getName()}): nothing is heard now"
            self._say(text, up=False)

    def _on_subscribe(
        self, _client: Client, _data: Any, _mid: int, codes: list[ReasonCode], _said: Any
    ) -> None:
        refused = [t for t, code in zip(self._topics, codes, strict=False) if code.is_failure]
        if refused:
            self._say(f"the broker does not let us hear {', '.join(refused)}", up=False)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError as error:
            raise MalformedPacket(str(error)) from error
        arrived = Arrived(
            self._session,
            topic,
            bytes(message.payload),
            message.retain,
            message.dup,
            message.mid,
            self._connection,
        )
        self._inbox.put(arrived)

    def _say(self, text: str, *, up: bool) -> None:
        if text != self._said or up:
            self._said = text
            self._inbox.put(Changed(self._session, up, text))
