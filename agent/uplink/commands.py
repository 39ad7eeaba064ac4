"""Commands from the monitor: who signed them, for whom, and whether it is still time. Pure.

A command is obeyed when its operators' signatures over it are good. Nothing else counts: not
who may publish to the topic, not which broker it came through. What is signed is

    armoury/v1/command
    <the command in canonical JSON (RFC 8785)>

each line with its line end. A signature holds for one site, for a short time, and once.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from msgspec import Struct
from pydantic import ConfigDict, Field, ValidationError

from agent.journal.canonical import encode
from agent.journal.errors import JournalMisused
from agent.journal.note import Verifier
from agent.site.moment import Moment
from agent.uplink.facts import Utc
from agent.uplink.feed import Payload
from agent.uplink.operators import OperatorOptions, grants

SKEW_US = 10_000_000  # an operator's clock may be ahead of ours by so much
BYTES_MOST = 16_384  # of a message; a count of a rack's serials has a few thousand
LIFE_MOST_US = 300_000_000
NONCES_MOST = 1000
CHECKS_PER_S = 20  # signatures; a flood must not cost an alarm its time
CHECKS_BURST = 40

# Why a command is not obeyed. The site has reasons of its own (`agent.site.commands.REFUSALS`).
REFUSALS: Mapping[str, str] = {
    "malformed": "this is no signed command; see docs/feed.md",
    "wrong-site": "the command is for another site",
    "clock-untrusted": "the gateway's clock is not synchronised: no time can be judged",
    "not-yet-valid": "the command was issued later than the gateway's clock says it is",
    "expired": "the command's time is over; give it again",
    "lives-too-long": "a command may be valid for five minutes at most",
    "issued-before-start": "the gateway has only just started; give the command again",
    "unknown-signer": "the site file knows no such operator",
    "bad-signature": "a signature is not by this operator over this command",
    "replayed": "this command was here before",
    "missing-right": "the operator may not give this command",
    "too-many": "too many commands at once; give it again in a minute",
}


class Command(Payload):
    """What is asked of one site. All of it is signed, so nothing unknown is let pass."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    action: Annotated[str, Field(pattern=r"^[a-z_]{1,32}(\.[a-z_]{1,32}){0,2}$")]
    expires: Utc
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="the answers bear it")]
    issued: Utc
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32,64}$", description="random, in hex")]
    params: dict[str, Any]
    site: Annotated[str, Field(max_length=32)]

    def text(self) -> str:
        """Return what is signed.

        Raises:
            JournalMisused: the parameters have no canonical form.
        """
        return f"armoury/v1/command\n{encode(self.model_dump()).decode()}\n"


class Signature(Payload):
    """One operator's word for a command."""

    operator: Annotated[str, Field(max_length=32)]
    signature: Annotated[str, Field(max_length=88, description="Ed25519 (RFC 8032), base64")]


class SignedCommand(Payload):
    """A command, and the operators who give it; two, where the site asks for two."""

    command: Command
    signatures: Annotated[list[Signature], Field(min_length=1, max_length=2)]


class Judged(Struct, frozen=True):
    """What is to be done about a message on the command topic.

    Attributes:
        command: as far as it could be read.
        operators: who has proven to give it, in the order of the message; none as long as
            nothing is proven.
        refusal: one of `REFUSALS`; "" when it is to be obeyed.
    """

    command: Command | None
    operators: tuple[str, ...]
    refusal: str


class Refused(Exception):
    """A command is not obeyed; the text is one of `REFUSALS`."""


