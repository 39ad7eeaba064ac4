"""`[[path]]`: bounds, and what may not be left unsaid."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from agent.uplink.options import INSECURE, PathOptions, TlsOptions, is_loopback, mistakes

TLS = TlsOptions(ca="/etc/armoury/ca.pem", cert="/etc/armoury/c.pem", key="/etc/armoury/k.pem")


def found(*paths: dict[str, Any]) -> list[tuple[Any, str]]:
    options = [PathOptions.model_validate({"id": "a", "host": "127.0.0.1"} | p) for p in paths]
    return [(mistake.key, mistake.found) for mistake in mistakes(options)]


def test_a_path_on_this_machine_needs_nothing_more() -> None:
    assert found({}) == []
    assert found({"host": "localhost"}, {"id": "b", "host": "::1"}) == []


def test_a_path_beyond_this_machine_needs_tls_or_words_that_hurt() -> None:
    assert found({"host": "10.0.0.1"}) == [((0, "tls"), "nothing")]
    assert found({"host": "10.0.0.1", "tls": TLS}) == []
    assert found({"host": "10.0.0.1", "insecure": INSECURE}) == []
    with pytest.raises(ValidationError, match="insecure"):
        found({"host": "10.0.0.1", "insecure": "true"})


def test_words_that_hurt_beside_tls_are_a_mistake() -> None:
    assert found({"tls": TLS, "insecure": INSECURE}) == [((0, "insecure"), "given beside tls")]


@pytest.mark.parametrize("half", ["cert", "key"])
def test_a_certificate_and_its_key_belong_together(half: str) -> None:
    other = {"cert": "key", "key": "cert"}[half]
    tls = {"ca": "ca.pem", half: "x.pem"}
    assert found({"tls": tls}) == [((0, "tls", other), "nothing")]


def test_a_password_needs_a_name_and_ids_are_given_once() -> None:
    assert found({"password_file": "p"}, {"id": "a"}) == [
        ((0, "username"), "nothing"),
        ((1, "id"), "a"),
    ]


@pytest.mark.parametrize(
    ("key", "bad"),
    [
        ("keepalive_s", 21),
        ("keepalive_s", 4),
        ("heartbeat_s", 9),
        ("heartbeat_s", 61),
        ("port", 0),
        ("port", 65536),
        ("host", ""),
        ("id", "Not An Id"),
        ("colour", "red"),
    ],
)
def test_bounds(key: str, bad: object) -> None:
    with pytest.raises(ValidationError, match=key):
        found({key: bad})


@pytest.mark.parametrize(
    ("host", "loops"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("broker.example", False)],
)
def test_what_never_leaves_this_machine(host: str, loops: bool) -> None:
    assert is_loopback(host) is loops
