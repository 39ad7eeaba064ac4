"""What comes to us on one path: questions, commands, and what the broker kept of us."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from pydantic import ValidationError

from agent.uplink.feed import CommandAnswer, RepeatRequest, Topics
from agent.uplink.haul import Journal
from agent.uplink.outbox import Outbox
from agent.uplink.proofs import Proofs
from agent.uplink.worker import Worker


class Asked(Protocol):
    """What is needed of the uplink to answer."""

    commands_heard: bool

    def head(self) -> int: ...

    def command(self, payload: bytes, reply: Callable[[CommandAnswer], None]) -> None:
        """Hear what somebody has published to the command topic."""


class Questions:
    """One path's.

    Attributes:
        meant: by topic, who takes a message; says whether it made sense.

    Args:
        topics: of the site.
        above: answers.
        outbox: what the answers are sent with.
        journal: read on `reader` only.
        reader: shared with the lanes.
        pump: has the outbox sent.
    """

    def __init__(
        self,
        topics: Topics,
        above: Asked,
        outbox: Outbox,
        journal: Journal,
        reader: Worker,
        pump: Callable[[], None],
    ) -> None:
        self._topics = topics
        self._above = above
        self._outbox = outbox
        self._journal = journal
        self._reader = reader
        self._pump = pump
        proofs = Proofs(topics, journal, reader, self._say, lambda: outbox.batch_bytes)
        meant = {
            topics.repeat_request: self._repeat,
            topics.proof_request: proofs.take_proof_request,
            topics.leaves_request: proofs.take_leaves_request,
            topics.checkpoint: self._checkpoint,
        }
        if above.commands_heard:
            meant[topics.command] = self._command
        self.meant: Mapping[str, Callable[[bytes], bool]] = meant

    def _repeat(self, payload: bytes) -> bool:
        """Take a request to send events again."""
        try:
            wanted = RepeatRequest.model_validate_json(payload)
        except ValidationError:
            return False
        taken = self._outbox.repeats.ask(wanted.first, wanted.last, self._above.head())
        self._pump()
        return taken

    def _checkpoint(self, payload: bytes) -> bool:
        """Have the record held against its checkpoint that the broker kept."""
        note = payload.decode(errors="replace")
        self._reader.run(lambda: self._journal.witnessed(note))
        return True

    def _command(self, payload: bytes) -> bool:
        """Have a command judged; the desk says what became of it."""
        self._above.command(payload, self._reply)
        return True

    def _reply(self, answer: CommandAnswer) -> None:
        # Several under one id tell what became of several: none may take another's place.
        self._say(self._topics.answer(answer.command), answer.encode(), apart=True)

    def _say(self, topic: str, payload: bytes, *, apart: bool = False) -> None:
        self._outbox.say(topic, payload, retain=False, apart=apart)
        self._pump()
