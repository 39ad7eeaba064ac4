"""What `armoury journal verify` says of a verdict."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.journal.note import Verifier
    from agent.journal.verification import Verdict


def judgement(verdict: Verdict, trusted: Sequence[Verifier], by_given_key: bool) -> str:
    """Return it in sentences.

    Args:
        verdict: as found.
        trusted: the public keys that it was found with.
        by_given_key: whether they are from elsewhere than the record.
    """
    counted = f"{verdict.events} events from {verdict.first} on, {verdict.pruned} of them pruned"
    if verdict.findings:
        lines = [f"NOT as recorded: {counted}"]
        for finding in verdict.findings:
            place = f"{finding.first}"
            if finding.last > finding.first:
                place += f" to {finding.last}"
            lines.append(f"  {place}: {finding.what}")
        return "\n".join(lines)
    lines = [f"as recorded: {counted}"]
    if verdict.checkpoints:
        lines.append(
            f"  signed up to {verdict.covered}, by {verdict.checkpoints} checkpoints that hold"
        )
    else:
        lines.append("  no checkpoint was signed: this shows damage, not forgery")
    if verdict.inherited:
        lines.append(
            f"  NOT proved: {verdict.inherited} events before {verdict.first}, taken over from an "
            "earlier record: only their own hashes hold them, and nothing tells how many there "
            "were; verify that record, with --data .../aside/TIME, or the backup"
        )
    if verdict.checkpoints and not by_given_key:
        lines.append("  with the key that lies beside the record; against forgery give --key")
    for number, (old, new) in zip(
        verdict.key_changes, itertools.pairwise(verdict.keys), strict=True
    ):
        lines.append(f"  the key {old} handed over to {new} with the event {number}")
    if verdict.keys and verdict.keys[-1] not in [key.number.hex() for key in trusted]:
        lines.append(
            "  a thief of the older key could have done that: give the newest one, too, with --key"
        )
    return "\n".join(lines)
