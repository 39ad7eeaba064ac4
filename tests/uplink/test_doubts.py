"""What `armoury check` says of the files that a path names."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from agent.uplink import doubts
from agent.uplink.options import PathOptions, TlsOptions
from tests.broker import Authority


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with ca.pem, own.pem and own-key.pem, which belong together."""
    Authority(tmp_path).sign("own", "own")
    return tmp_path


def found(folder: Path, **files: str) -> list[tuple[str, str, bool]]:
    named = {"ca": "ca.pem", "cert": "own.pem", "key": "own-key.pem"} | files
    secret = named.pop("password_file", None)
    tls = TlsOptions.model_validate({key: str(folder / name) for key, name in named.items()})
    path = PathOptions(
        id="a",
        host="h",
        tls=tls,
        username="x",
        password_file=str(folder / secret) if secret else None,
    )
    return [(one.key[-1], one.found, one.certain) for one in doubts.of_files(path)]


def test_what_belongs_together_is_in_order(folder: Path) -> None:
    (folder / "secret").write_text("word\n")
    assert found(folder, **{"password_file": "secret"}) == []


@pytest.mark.parametrize("key", ["ca", "cert", "key", "password_file"])
def test_a_file_that_is_not_there_may_be_on_the_gateway(folder: Path, key: str) -> None:
    assert found(folder, **{key: "gone"}) == [
        (key, f"no file {folder / 'gone'} on this machine", False)
    ]


@pytest.mark.parametrize("key", ["ca", "cert", "key", "password_file"])
def test_what_cannot_be_read_is_uncertain(folder: Path, key: str) -> None:
    (folder / "lump").mkdir()  # root may read every file, but no folder as one
    ((said, why, certain),) = found(folder, **{key: "lump"})
    assert (said, certain) == (key, False)
    assert "which you cannot read (is a directory)" in why


@pytest.mark.parametrize("name", ["/dev/zero", "pipe", "a\0b"])
def test_what_is_no_file_is_not_read(folder: Path, name: str) -> None:
    os.mkfifo(folder / "pipe")
    assert found(folder, ca=name) == [("ca", f"{str(folder / name)!r}, which is no file", True)]


def with_a_password(folder: Path) -> None:
    secret = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"word"),
    )
    (folder / "bad").write_bytes(secret)


def rubbish(folder: Path) -> None:
    (folder / "bad").write_bytes(b"\xff-----BEGIN CERTIFICATE-----\nrubbish")


def empty(folder: Path) -> None:
    (folder / "bad").write_bytes(b"\n")


def of_another(folder: Path) -> None:
    Authority(folder / "other").sign("own", "own")[1].replace(folder / "bad")


def ended(folder: Path) -> None:
    Authority(folder / "other").sign("own", "own", timedelta(days=-3))[0].replace(folder / "bad")


@pytest.mark.parametrize(
    ("key", "spoil", "wanted"),
    [
        ("ca", rubbish, "no certificate in"),
        ("ca", ended, "a certificate that has ended on"),
        ("ca", empty, "no certificate in"),
        ("cert", rubbish, "no certificate in"),
        ("cert", ended, "a certificate that has ended on"),
        ("key", rubbish, "no key in"),
        ("key", with_a_password, "no key in"),
        ("key", of_another, "a key that is not"),
        ("password_file", empty, "an empty file"),
    ],
)
def test_what_is_wrong_anywhere_is_certain(
    folder: Path, key: str, spoil: Callable[[Path], None], wanted: str
) -> None:
    spoil(folder)
    first, *_ = [one for one in found(folder, **{key: "bad"}) if one[0] == key]
    assert first[2]
    assert wanted in first[1]


def test_a_certificate_that_begins_later_may_be_this_machines_clock(folder: Path) -> None:
    Authority(folder).sign("own", "own", timedelta(hours=2))
    said = [one for one in found(folder) if one[0] == "cert"]
    assert [certain for _, _, certain in said] == [False]
    assert "begins on" in said[0][1]