class Judge:
    """Remembers what it needs to tell a command from its repetition.

    What came before this start is not remembered, so commands that may be older are refused.
    Setting the clock back revives nothing: both the time and that of the start are the latest
    that a synchronised clock has shown.

    Args:
        site: which one we are.
        operators: who may give which commands.
        now: the moment of the start.
        believed_us: how late it has been already, as far as the site knows; wall time.
    """

    def __init__(
        self,
        site: str,
        operators: Sequence[OperatorOptions],
        now: Moment,
        believed_us: Callable[[], int],
    ) -> None:
        self._site = site
        self._keys = {one.id: Verifier.parse(one.key) for one in operators}
        self._rights = {one.id: one.rights for one in operators}
        self._began_us = now.mono_us
        self._believed_us = believed_us
        self._newest_us = max(believed_us(), now.utc_us if now.trusted else 0)
        self._started_us = self._newest_us
        self._nonces: dict[str, int] = {}
        self._checks = float(CHECKS_BURST)
        self._checked_us = now.mono_us

    def judge(self, payload: bytes, now: Moment) -> Judged:
        """Judge one message; the cheap questions first."""
        command: Command | None = None
        operators: tuple[str, ...] = ()
        try:
            signed = read(payload)
            command = signed.command
            self._check_time(command, now)
            operators = self._check_signatures(signed, now)
            self._check_nonce(command.nonce, command.expires)
            self._check_rights(command.action, operators)
        except Refused as refused:
            return Judged(command, operators, str(refused))
        return Judged(command, operators, "")

    def _check_time(self, command: Command, now: Moment) -> None:
        if command.site != self._site:
            raise Refused("wrong-site")
        if not now.trusted:
            raise Refused("clock-untrusted")
        self._newest_us = max(self._newest_us, now.utc_us, self._believed_us())
        began_us = now.utc_us - (now.mono_us - self._began_us)
        self._started_us = max(self._started_us, began_us)
        for wrong, refusal in (
            (command.issued > self._newest_us + SKEW_US, "not-yet-valid"),
            (command.expires < self._newest_us, "expired"),
            (command.expires - command.issued > LIFE_MOST_US, "lives-too-long"),
            (command.issued < self._started_us + SKEW_US, "issued-before-start"),
        ):
            if wrong:
                raise Refused(refusal)

    def _check_signatures(self, signed: SignedCommand, now: Moment) -> tuple[str, ...]:
        operators = tuple(one.operator for one in signed.signatures)
        if not all(operator in self._keys for operator in operators):
            raise Refused("unknown-signer")
        if len(set(operators)) < len(operators):
            raise Refused("malformed")
        self._spend(len(operators), now)
        try:
            text = signed.command.text()
        except JournalMisused as error:
            raise Refused("malformed") from error
        for one in signed.signatures:
            if not self._keys[one.operator].verifies(text, _bytes(one.signature)):
                raise Refused("bad-signature")
        return operators

    def _spend(self, checks: int, now: Moment) -> None:
        earned = (now.mono_us - self._checked_us) / 1_000_000 * CHECKS_PER_S
        self._checks = min(CHECKS_BURST, self._checks + earned)
        self._checked_us = now.mono_us
        if self._checks < checks:
            raise Refused("too-many")
        self._checks -= checks

    def _check_nonce(self, nonce: str, expires_us: int) -> None:
        if nonce in self._nonces:
            raise Refused("replayed")
        if len(self._nonces) >= NONCES_MOST:
            alive = {n: at for n, at in self._nonces.items() if at >= self._newest_us}
            self._nonces = alive
        if len(self._nonces) >= NONCES_MOST:
            raise Refused("too-many")
        self._nonces[nonce] = expires_us

    def _check_rights(self, action: str, operators: Sequence[str]) -> None:
        for operator in operators:
            if not any(grants(right, action) for right in self._rights[operator]):
                raise Refused("missing-right")


def read(payload: bytes) -> SignedCommand:
    """Read a signed command; whether it is well signed, the judge says.

    Raises:
        Refused: it is none.
    """
    if len(payload) > BYTES_MOST:
        raise Refused("malformed")
    try:
        return SignedCommand.model_validate_json(payload)
    except ValidationError as error:
        raise Refused("malformed") from error


def _bytes(written: str) -> bytes:
    try:
        return base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        return b""
