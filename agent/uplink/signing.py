"""The operator's side of a command: writing it, and signing it. See `agent.uplink.commands`."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Mapping
from typing import Any

from agent.journal.note import Signer
from agent.uplink.commands import Command, Signature, SignedCommand

SECOND_US = 1_000_000


def written(site: str, action: str, params: Mapping[str, Any], valid_s: int) -> Command:
    """Return a new command, valid from now on."""
    now_us = time.time_ns() // 1000
    return Command(
        action=action,
        expires=now_us + valid_s * SECOND_US,
        id=secrets.token_hex(8),
        issued=now_us,
        nonce=secrets.token_hex(16),
        params=dict(params),
        site=site,
    )


def signed(command: Command, *signers: Signer) -> bytes:
    """Return a command as it travels.

    Raises:
        JournalMisused: its parameters have no canonical form.
    """
    signatures = [_signature(command, signer) for signer in signers]
    return SignedCommand(command=command, signatures=signatures).encode()


def countersigned(given: SignedCommand, signer: Signer) -> bytes:
    """Return a command that one operator has signed with another one's signature added."""
    signatures = [*given.signatures, _signature(given.command, signer)]
    return SignedCommand(command=given.command, signatures=signatures).encode()


def _signature(command: Command, signer: Signer) -> Signature:
    line = signer.line(command.text()).split(" ")[-1]  # — NAME BASE64(key id ‖ signature)
    signature = base64.b64encode(base64.b64decode(line)[4:]).decode()
    return Signature(operator=signer.verifier.name, signature=signature)
