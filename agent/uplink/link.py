"""One connection to one broker. This module, `client` and `dial` alone know paho.

paho is driven from the asyncio loop through its hooks for foreign loops (`loop_read`,
`loop_write`, `loop_misc`), so that nothing here runs beside the loop but the connecting, which
blocks and is a worker's. Its callbacks only enqueue. What was measured and forced this shape:

* `publish()` without a connection returns an error, keeps the message and sends it later:
  so it is called on a live connection only, and a client is never used twice.
* It does not heed the broker's Receive Maximum: so whoever publishes keeps the window.
* It notices a dead broker after twice the keepalive: so silence is measured here.
* It hides errors of the socket in its log: so that is read until the broker has accepted us.
* Where it fails over a packet, it keeps it, and fails over it again for as long as it is asked
  to read: so whatever it raises there is the end of the connection.
"""

from __future__ import annotations

import asyncio
from typing import Any

from paho.mqtt.client import MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.uplink import reasons
from agent.uplink.client import Client
from agent.uplink.dial import CONNECT_S, Dial
from agent.uplink.options import PathOptions
from agent.uplink.reasons import Lost, NotConnected
from agent.uplink.wire import LARGEST, Ack, Hearer, Terms, Will
from agent.uplink.worker import Worker

TICK_S = 1.0
SILENCE = 1.5  # keepalives; the broker gives us as long (MQTT 5, 3.1.2.10)
SILENT_S = 29.0  # ... but never longer: another path carries within 30 s
# Codes by which a broker ends a connection over a message, and those by which paho says that it
# could not read an answer (mosquitto refuses a size with a code that PUBACK does not have).
_OBJECTIONS = (0x81, 0x82, 0x90, 0x95, 0x99)
_UNREADABLE = (0x81, 0x82)
ANSWER_S = 10.0  # for a broker to say whether we may hear a topic


