"""Messages held against the shipped document of the feed, by a validator that nobody here wrote."""

from __future__ import annotations

import copy
import json
import re
import zlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

SHIPPED = Path(__file__).parents[1] / "docs" / "feed.asyncapi.yaml"


class Document:
    """docs/feed.asyncapi.yaml, as strict as a test may be.

    A reader must let pass fields that it does not know; what we send may have none.
    """

    def __init__(self) -> None:
        document: dict[str, Any] = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
        self._components = _strict(document["components"])
        sent = {
            operation["channel"]["$ref"].rpartition("/")[2]: operation["action"] == "send"
            for operation in document["operations"].values()
        }
        self._channels = [
            (_pattern(channel["address"]), sent[name], [*channel["messages"]])
            for name, channel in document["channels"].items()
        ]
        self._validators: dict[str, Any] = {}

    def fault(self, topic: str, payload: bytes) -> str | None:
        """Return what is wrong with a message; None: nothing, or it is not the gateway's."""
        found = [row for row in self._channels if row[0].fullmatch(topic)]
        if len(found) != 1:
            return f"{topic}: {len(found)} channels of the document are meant"
        _, ours, messages = found[0]
        if not ours:
            return None
        faults = [self._misfit(name, payload) for name in messages]
        return None if None in faults else f"{topic}: {faults}"

    def faults(self, told: Iterable[tuple[str, bytes]]) -> list[str]:
        """Return what is wrong with any of these messages."""
        found = (self.fault(topic, payload) for topic, payload in dict.fromkeys(told))
        return [fault for fault in found if fault is not None]

    def _misfit(self, message: str, payload: bytes) -> str | None:
        declared = self._components["messages"][message]
        try:
            if declared.get("contentType") == "text/plain":
                payload.decode()
                return None
            schema = declared["payload"]
            if declared.get("contentType") == "application/zlib":
                payload = zlib.decompress(payload)
                schema = {"$ref": "#/components/schemas/Events"}  # as its description says
            self._validator(message, schema).validate(json.loads(payload))
        except (ValueError, zlib.error) as error:
            return f"{message}: {error}"
        return None

    def _validator(self, message: str, schema: dict[str, Any]) -> Any:
        if message not in self._validators:
            whole = {**schema, "components": self._components}
            self._validators[message] = jsonschema_rs.validator_for(whole)
        return self._validators[message]


@cache
def document() -> Document:
    """Return the document, read once."""
    return Document()


def _pattern(address: str) -> re.Pattern[str]:
    parts = re.split(r"\{\w+\}", address)
    return re.compile("[^/]+".join(map(re.escape, parts)))


def _strict(value: Any) -> Any:
    """Return a schema that lets no field pass which it does not name."""
    if isinstance(value, list):
        return [_strict(inner) for inner in value]
    if not isinstance(value, dict):
        return copy.copy(value)
    strict = {key: _strict(inner) for key, inner in value.items()}
    if isinstance(strict.get("properties"), dict) and strict.get("additionalProperties") is True:
        strict["additionalProperties"] = False
    return strict
