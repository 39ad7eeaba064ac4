"""The feed's topics and payloads as a table, and the AsyncAPI document that is written from it.

python -m agent.uplink.contract > docs/feed.asyncapi.yaml
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from pydantic import BaseModel

from agent.uplink.commands import SignedCommand
from agent.uplink.feed import (
    FEED_VERSION,
    AreaState,
    CommandAnswer,
    DeviceState,
    Event,
    Events,
    Health,
    Heartbeat,
    LeafProofs,
    LeavesRequest,
    ProofRequest,
    RepeatRequest,
    Status,
    Topic,
    Topics,
    UnrecordedEvent,
)

PARAMETERS = {
    "site": "id of the armoury, as its site file has it",
    "path": "id of the way to the monitor",
    "device": "id of the device",
    "area": "id of the area",
    "command": "id that the command's sender gave it",
}
ZIPPED = "ZippedEvents"
_SITE = Topics("{site}")


class Channel(Struct, frozen=True):
    """One topic.

    Attributes:
        name: in the document.
        address: the topic, parameters in braces.
        payloads: what a message may be.
        text: the message's name where it is text, and no JSON.
        what: it is for, in a sentence.
        retained: whether the broker keeps the last message.
        ours: whether the gateway sends it; otherwise the monitor does.
        zipped: whether it may come compressed: a path with `compress = true` does that.
    """

    name: str
    address: str
    payloads: tuple[type[BaseModel], ...]
    what: str
    retained: bool = False
    ours: bool = True
    text: str = ""
    zipped: bool = False

    def matches(self, topic: str) -> bool:
        """Return whether a topic is this one."""
        parts = re.split(r"\{\w+\}", self.address)
        return re.fullmatch("[^/]+".join(map(re.escape, parts)), topic) is not None


CHANNELS = (
    Channel("alarm", _SITE.events(Topic.ALARM), (Event, Events), "Alarms as they are recorded."),
    Channel(
        "alarmLate",
        _SITE.events(Topic.ALARM_LATE),
        (Events,),
        "Alarms that had to wait for the line; before everything else that had to.",
        zipped=True,
    ),
    Channel("live", _SITE.events(Topic.LIVE), (Event, Events), "Events as they are recorded."),
    Channel(
        "backlog",
        _SITE.events(Topic.BACKLOG),
        (Events,),
        "Events that had to wait.",
        zipped=True,
    ),
    Channel(
        "repeat",
        _SITE.events(Topic.REPEAT),
        (Events,),
        "Events that were asked for again.",
        zipped=True,
    ),
    Channel(
        "unrecorded",
        _SITE.events(Topic.UNRECORDED),
        (UnrecordedEvent,),
        "An alarm that the gateway's disk does not take just now.",
    ),
    Channel(
        "status",
        _SITE.status("{path}"),
        (Status,),
        "Whether the gateway is there, on this path: birth, goodbye or will.",
        retained=True,
    ),
    Channel("heartbeat", _SITE.heartbeat("{path}"), (Heartbeat,), "The gateway lives."),
    Channel("device", _SITE.device("{device}"), (DeviceState,), "How a device is.", retained=True),
    Channel("area", _SITE.area("{area}"), (AreaState,), "How an area is.", retained=True),
    Channel("health", _SITE.health, (Health,), "How the gateway itself is.", retained=True),
    Channel(
        "checkpoint",
        _SITE.checkpoint,
        (),
        "The record's newest signed checkpoint: a C2SP tlog-checkpoint.",
        retained=True,
        text="Checkpoint",
    ),
    Channel(
        "proof",
        _SITE.proof,
        (),
        "The newest checkpoint, proved from one that the monitor has kept: the body of C2SP "
        "tlog-witness, add-checkpoint.",
        text="Proof",
    ),
    Channel(
        "leaves",
        _SITE.leaves,
        (LeafProofs,),
        "What shows that events are leaves of the record's tree.",
    ),
    Channel(
        "command",
        _SITE.command,
        (SignedCommand,),
        "A command, signed by one operator or two.",
        ours=False,
    ),
    Channel("answer", _SITE.answer("{command}"), (CommandAnswer,), "What became of a command."),
    Channel(
        "repeatRequest",
        _SITE.repeat_request,
        (RepeatRequest,),
        "The monitor asks for events again.",
        ours=False,
    ),
    Channel(
        "proofRequest",
        _SITE.proof_request,
        (ProofRequest,),
        "The monitor asks for the newest checkpoint, proved from one that it has kept.",
        ours=False,
    ),
    Channel(
        "leavesRequest",
        _SITE.leaves_request,
        (LeavesRequest,),
        "The monitor asks what shows that events are leaves of the record's tree.",
        ours=False,
    ),
)


def channel_of(topic: str) -> Channel | None:
    """Return the channel that a topic belongs to."""
    return next((channel for channel in CHANNELS if channel.matches(topic)), None)


def document() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of the feed."""
    payloads = {payload.__name__: payload for channel in CHANNELS for payload in channel.payloads}
    messages = {name: _message(payload) for name, payload in payloads.items()}
    for text in filter(None, (channel.text for channel in CHANNELS)):
        messages[text] = {"contentType": "text/plain", "payload": {"type": "string"}}
    messages[ZIPPED] = {
        "contentType": "application/zlib",
        "description": "Events, compressed (RFC 6713); where the path's site file says compress.",
        "payload": {"type": "string", "format": "binary"},
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Armoury feed",
            "version": FEED_VERSION,
            "description": "What an armoury tells the monitor over MQTT 5, and what the monitor "
            "may ask. Readers let pass what they do not know. See feed.md for what it means.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {channel.name: _channel(channel) for channel in CHANNELS},
        "operations": {
            f"{'send' if channel.ours else 'receive'}.{channel.name}": _operation(channel)
            for channel in CHANNELS
        },
        "components": {"messages": messages, "schemas": _schemas(payloads)},
    }


