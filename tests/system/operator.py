"""An operator at a desk of somebody else's making: paho, cryptography, and docs/feed.md.

Nothing here shares code with the agent.
"""

from __future__ import annotations

import base64
import hashlib
import json
import queue
import secrets
import time
from types import TracebackType
from typing import Any

import paho.mqtt.client as mqtt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.enums import CallbackAPIVersion

from tests.waiting import wait_until

ANSWER_S = 20.0
LIFE_US = 30_000_000


class Operator:
    """Somebody who may sign commands."""

    def __init__(self, name: str, *rights: str) -> None:
        self.name = name
        self.rights = rights
        self._key = Ed25519PrivateKey.generate()

    def table(self) -> str:
        """Return what the site file says of them."""
        key = b"\x01" + self._key.public_key().public_bytes_raw()
        number = hashlib.sha256(self.name.encode() + b"\n" + key).hexdigest()[:8]
        line = f"{self.name}+{number}+{base64.b64encode(key).decode()}"
        rights = json.dumps(self.rights)
        return f'[[operator]]\nid = "{self.name}"\nkey = "{line}"\nrights = {rights}\n'

    def word(self, command: dict[str, Any]) -> dict[str, str]:
        """Sign a command."""
        text = json.dumps(command, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        signature = self._key.sign(f"armoury/v1/command\n{text}\n".encode())
        return {"operator": self.name, "signature": base64.b64encode(signature).decode()}


def asked(aimed_at: str, action: str, params: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Write a command."""
    now_us = time.time_ns() // 1000
    return {
        "action": action,
        "expires": now_us + LIFE_US,
        "id": f"desk-{secrets.token_hex(4)}",
        "issued": now_us,
        "nonce": secrets.token_hex(16),
        "params": params,
        "site": aimed_at,
    } | changed


def envelope(command: dict[str, Any], *operators: Operator) -> bytes:
    """Return a command as it is sent."""
    words = [operator.word(command) for operator in operators]
    return json.dumps({"command": command, "signatures": words}).encode()


class Desk:
    """A connection to the broker that hears every answer."""

    def __init__(self, port: int, site: str) -> None:
        self.site = site
        self._port = port
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_message = lambda _c, _d, message: self._answers.put(
            json.loads(message.payload)
        )
        self._listens = False

    def __enter__(self) -> Desk:
        def heard(*_: Any) -> None:
            self._listens = True

        self._client.on_subscribe = heard
        self._client.connect("127.0.0.1", self._port)
        self._client.subscribe(f"armoury/v1/{self.site}/answer/#", qos=1)
        self._client.loop_start()
        wait_until(lambda: self._listens, 30, "a subscription to the answers")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, payload: bytes, qos: int = 1) -> None:
        """Publish to the command topic; with QoS 1, wait until the broker has it."""
        topic = f"armoury/v1/{self.site}/command"
        sent = self._client.publish(topic, payload, qos=qos)
        if qos:
            sent.wait_for_publish(ANSWER_S)

    def hears(self, operator: Operator) -> bool:
        """Return whether the gateway answers an operator at all."""
        self.send(envelope(asked(self.site, "site.lock_down", {}), operator))
        try:
            return bool(self._answers.get(timeout=1))
        except queue.Empty:
            return False

    def answer(self) -> tuple[str, str]:
        """Return the next answer: its state, and the reason."""
        said = self._answers.get(timeout=ANSWER_S)
        return said["state"], said["reason"]

    def ask(self, action: str, *operators: Operator, **params: Any) -> list[tuple[str, str]]:
        """Give a command; return every answer, the last one is its end."""
        self.send(envelope(asked(self.site, action, params), *operators))
        answers = [self.answer()]
        while answers[-1][0] == "accepted":
            answers.append(self.answer())
        return answers
