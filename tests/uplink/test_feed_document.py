"""The validator of the system tests finds what is not of the contract."""

from __future__ import annotations

import json

import pytest

from agent.uplink.feed import zipped
from tests.feed_contract import document
from tests.monitor.gateway import SITE, Gateway

ROOT = f"armoury/v1/{SITE}"


def test_what_a_gateway_sends_is_of_the_contract() -> None:
    gateway = Gateway()
    gateway.record(5)
    told = [
        (f"{ROOT}/event/live", gateway.body(1)),
        (f"{ROOT}/event/backlog", gateway.batch([1, 2])),
        *(
            (f"{ROOT}/event/{late}", zipped(gateway.batch([1, 2])))
            for late in ("alarm/late", "backlog", "repeat")
        ),
        (f"{ROOT}/status/fibre", gateway.status()),
        (f"{ROOT}/heartbeat/fibre", gateway.beat()),
        (f"{ROOT}/checkpoint", gateway.checkpoint().encode()),
        (f"{ROOT}/leaves", gateway.shown(1, 5)),
        (f"{ROOT}/command", b"whatever a stranger sends is not the gateway's"),
    ]
    assert document().faults(told) == []


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("event/new", b"{}"),
        ("event/live", b"{}"),
        ("event/live", b"no JSON"),
        ("event/live", zipped(b'{"events":[],"first":1,"historical":true,"last":1}')),
        ("event/backlog", zipped(b"{}")),
        ("event/backlog", b'{"events":[{}],"first":1,"historical":true,"last":1}'),
        ("event/backlog", Gateway.beat(Gateway())),
        ("health", b'{"site":"s","at":1,"state":{}}'),
        ("heartbeat/a/b", b"{}"),
        ("checkpoint", b"\xff"),
    ],
)
def test_what_is_not_is_found(topic: str, payload: bytes) -> None:
    assert document().fault(f"{ROOT}/{topic}", payload)


def test_a_field_that_the_document_does_not_name_is_found() -> None:
    beat = json.loads(Gateway().beat()) | {"of_tomorrow": 1}
    assert document().fault(f"{ROOT}/heartbeat/fibre", json.dumps(beat).encode())
