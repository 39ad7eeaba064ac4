"""Signed notes: a text and who stands for it (C2SP signed-note, Ed25519).

    text, ending in a newline
    <empty line>
    — NAME BASE64(key id ‖ signature)        one line for each key

A public key travels as a *vkey*, NAME+KEYID+BASE64(1 ‖ key); a private one is kept as Go's
`golang.org/x/mod/sumdb/note` keeps it: PRIVATE+KEY+NAME+KEYID+BASE64(1 ‖ seed).
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable
from hashlib import blake2b, sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from agent.journal.errors import JournalError

ED25519 = b"\x01"  # signed-note, "Signature types"
PRIVATE = "PRIVATE+KEY+"
MAX_SIGNATURES = 16


class NoteRefused(JournalError):
    """A note or a key is malformed, or nobody we trust has signed the note."""


class Verifier(Struct, frozen=True):
    """A public key and whose it is.

    Attributes:
        name: the key's name, by which signatures are found.
        key: 32 bytes (RFC 8032).
    """

    name: str
    key: bytes

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Read a vkey.

        Raises:
            NoteRefused: it is none, or of another kind of key.
        """
        name, number, key = _parts(vkey.strip())
        found = cls(_named(name), key)
        if found.number.hex() != number:
            raise NoteRefused(f"this public key is damaged: {vkey.strip()}")
        return found

    @property
    def number(self) -> bytes:
        """Return the key id: four bytes that tell keys of one name apart."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.number.hex()}+{_base64(ED25519 + self.key)}"

    def verifies(self, text: str, signature: bytes) -> bool:
        """Say whether the owner of this key has signed the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """A private key and whose it is.

    Args:
        name: without spaces or plus signs.
        seed: 32 secret bytes (RFC 8032).
    """

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._seed = seed
        self.verifier = Verifier(_named(name), self._key.public_key().public_bytes_raw())

    @classmethod
    def made(cls, name: str) -> Signer:
        """Make a new key."""
        return cls(name, os.urandom(32))

    @classmethod
    def parse(cls, written: str) -> Signer:
        """Read what `written` wrote.

        Raises:
            NoteRefused: it is damaged; the text does not show it.
        """
        if not written.startswith(PRIVATE):
            raise NoteRefused("this is not a private key")
        name, number, seed = _parts(written.removeprefix(PRIVATE).strip())
        found = cls(name, seed)
        if found.verifier.number.hex() != number:
            raise NoteRefused("this private key is damaged")
        return found

    def named(self, name: str) -> Signer:
        """Return the same key under another name."""
        return Signer(name, self._seed)

    def written(self) -> str:
        """Return the key as text; keep it secret."""
        verifier = self.verifier
        return f"{PRIVATE}{verifier.name}+{verifier.number.hex()}+{_base64(ED25519 + self._seed)}\n"

    def secret(self, purpose: str) -> bytes:
        """Return 32 secret bytes for one purpose, which tell nothing of the key."""
        return blake2b(purpose.encode(), digest_size=32, key=self._seed).digest()

    def line(self, text: str) -> str:
        """Return the line that says that we stand for `text`."""
        signature = self._key.sign(text.encode())
        return f"— {self.verifier.name} {_base64(self.verifier.number + signature)}\n"


def sign(text: str, *signers: Signer) -> str:
    """Return the text, which ends in a newline, as a note signed by all of them."""
    return text + "\n" + "".join(signer.line(text) for signer in signers)


def open_note(note: str, trusted: Iterable[Verifier]) -> str:
    """Return the text of a note that somebody we trust has signed.

    Raises:
        NoteRefused: nobody has, or a signature that claims to be theirs is false.
    """
    text, lines = _apart(note)
    known = {(key.name, key.number): key for key in trusted}
    good = False
    for line in lines:
        name, signed = _signature(line)
        verifier = known.get((name, signed[:4]))
        if verifier is None:
            continue
        if not verifier.verifies(text, signed[4:]):
            raise NoteRefused(f"the signature of {name} is false")
        good = True
    if not good:
        raise NoteRefused("nobody whose key is known has signed this")
    return text


def signers(note: str) -> set[tuple[str, bytes]]:
    """Return the names and key ids of those who claim to stand for a note; nothing is checked.

    Raises:
        NoteRefused: it is no note.
    """
    signatures = map(_signature, _apart(note)[1])
    return {(name, signed[:4]) for name, signed in signatures}


def _apart(note: str) -> tuple[str, list[str]]:
    text, gap, below = note.rpartition("\n\n")
    lines = below.removesuffix("\n").split("\n")
    if not gap or not below.endswith("\n") or len(lines) > MAX_SIGNATURES:
        raise NoteRefused("this is not a signed note")
    if any(ord(letter) < 0x20 and letter != "\n" for letter in note):
        raise NoteRefused("a signed note holds no control characters")
    return text + "\n", lines


def _signature(line: str) -> tuple[str, bytes]:
    match line.split(" "):
        case ["—", name, signature] if name:
            signed = _bytes(signature)
            if len(signed) > 4:
                return name, signed
    raise NoteRefused("a line below the signed text is no signature")


def _parts(written: str) -> tuple[str, str, bytes]:
    match written.split("+", 2):
        case [name, number, key]:
            kind = _bytes(key)
            if kind[:1] == ED25519 and len(kind) == 33:
                return name, number, kind[1:]
    raise NoteRefused("this is not an Ed25519 key")


def _named(name: str) -> str:
    if (
        not name
        or "+" in name
        or any(letter.isspace() for letter in name)
        or not name.isprintable()
    ):
        raise NoteRefused(f"a key cannot be named {name!r}: no spaces, no plus sign")
    return name


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(written: str) -> bytes:
    try:
        found = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteRefused("a key or signature is not base64") from error
    if _base64(found) != written:  # RFC 4648, 3.5: one value is written in one way
        raise NoteRefused("a key or signature is not base64")
    return found
