"""A reader with a keypad, as OSDP's peripheral device: it answers the panel and never speaks first.

What happens at it (a key, a card, its lid) waits until the panel polls.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.osdp_frame import Frame, crc, head
from simulators.osdp_secure import DEFAULT_KEY, Channel, Refused

POLL, ID, CAP, LSTAT, LED, BUZZER, KEYSET, CHLNG, SCRYPT = (
    0x60, 0x61, 0x62, 0x64, 0x69, 0x6A, 0x75, 0x76, 0x77,
)  # fmt: skip
ACK, NAK, PDID, PDCAP, LSTATR, RAW, KEYPAD, CCRYPT, RMAC_I = (
    0x40, 0x41, 0x45, 0x46, 0x48, 0x50, 0x53, 0x76, 0x78,
)  # fmt: skip
BAD_CHECK, UNKNOWN, BAD_SEQUENCE, NEEDS_SECURITY = 1, 3, 4, 5
# function, compliance, number: contact status, card data, CRC, AES-128, one reader
CAPABILITIES = bytes([1, 1, 1, 3, 1, 0, 8, 1, 0, 9, 1, 1, 13, 0, 1])


@dataclass(slots=True)
class Reader:
    """One reader.

    Attributes:
        key: its base key; the default one of every new reader until the panel sets another.
        insecure: whether it also talks without a secure channel.
        waiting: answers to the next polls.
    """

    address: int = 0
    baud: int = 9600
    key: bytes = DEFAULT_KEY
    insecure: bool = False
    serial: int = 0x0A0B0C0D
    tamper: bool = False
    power: bool = False
    polls: int = 0
    waiting: deque[bytes] = field(default_factory=deque)
    keep: Callable[[], None] = lambda: None
    _channel: Channel | None = None
    _secure: bool = False
    _last: tuple[int, bytes] = (-1, b"")

    def power_up(self) -> None:
        """Start afresh; the key is kept."""
        self._channel, self._secure, self._last = None, False, (-1, b"")

    @property
    def secure(self) -> bool:
        """Whether a secure channel is up."""
        return self._secure

    def press(self, keys: str) -> None:
        """Have keys pressed: digits, `#` (return) and `*` (delete)."""
        codes = keys.replace("#", "\r").replace("*", "\x7f").encode()
        self.waiting.append(bytes([KEYPAD, 0, len(codes)]) + codes)

    def show(self, card: bytes, bits: int) -> None:
        """Have a card shown: its raw bits, the first one highest."""
        self.waiting.append(bytes([RAW, 0, 1]) + bits.to_bytes(2, "little") + card)

    def report_status(self) -> None:
        """Have lid and supply told."""
        self.waiting.append(self._status())

    def answer(self, frame: Frame) -> bytes:
        """Return what it sends on one frame; nothing to what is for others, or garbled."""
        if frame.address != self.address or not frame.intact:
            return b""
        if frame.sequence and frame.sequence == self._last[0]:
            return self._last[1]  # the panel has not heard it
        if frame.sequence == 0:
            self.power_up()
        reply = self._answered(frame)
        self._last = (frame.sequence, reply)
        return reply

    def _answered(self, frame: Frame) -> bytes:
        kind, code = frame.security[:1], frame.body[0]
        try:
            if kind == b"\x11" and code == CHLNG:
                return self._challenged(frame)
            if kind == b"\x13" and code == SCRYPT and self._channel:
                return self._proved(frame)
            if kind in (b"\x15", b"\x17") and self._channel and self._secure:
                encrypted = kind == b"\x17"
                body = self._channel.open(frame.signed, frame.mac, frame.body, encrypted=encrypted)
                return self._sealed(frame, self._done(body), self._channel)
        except Refused:
            self.power_up()
            return self._plain(frame, bytes([NAK, BAD_CHECK]))
        if self._secure or not (self.insecure or code in (ID, CAP)):
            self.power_up()
            return self._plain(frame, bytes([NAK, NEEDS_SECURITY]))
        return self._plain(frame, self._done(frame.body))

    def _challenged(self, frame: Frame) -> bytes:
        default = frame.security[1:] == b"\x00"
        key = DEFAULT_KEY if default else self.key
        if default and self.key != DEFAULT_KEY:
            raise Refused
        uid = self.serial.to_bytes(8, "big")
        self._channel, self._secure = Channel(key, frame.body[1:9], uid), False
        security = b"\x12" + frame.security[1:]
        return self._plain(frame, bytes([CCRYPT]) + self._channel.cryptogram, security)

    def _proved(self, frame: Frame) -> bytes:
        assert self._channel is not None  # noqa: S101 - asked for by the caller
        mac = self._channel.accept(frame.body[1:17])
        self._secure = True
        return self._plain(frame, bytes([RMAC_I]) + mac, b"\x14\x01")

    def _done(self, body: bytes) -> bytes:
        code, data = body[0], body[1:]
        match code:
            case 0x60:
                self.polls += 1
                return self.waiting.popleft() if self.waiting else bytes([ACK])
            case 0x61:
                return (
                    bytes([PDID])
                    + b"\xca\xfe\x01\x02\x03"
                    + self.serial.to_bytes(4, "little")
                    + b"\x01\x02\x03"
                )
            case 0x62:
                return bytes([PDCAP]) + CAPABILITIES
            case 0x64:
                return self._status()
            case 0x75:
                self.key = data[2:18]
                self.keep()
                return bytes([ACK])
            case 0x69 | 0x6A:
                return bytes([ACK])
            case _:
                return bytes([NAK, UNKNOWN])

    def _status(self) -> bytes:
        return bytes([LSTATR, self.tamper, self.power])

    def _plain(self, frame: Frame, body: bytes, security: bytes = b"") -> bytes:
        whole = head(self.address, frame.sequence, security, body, mac=False)
        return whole + crc(whole)

    def _sealed(self, frame: Frame, body: bytes, channel: Channel) -> bytes:
        code, data = body[:1], body[1:]
        security = b"\x18" if data else b"\x16"
        body = code + channel.hide(data) if data else code
        whole = head(self.address, frame.sequence, security, body, mac=True)
        whole += channel.sign(whole)
        return whole + crc(whole)