class Link:
    """A connection from its first attempt to its end. All methods are the loop's.

    Attributes:
        terms: what the broker allows; from `open` on.
        dial: what connecting has shown.
        lost: done when the connection has ended, with the reason.

    Args:
        options: where, and with what proofs.
        client: id that the broker knows us by.
        will: see `Will`; None for who may go without a word.
        hearer: told what arrives.
        worker: where the blocking part of connecting is done.
    """

    def __init__(
        self,
        options: PathOptions,
        client: str,
        will: Will | None,
        hearer: Hearer,
        worker: Worker,
    ) -> None:
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._worker = worker
        self._hearer = hearer
        self._acks: list[Ack] = []
        self._inbox: list[tuple[str, bytes]] = []
        self._topics: list[str] = []
        self._refused = ""
        self._asked_s: float | None = None  # when we subscribed, until that is answered
        self.terms = Terms(0, 0)
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self.lost: asyncio.Future[Lost] = self._loop.create_future()
        self._said = ""
        self._heard_s = 0.0
        self._tick: asyncio.TimerHandle | None = None
        self._fd = -1
        self._writes = False
        self._client = Client(client, will)
        self._client.on_log = self._on_log
        self.dial = Dial(self._client, options)

    async def open(self) -> None:
        """Connect and be accepted; within some `CONNECT_S` each for line, TLS and broker.

        Raises:
            NotConnected: with the reason.
        """
        try:
            await self._worker.run(self.dial.run)
            self._attach()
            either: set[asyncio.Future[Any]] = {self._accepted, self.lost}
            await asyncio.wait(either, timeout=CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
            if self.alive and self._accepted.done():
                return
        finally:
            if not self._accepted.done():
                self.drop(f"the broker at {self._where} takes the call but says nothing")
        raise NotConnected(str(self.lost.result()))

    @property
    def _where(self) -> str:
        return f"{self._options.host}:{self._options.port}"

    @property
    def alive(self) -> bool:
        """Return whether messages can be published now."""
        return self._fd >= 0 and not self.lost.done()

    @property
    def unheard(self) -> str:
        """Return a topic that the broker does not let us hear; "" when it lets us, or may yet."""
        if self._asked_s is not None and self._loop.time() - self._asked_s > ANSWER_S:
            return self._topics[0]
        return self._refused

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        zipped: bool = False,
        expires_s: int | None = None,
    ) -> int:
        """Send a message with QoS 1 and return the number its acknowledgement will bear."""
        mid = self._client.send(topic, payload, retain=retain, zipped=zipped, expires_s=expires_s)
        self._watch_writing()
        return mid

    def subscribe(self, topics: list[str]) -> None:
        """Have messages to these topics received, with QoS 1."""
        self._topics, self._asked_s = topics, self._loop.time()
        self._client.hear(topics)
        self._watch_writing()

    def unsubscribe(self, topics: list[str]) -> None:
        """Have messages to these topics kept away from us."""
        self._client.unsubscribe(topics)
        self._watch_writing()

    def hasten(self) -> None:
        """Let what the broker has ready come at once; see `Client.hasten`."""
        if self.alive:
            self._client.hasten()

    async def close(self, within_s: float) -> None:
        """Say goodbye, so that the broker does not publish the will; then be gone."""
        if self.alive:
            self._client.disconnect()
            self._watch_writing()
            await asyncio.wait({self.lost}, timeout=within_s)
        self.drop("closed")

    def drop(self, reason: str) -> None:
        """Hang up without a word; the broker publishes the will."""
        sock = self._client.socket()
        self._detach()
        if sock is not None:
            sock.close()
        self._end(Lost(reason))

    # Joining paho to the loop

    def _attach(self) -> None:
        sock = self._client.socket()
        if sock is None:
            raise NotConnected(self._hung_up())
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_socket_close = self._on_socket_close
        self._fd = sock.fileno()
        self._loop.add_reader(self._fd, self._readable)
        self._watch_writing()
        self._heard_s = self._loop.time()
        self._tick = self._loop.call_later(TICK_S, self._look)

    def _detach(self) -> None:
        if self._tick is not None:
            self._tick.cancel()
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            self._fd = -1

    def _readable(self) -> None:
        if self._fd < 0:
            return
        self._heard_s = self._loop.time()
        try:
            self._client.loop_read()
        except Exception:  # noqa: BLE001 - whatever it is, it would be raised again for ever
            self.drop(
                f"the broker at {self._where} breaks the protocol; see what it is, and its log"
            )
        self._watch_writing()
        pending = getattr(self._client.socket(), "pending", None)
        if pending and pending():
            # What TLS has already decrypted, no selector will report. Others have their turn
            # before it: a broker that never stops would be all that this process does.
            self._loop.call_soon(self._readable)
        acks, self._acks = self._acks, []
        if acks:
            self._hearer.acknowledged(acks)
        inbox, self._inbox = self._inbox, []
        for topic, payload in inbox:
            self._hearer.received(topic, payload)

    def _writable(self) -> None:
        self._client.loop_write()
        self._watch_writing()

    def _watch_writing(self) -> None:
        wanted = self._fd >= 0 and self._client.want_write()
        if wanted and not self._writes:
            self._loop.add_writer(self._fd, self._writable)
        elif self._writes and not wanted and self._fd >= 0:
            self._loop.remove_writer(self._fd)
        self._writes = wanted

    def _look(self) -> None:
        """Let paho send its pings; hang up on a broker that is silent."""
        self._tick = self._loop.call_later(TICK_S, self._look)
        self._client.loop_misc()
        self._watch_writing()
        silent_s = self._loop.time() - self._heard_s
        keepalive_s = self._client.keepalive  # the broker may have set it; 0: it wants no pings
        if self._fd >= 0 and keepalive_s and silent_s > min(SILENCE * keepalive_s, SILENT_S):
            self.drop(f"the broker at {self._where} is silent; see the line and the broker")

    # paho's callbacks: they only take down what happened

    def _on_connect(
        self, _client: Any, _data: Any, _flags: Any, code: ReasonCode, said: Properties | None
    ) -> None:
        if code.is_failure:
            self._end(
                Lost(f"the broker at {self._where} refuses us: {reasons.of_code(code.value)}")
            )
            return
        self._accepted.set_result(None)  # raises at a second CONNACK, which breaks the protocol
        self._client.on_log = None  # it would cost a text for every message
        self._client.ask_every(self._options.keepalive_s)
        receive_maximum = getattr(said, "ReceiveMaximum", 65535)
        packet_bytes = getattr(said, "MaximumPacketSize", LARGEST)
        self.terms = Terms(receive_maximum, packet_bytes)

    def _on_publish(self, _client: Any, _data: Any, mid: int, code: ReasonCode, _said: Any) -> None:
        self._acks.append(Ack(mid, code.value))

    def _on_message(self, _client: Any, _data: Any, message: MQTTMessage) -> None:
        self._inbox.append((message.topic, bytes(message.payload)))

    def _on_subscribe(
        self, _client: Any, _data: Any, _mid: int, codes: list[ReasonCode], _said: Any
    ) -> None:
        refused = (t for t, code in zip(self._topics, codes, strict=False) if code.is_failure)
        self._refused, self._asked_s = next(refused, ""), None

    def _on_disconnect(
        self, _client: Any, _data: Any, flags: Any, code: ReasonCode, _said: Any
    ) -> None:
        by_broker = flags.is_disconnect_packet_from_server
        objected = (by_broker and code.value in _OBJECTIONS) or code.value in _UNREADABLE
        if by_broker and code.is_failure:
            why = f"the broker at {self._where} hung up: {reasons.of_code(code.value)}"
        elif not self._accepted.done():
            why = self._hung_up()
        elif objected:
            why = f"the broker at {self._where} objects to a message; smaller ones are tried now"
        else:
            why = f"the connection to the broker at {self._where} broke"
        self._end(Lost(why, objected))

    def _hung_up(self) -> str:
        if alert := reasons.of_alert(self._said):
            return f"the broker at {self._where} refuses us: {alert}{self.dial.own_time}"
        _, malformed, why = self._said.partition("malformed packet: ")
        if malformed:
            what = f": {why}" if "property" in why else ""  # else it is paho's own trouble
            return (
                f"the broker at {self._where} answers what MQTT 5 does not allow{what}; see its "
                "version and configuration"
            )
        return f"the broker at {self._where} hangs up at once; see its log, and if it wants TLS"

    def _on_socket_close(self, _client: Any, _data: Any, _sock: Any) -> None:
        if self._fd >= 0:
            self._detach()

    def _on_log(self, _client: Any, _data: Any, _level: int, text: str) -> None:
        self._said = text

    def _end(self, lost: Lost) -> None:
        if not self.lost.done():
            self.lost.set_result(lost)
