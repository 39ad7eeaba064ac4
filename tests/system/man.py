"""Somebody who has got at the broker: he hears all that passes, and says what he likes."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from tests.broker import Broker
from tests.system.house import House

FEED = "armoury/v1/demo"
ASKS = f"{FEED}/request/"


class Man:
    """Stands between the site's broker and the desk's, and passes on what he wants to.

    Attributes:
        withholds: whatever the gateway says does not reach the desk any more.
        passed: heartbeats that have reached the desk.
        kept: heartbeats that have not.
    """

    def __init__(self, house: House, broker: Broker) -> None:
        self.withholds = False
        self.passed: list[bytes] = []
        self.kept: list[bytes] = []
        self._subscribed = threading.Semaphore(0)
        self._gateway = self._client(house.broker.port, f"{FEED}/#", self._on_word)
        self._desk = self._client(broker.port, f"{ASKS}#", self._on_question)

    def __enter__(self) -> Man:
        for client in (self._desk, self._gateway):
            client.loop_start()
        for _ in range(2):
            assert self._subscribed.acquire(timeout=30)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in (self._gateway, self._desk):
            client.disconnect()
            client.loop_stop()

    def says(self, below: str, payload: bytes) -> None:
        """Say something to the desk in the gateway's name."""
        self._desk.publish(f"{FEED}/{below}", payload, qos=1)

    def _client(self, port: int, topic: str, on_message: Any) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        options = SubscribeOptions(qos=1, retainAsPublished=True)
        client.on_connect = lambda *_: client.subscribe(topic, options=options)
        client.on_subscribe = lambda *_: self._subscribed.release()
        client.on_message = on_message
        client.connect("127.0.0.1", port)
        return client

    def _on_word(self, _client: Client, _data: Any, said: MQTTMessage) -> None:
        if said.topic.startswith(ASKS):
            return
        if "/heartbeat/" in said.topic:
            (self.kept if self.withholds else self.passed).append(bytes(said.payload))
        if not self.withholds:
            self._desk.publish(said.topic, said.payload, qos=1, retain=said.retain)

    def _on_question(self, _client: Client, _data: Any, said: MQTTMessage) -> None:
        self._gateway.publish(said.topic, said.payload, qos=1)
