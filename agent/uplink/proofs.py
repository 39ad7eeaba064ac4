"""What the monitor asks in order to verify the record; read from the journal, one after another."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ValidationError

from agent.journal.errors import JournalError
from agent.journal.leaves import Leaves
from agent.uplink.feed import LeafProofs, LeavesRequest, Payload, ProofRequest, Topics
from agent.uplink.haul import Journal
from agent.uplink.worker import Worker

T = TypeVar("T", bound=Payload)

LEAVES_MOST = 1000
LEAF_BYTES = 48  # of a message, at most: a whole leaf in base64, in quotes
FRAME_BYTES = 4096  # around them: the subtrees before, and names


class Proofs:
    """One path's. Of each kind one question may wait, the last; the monitor asks again.

    Args:
        topics: of the site.
        journal: read on `reader` only.
        reader: shared with the lanes.
        say: sends an answer.
        room: how large a message may be now, in bytes.
    """

    def __init__(
        self,
        topics: Topics,
        journal: Journal,
        reader: Worker,
        say: Callable[[str, bytes], None],
        room: Callable[[], int],
    ) -> None:
        self._topics = topics
        self._journal = journal
        self._reader = reader
        self._say = say
        self._room = room
        self._busy = False
        self._waiting: dict[Callable[[Any], None], Callable[[], Any]] = {}

    def take_proof_request(self, payload: bytes) -> bool:
        """Have the newest checkpoint proved from the one that the monitor has."""
        asked = _parsed(ProofRequest, payload)
        if asked is None:
            return False
        self._read(lambda: self._journal.submission(asked.old), self._submit)
        return True

    def take_leaves_request(self, payload: bytes) -> bool:
        """Have events shown to be leaves of the tree, as many as a message takes."""
        asked = _parsed(LeavesRequest, payload)
        if asked is None:
            return False
        fit = max(1, min(LEAVES_MOST, (self._room() - FRAME_BYTES) // LEAF_BYTES))
        last = min(asked.last, asked.first + fit - 1)
        self._read(lambda: self._journal.leaves(asked.first, last), self._show)
        return True

    def _read(self, read: Callable[[], Any], say: Callable[[Any], None]) -> None:
        self._waiting[say] = read
        if not self._busy:
            self._next()

    def _next(self) -> None:
        if self._waiting:
            self._busy = True
            say = next(iter(self._waiting))
            reading = self._reader.run(self._waiting.pop(say))
            reading.add_done_callback(lambda done: self._done(say, done))

    def _done(self, say: Callable[[Any], None], done: asyncio.Future[Any]) -> None:
        self._busy = False
        if done.cancelled():
            return
        with contextlib.suppress(JournalError):  # nothing to be proved, or a disk that fails: asked
            say(done.result())  # again by whoever still wants it
        self._next()

    def _submit(self, said: str | None) -> None:
        if said is not None:
            self._say(self._topics.proof, said.encode())

    def _show(self, leaves: Leaves) -> None:
        said = LeafProofs(
            origin=leaves.origin,
            first=leaves.first,
            last=leaves.first + len(leaves.proofs) - 1,
            before=[_text(node) for node in leaves.before],
            proofs=[_text(proof) for proof in leaves.proofs],
        )
        self._say(self._topics.leaves, said.encode())


def _parsed(shape: type[T], payload: bytes) -> T | None:
    try:
        return shape.model_validate_json(payload)
    except ValidationError:
        return None


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
