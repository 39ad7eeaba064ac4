"""The reader's end of OSDP's secure channel: AES-128 keys of one session, MACs, encryption.

The panel and the reader prove to each other that they have the same base key, without sending
it. From then on every frame has a MAC that hangs on the one before it, so none can be left out,
repeated or changed; what frames carry is encrypted (IEC 60839-11-5, annex D).
"""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

DEFAULT_KEY = bytes(range(0x30, 0x40))  # every new reader has it, and so does everybody else
BLOCK = 16


class Refused(Exception):
    """The panel has another key, or a frame is not what the panel sent."""


class Channel:
    """One session, from the panel's challenge on.

    Args:
        key: the base key (SCBK).
        challenge: the panel's random number, 8 bytes.
        uid: the reader's id, 8 bytes.
    """

    def __init__(self, key: bytes, challenge: bytes, uid: bytes) -> None:
        self._enc, self._mac1, self._mac2 = (
            _aes(key, bytes([0x01, number]) + challenge[:6] + bytes(8))
            for number in (0x82, 0x01, 0x02)
        )
        own = secrets.token_bytes(8)
        self.cryptogram = uid + own + _aes(self._enc, challenge + own)
        self._expected = _aes(self._enc, own + challenge)
        self._command_mac = self._reply_mac = b""

    def accept(self, cryptogram: bytes) -> bytes:
        """Take the panel's proof; return the first MAC.

        Raises:
            Refused: it has another key.
        """
        if cryptogram != self._expected:
            raise Refused
        self._reply_mac = _aes(self._mac2, _aes(self._mac1, cryptogram))
        return self._reply_mac

    def open(self, signed: bytes, mac: bytes, body: bytes, *, encrypted: bool) -> bytes:
        """Check a command's MAC; return its body in the clear.

        Raises:
            Refused: the MAC is wrong.
        """
        self._command_mac = self._mac(signed, self._reply_mac)
        if self._command_mac[:4] != mac:
            raise Refused
        if not encrypted or len(body) == 1:
            return body
        plain = _cbc(self._enc, _inverse(self._reply_mac)).decryptor().update(body[1:])
        return body[:1] + plain.rstrip(b"\x00")[:-1]

    def hide(self, data: bytes) -> bytes:
        """Encrypt an answer's data."""
        return (
            _cbc(self._enc, _inverse(self._command_mac)).encryptor().update(_padded(data + b"\x80"))
        )

    def sign(self, head: bytes) -> bytes:
        """Return an answer's MAC."""
        self._reply_mac = self._mac(head, self._command_mac)
        return self._reply_mac[:4]

    def _mac(self, signed: bytes, start: bytes) -> bytes:
        padded = signed if len(signed) % BLOCK == 0 else _padded(signed + b"\x80")
        first, last = padded[:-BLOCK], padded[-BLOCK:]
        if first:
            start = _cbc(self._mac1, start).encryptor().update(first)[-BLOCK:]
        return _cbc(self._mac2, start).encryptor().update(last)


def _aes(key: bytes, block: bytes) -> bytes:
    return Cipher(algorithms.AES128(key), modes.ECB()).encryptor().update(block)  # noqa: S305 - OSDP


def _cbc(key: bytes, start: bytes) -> Cipher[modes.CBC]:
    return Cipher(algorithms.AES128(key), modes.CBC(start))


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def _inverse(block: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in block)
