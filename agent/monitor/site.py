"""One site's feed: every message of it in, what is to be said and asked out. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from agent.journal.canonical import MAX_INT, encode
from agent.journal.ranges import Span
from agent.journal.record import ROTATED
from agent.monitor import heard
from agent.monitor.heard import Batch, Heard, Told, Unreadable
from agent.monitor.leafage import Leafage
from agent.monitor.numbers import Numbers, chunks
from agent.monitor.patience import THERE_S, Overdue, Patience, Unsigned
from agent.monitor.pulse import Pulse
from agent.monitor.said import Ask, Matter, Said, Word, numbered
from agent.monitor.seals import Seals
from agent.monitor.states import States
from agent.monitor.witness import Witness
from agent.uplink.facts import Birth
from agent.uplink.feed import (
    Heartbeat,
    LeafProofs,
    LeavesRequest,
    Payload,
    ProofRequest,
    RepeatRequest,
    Status,
    Topics,
)

UNRECORDED_MOST = 256
UNREADABLE_S = 60.0  # a topic that babbles is spoken of once a minute


class SiteFeed:
    """What is known of one site.

    Attributes:
        pulse: whether it lives.
        numbers: which events have come.
        witness: its checkpoints.
        leafage: whether the events are the record's.
        states: how its devices and areas are.
        unrecorded: kinds of the alarms that have no number yet, by what they say: somebody who
            uses the `ref` of another one must not keep it from people.
    """

    def __init__(
        self,
        site: str,
        pulse: Pulse,
        numbers: Numbers,
        witness: Witness,
        leafage: Leafage,
        unrecorded: Mapping[str, str] | None = None,
    ) -> None:
        self.pulse = pulse
        self.numbers = numbers
        self.witness = witness
        self.leafage = leafage
        self.states = States()
        self.unrecorded = dict(unrecorded or {})
        self._site = site
        self._topics = Topics(site)
        self._babble: dict[str, float] = {}
        self._numbered: dict[str, None] = {}
        self._drained = False
        self._seals = Seals(witness.keyring)
        self._patience = Patience()
        self._leaves_wait = Overdue()
        self._unsigned = Unsigned()
        self._takers: Mapping[str, Callable[[Heard, float], Iterator[Word]]] = {
            "event": self._event,
            "status": self._status,
            "heartbeat": self._heartbeat,
            "checkpoint": self._checkpoint,
            "proof": self._proof,
            "leaves": self._leaves,
            "device": self.states.take,
            "area": self.states.take,
            "health": self.states.take,
            "answer": self.states.take,
        }

    @property
    def complete(self) -> bool:
        """Return whether everything up to the last heartbeat is here, and shown to be signed."""
        kept, first = self.witness.kept, self.numbers.first
        if kept is None or first is None or self.witness.is_waiting or not self._drained:
            return False
        wanted = max(kept.last_number, self.numbers.heard)
        return (
            self.numbers.complete_to(first) >= self.numbers.head
            and (self.leafage.next or 0) > wanted
            and not self.leafage.bare.numbers.spans
        )

    @property
    def level(self) -> bool:
        """Return whether `complete` holds of everything, also of what came since."""
        return self.complete and self.numbers.newest < (self.leafage.next or 0)

    @property
    def verified(self) -> int:
        """Return the number up to which everything was shown to be what is signed."""
        bare = self.leafage.bare.numbers.spans
        return min([self.leafage.proven or 0, *(first - 1 for first, _ in bare[:1])])

    def take(self, said: Heard, now_s: float) -> Iterator[Said]:
        """Take one message, whatever it holds; what is not of the contract is let pass."""
        taker = self._takers.get(said.topic.partition("/")[0])
        if taker is None:
            return
        try:
            for word in taker(said, now_s):
                yield self._said(word)
        except Unreadable as error:
            if now_s - self._babble.get(said.topic, float("-inf")) >= UNREADABLE_S:
                self._babble = {said.topic: now_s} | dict(
                    itertools.islice(self._babble.items(), 99)
                )
                text = f"a message on {said.topic} makes no sense: {error}"
                yield self._said((Matter.UNREADABLE, text, {"topic": said.topic}))

    def tick(self, now_s: float) -> Iterator[Said]:
        """Say what time alone brings."""
        there = self.numbers.fresh_head(now_s, THERE_S) is not None
        spent_s = self._patience.tick(now_s, there=there, behind=self.numbers.is_behind(now_s))
        words = itertools.chain(
            self.pulse.tick(now_s),
            self._seals.overdue(now_s),
            self.witness.overdue(now_s, spent_s),
            self._withheld(spent_s),
            self.leafage.overdue(now_s, self.numbers.fresh_head(now_s), self.numbers.came),
            self._missing(now_s),
        )
        yield from map(self._said, words)

    def asks(self, now_s: float) -> Iterator[Ask]:
        """Return what is to be asked of the gateway now."""
        for first, last in self._repeats(now_s):
            yield _ask(self._topics.repeat_request, RepeatRequest(first=first, last=last))
        if (old := self.witness.asks(now_s)) is not None:
            yield _ask(self._topics.proof_request, ProofRequest(old=old))
        kept, at = self.witness.kept, self.leafage.next
        if kept is not None and at is not None:
            wanted = self.leafage.wants(kept, self.numbers.complete_to(at), now_s)
            if wanted is not None:
                asked = LeavesRequest(first=wanted[0], last=wanted[1])
                yield _ask(self._topics.leaves_request, asked)

    def _repeats(self, now_s: float) -> list[Span]:
        missing = self.numbers.asks(self.numbers.missing(now_s), now_s)
        return [*missing, *chunks(self.leafage.again(now_s).spans)]

    def _said(self, word: Word) -> Said:
        matter, text, facts = word
        return Said(self._site, matter, text, facts)

    def _withheld(self, spent_s: float) -> Iterator[Word]:
        """Say so when events are not shown to be what is signed, or nothing signed covers them."""
        kept, at = self.witness.kept, self.leafage.next
        waited = at if kept is not None and at is not None and at <= kept.last_number else None
        if self._leaves_wait.is_over(waited, spent_s) and kept is not None:
            text = f"nobody shows that the events {at} to {kept.last_number} are what is signed"
            yield Matter.UNPROVED, text, {"first": at, "last": kept.last_number}
        signed = self.witness.signed
        number = self._unsigned.overdue(self.numbers.top, signed, spent_s)
        if number is not None:
            text = f"nothing that is signed covers the event {number}, only those up to {signed}"
            yield Matter.UNPROVED, text, {"first": signed + 1, "last": number}

    # Events

    def _event(self, said: Heard, now_s: float) -> Iterator[Word]:
        if said.topic == "event/unrecorded":
            yield from self._unrecorded(heard.unrecorded(said.payload))
            return
        batch = heard.batch(said.payload, repeat=said.topic == "event/repeat")
        yield from self._events(batch, now_s)
        if batch.answers:
            for first, last in self.numbers.answered(batch.answers, (e.seq for e in batch.events)):
                text = (
                    f"the events {numbered([(first, last)])} are not kept any more, or never were"
                )
                yield Matter.GONE, text, {"first": first, "last": last}
        yield from self._missing(now_s)

    def _events(self, batch: Batch, now_s: float) -> Iterator[Word]:
        first = self.numbers.first
        ours = batch.events
        if batch.answers:  # what is below, somebody else has asked for
            ours = tuple(told for told in ours if first is not None and told.seq >= first)
        new = {told.seq for told in ours if told.seq not in self.numbers.came}
        self.numbers.take(sorted(new), now_s, historical=batch.historical)
        yield from self._begin()
        fresh = []
        for told in ours:
            other = yield from self.leafage.take(told.seq, told.body)
            if other or told.seq in new:
                fresh.append(told)
        for told in fresh:
            yield Matter.EVENT, "", told.event
            if told.seq in self.numbers.gone and told.seq < (self.leafage.next or 0):
                text = (
                    f"the event {told.seq} comes after its content was given up: nobody proves it"
                )
                yield Matter.UNPROVED, text, {"seq": told.seq}
            if told.event["kind"] == ROTATED:
                statement = str(told.event["data"].get("statement"))
                yield from self.witness.rotate(told.seq, statement, now_s)
            yield from self._is_numbered(told)

    def _is_numbered(self, told: Told) -> Iterator[Word]:
        """See whether an event is an alarm that came without its number, or may yet come so."""
        ref = told.event.get("ref")
        if ref is None:
            return
        name = _named(told.event)
        self._numbered[name] = None
        if len(self._numbered) > UNRECORDED_MOST:
            del self._numbered[next(iter(self._numbered))]
        if self.unrecorded.pop(name, None) is not None:
            text = f"the alarm {ref} has a number now: {told.seq}"
            yield Matter.NUMBERED, text, {"ref": ref, "seq": told.seq}

    def _begin(self) -> Iterator[Word]:
        """Have shown what is ours, from where it begins; no record shows what is before it."""
        first, kept = self.numbers.first, self.witness.kept
        if first is not None:
            least = kept.first_number if kept is not None else 1
            self.leafage.begin(max(first, least))
            yield from self.leafage.succeed(least, self.numbers.came)

    def _unrecorded(self, event: dict[str, Any]) -> Iterator[Word]:
        name = _named(event)
        if name in self.unrecorded or name in self._numbered:
            return
        self.unrecorded[name] = event["kind"]
        while len(self.unrecorded) > UNRECORDED_MOST:
            del self.unrecorded[next(iter(self.unrecorded))]
        yield Matter.UNRECORDED, "", event

    def _missing(self, now_s: float) -> Iterator[Word]:
        new, over = self.numbers.news(self.numbers.missing(now_s))
        for first, last in new:
            text = f"the events {numbered([(first, last)])} are missing; they are asked for again"
            yield Matter.MISSING, text, {"first": first, "last": last}
        if over:
            yield Matter.COME, "nothing is missing any more", {}

    # What is said beside the events

    def _status(self, said: Heard, now_s: float) -> Iterator[Word]:
        status = heard.parsed(Status, said.payload)
        yield from self.pulse.status(status)
        birth = status.birth
        if birth is None:
            return
        self.witness.statement = birth.statement or ""
        for number, statement in _rotations(birth):
            yield from self.witness.rotate(number, statement, now_s)
        if birth.vkey is not None:
            yield from self.witness.introduce(birth.vkey, now_s)

    def _heartbeat(self, said: Heard, now_s: float) -> Iterator[Word]:
        beat = heard.parsed(Heartbeat, said.payload)
        if not all(0 <= number <= MAX_INT for number in (beat.head, beat.waiting)):
            raise Unreadable("no record counts so")
        seal = self._seals.judged(said, beat, now_s)
        counts = yield from self.pulse.beat(
            beat, seal, now_s, retained=said.retained, again=said.again
        )
        if not counts:
            return
        self._drained = not beat.waiting
        for seq in self.numbers.counted(beat.head, beat.waiting, now_s):
            text = f"an event {seq} came, and the record has only {beat.head}"
            yield Matter.NUMBER_FORGED, text, {"seq": seq, "head": beat.head}
        yield from self._begin()
        yield from self._missing(now_s)

    def _checkpoint(self, said: Heard, now_s: float) -> Iterator[Word]:
        yield from self.witness.take(
            heard.text(said.payload), now_s, retained=said.retained, again=said.again
        )
        yield from self._begin()

    def _proof(self, said: Heard, now_s: float) -> Iterator[Word]:
        yield from self.witness.prove(heard.text(said.payload), now_s)

    def _leaves(self, said: Heard, now_s: float) -> Iterator[Word]:
        if self.witness.kept is not None:
            shown = heard.parsed(LeafProofs, said.payload)
            yield from self.leafage.show(shown, self.witness.kept, self.numbers.came, now_s)


def _ask(topic: str, payload: Payload) -> Ask:
    return Ask(topic, payload.encode())


def _named(event: Mapping[str, Any]) -> str:
    """Return what tells an alarm from others: the same before it has a number and after."""
    said = {key: value for key, value in event.items() if key != "seq"}
    return sha256(encode(said)).hexdigest()


def _rotations(birth: Birth) -> Iterator[tuple[int, str]]:
    """Yield from which event on, and by what statement, the record has had each of its keys."""
    for one in birth.rotations:
        if type(one.get("from")) is int:
            yield one["from"], str(one.get("statement"))
