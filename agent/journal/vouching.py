"""Who recorded an event that no checkpoint covers yet: the salt of its leaf shows it.

A salt is ten random bytes, and six that only the key makes of these and the event. So what
somebody without the key changes in a record that rests, or adds to it, is known at the next start,
and nothing of it is signed as if it were ours. It takes no byte more, and no other program need
know of it. To whoever has not the key a salt is random as a whole; whoever has it must still guess
the ten bytes to guess an event that was pruned.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

from agent.journal.errors import JournalError
from agent.journal.layout import SALT
from agent.journal.note import Signer
from agent.journal.stored import StoredTree

RANDOM = 10  # bytes
SEAL = SALT - RANDOM  # who guesses has one try a start, and each is told


class JournalDoubtful(JournalError):
    """Events were recorded without the key that signs now.

    It is told at every opening, and nothing is signed, until an event says so (`DOUBTFUL`).
    """


class Voucher:
    """Makes the salts of one record, and knows them again.

    Args:
        signer: the key that signs it; without one, salts are only random.
        log: what tells the record from any other.
    """

    def __init__(self, signer: Signer | None, log: str) -> None:
        key = signer.secret(f"the salts of {log}") if signer else None
        self._blank = blake2b(digest_size=SEAL, key=key) if key else None

    def salts(self, bodies: list[bytes]) -> list[bytes]:
        """Return the salt of each event that is about to be recorded."""
        blank = self._blank
        if blank is None:
            return [os.urandom(SALT) for _ in bodies]
        random, at, made = os.urandom(RANDOM * len(bodies)), 0, []
        for body in bodies:
            own = random[at : at + RANDOM]
            at += RANDOM
            seal = blank.copy()  # half the price of one with the key put in anew
            seal.update(own + body)
            made.append(own + seal.digest())
        return made

    def doubt(self, tree: StoredTree, sealed: int, folder: Path) -> JournalDoubtful | None:
        """Say which events were recorded without the key.

        Args:
            tree: of the record.
            sealed: how many leaves the last checkpoint covers: it vouches for them.
            folder: where the record lies.
        """
        first = self._first_without(tree, sealed)
        if first is None:
            return None
        return JournalDoubtful(
            f"the events {first} to {tree.first + tree.size - 1} were recorded without the "
            "record's key: by this software while it had none, by an older version, or by "
            f"somebody else; see who had {folder} in hand"
        )

    def _first_without(self, tree: StoredTree, sealed: int) -> int | None:
        blank = self._blank
        if blank is None:
            return None
        for seq, _, _, proof, body, _ in tree.rows(sealed):
            seal = blank.copy()
            seal.update(proof[:RANDOM] + (body or b""))
            if body is None or proof[RANDOM:SALT] != seal.digest():
                return seq
        return None