def _names(channel: Channel) -> Iterator[str]:
    yield from (payload.__name__ for payload in channel.payloads)
    if channel.text:
        yield channel.text
    if channel.zipped:
        yield ZIPPED


def _channel(channel: Channel) -> dict[str, Any]:
    named = re.findall(r"\{(\w+)\}", channel.address)
    return {
        "address": channel.address,
        "description": channel.what,
        "messages": {n: {"$ref": f"#/components/messages/{n}"} for n in _names(channel)},
        "parameters": {name: {"description": PARAMETERS[name]} for name in named},
    }


def _operation(channel: Channel) -> dict[str, Any]:
    mqtt = {"qos": 1, "retain": channel.retained, "bindingVersion": "0.2.0"}
    return {
        "action": "send" if channel.ours else "receive",
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "bindings": {"mqtt": mqtt},
    }


def _message(payload: type[BaseModel]) -> dict[str, Any]:
    return {"payload": {"$ref": f"#/components/schemas/{payload.__name__}"}}


def _schemas(payloads: Mapping[str, type[BaseModel]]) -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    for name, payload in payloads.items():
        schema = payload.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[name] = schema
    return dict(sorted(schemas.items()))


def yaml(value: Any, indent: str = "") -> Iterator[str]:
    """Write JSON as the lines of block YAML; every text stands in JSON's quotes."""
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield f"{indent}{_key(key)}:"
            yield from yaml(inner, indent + "  ")
        elif isinstance(inner, list):
            yield f"{indent}{_key(key)}:"
            yield from (f"{indent}  - {json.dumps(one, ensure_ascii=False)}" for one in inner)
        else:
            yield f"{indent}{_key(key)}: {json.dumps(inner, ensure_ascii=False)}"


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z]\w*", key) else json.dumps(key)


def text() -> str:
    """Return the document as it is shipped."""
    head = "# Written by `python -m agent.uplink.contract`; a test keeps it so."
    return "\n".join([head, *yaml(document())]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
