"""One path to the monitor: connecting, working, losing it, and connecting again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Protocol

from agent.journal.ranges import Span
from agent.journal.record import Lane, Recorded
from agent.pauses import Pauses
from agent.site.inputs import CertificateRead, PathInput, PathTested
from agent.uplink import verdict
from agent.uplink.ears import Ears
from agent.uplink.feed import CommandAnswer, Topics
from agent.uplink.haul import Journal
from agent.uplink.ledger import Ledger
from agent.uplink.link import Link
from agent.uplink.message import Message, Rank
from agent.uplink.options import PathOptions
from agent.uplink.outbox import Outbox
from agent.uplink.presence import Portrait, Presence, mono_us, utc_us
from agent.uplink.questions import Questions
from agent.uplink.reasons import Lost, NotConnected
from agent.uplink.renewal import Renewal
from agent.uplink.sender import Sender
from agent.uplink.standing import Standing, is_heard
from agent.uplink.wire import Ack, Will
from agent.uplink.worker import Worker

RECONNECT_S = (0.5, 30.0)  # first and longest range of the pauses between connections
BEAT_EXPIRES_S = 90  # standards.md: what is older says nothing of the present
STEADY_S = 5.0  # a connection that stood so long was a good one: the pauses begin anew


class Above(Protocol):
    """What a path needs of the uplink that it is part of."""

    portrait: Portrait
    commands_heard: bool

    def head(self) -> int: ...

    def waiting(self) -> int: ...

    def changed(self) -> None:
        """Hear that a path may work now or no more, or that it gives events back."""

    def delivered(self, path: str, lane: Lane, span: Span) -> None:
        """Hear that the events of a lane in this span have arrived."""

    def news(self, news: PathInput) -> None: ...

    def command(self, payload: bytes, reply: Callable[[CommandAnswer], None]) -> None:
        """Hear what somebody has published to the command topic."""


class Path:
    """One broker, over all connections to it. All methods are the loop's.

    Attributes:
        standing: how it is.
        ears: what others publish to us.
        outbox: what we publish.
        connected: whether a broker has accepted us and taken our birth.
        ends_us: when its certificates end, by whose they are; wall time.
        last_ack_us: when a broker last took anything; UTC, None before the first time.

    Args:
        options: where and how.
        topics: of the site.
        above: what it is part of.
        journal: read on `reader` only.
        reader: shared with the other paths.
        random: for the pauses.
    """

    def __init__(
        self,
        options: PathOptions,
        topics: Topics,
        above: Above,
        journal: Journal,
        reader: Worker,
        random: Random,
    ) -> None:
        self.options = options
        self.standing = Standing(options.id, above.news, above.changed)
        self.connected = False
        self.last_ack_us: int | None = None
        self.outbox = Outbox(topics, random)
        self._topics = topics
        self._above = above
        self._journal = journal
        self._reader = reader
        self._dialler = Worker(f"uplink {options.id}", reader.loop)
        self._loop = reader.loop
        self._pauses = Pauses(*RECONNECT_S, random)
        self._presence = Presence(topics, options.id, above.head())
        questions = Questions(topics, above, self.outbox, journal, reader, self.pump)
        self.ears = Ears(questions.meant, reader.loop)
        self._renewal = Renewal(options, self._dialler, self._make_link)
        self._link: Link | None = None
        self._sender: Sender | None = None
        self._began_s: float | None = None
        self._carries = False
        self._beat: asyncio.Handle | None = None
        self._beaten_s = 0.0
        self.ends_us: dict[str, int] = {}
        self._farewell: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Connect, and go on connecting."""
        self._task = self._loop.create_task(self._run(), name=f"uplink {self.options.id}")
        self._task.add_done_callback(_see_that_it_was_ended)

    async def close(self, within_s: float) -> None:
        """Say goodbye where there is a connection, and end."""
        if self._task is None:
            return
        if self._sender is not None:  # also while a birth is on its way: it is retained
            await self._say_goodbye(within_s)
        self._renewal.stop()
        self._task.cancel()
        await asyncio.wait({self._task})
        if self._link is not None:
            await self._link.close(within_s / 4)
        self._end_connection()
        self._dialler.stop()

    @property
    def flows(self) -> bool:
        """Return whether there is a broker that has not objected to any event so far."""
        return self._sender is not None and verdict.of_outbox(self.outbox).works

    @property
    def tls_version(self) -> str:
        """Return the version that was agreed on; "" without a connection, or without TLS."""
        return self._link.dial.tls_version if self._link is not None else ""

    @property
    def unreadable(self) -> str:
        """Return why the journal gives no late events; "" while it does."""
        return self._sender.unreadable if self._sender is not None else ""

    # What is to be sent

    def carry(self, ledgers: Mapping[Lane, Ledger]) -> None:
        """Carry these lanes from now on; none, when another path does."""
        self._carries = Lane.REST in ledgers
        self.outbox.carry(ledgers)
        self.pump()

    def committed(self, rows: Sequence[Recorded]) -> None:
        """Send rows right after their commit; what comes after waits for the broker's answer."""
        now_s = self._loop.time()
        self.outbox.note(rows, now_s)
        if self._sender is None or not self._sender.send(now_s):
            self.pump()

    def unrecorded(self, body: bytes) -> None:
        """Send an alarm that has no number yet."""
        self.outbox.unrecorded(body)
        self.pump()

    def restate(self, topic: str) -> None:
        """Send how a device is now; what is not up yet says it when it introduces itself."""
        if self._sender is not None:
            self.outbox.say(topic, self._above.portrait.retained[topic], retain=True)
            self.pump()

    def describe(self) -> None:
        """Say our birth anew; what is not up yet says it when it introduces itself."""
        if self._sender is not None and self._farewell is None:
            birth = self._presence.birth(self._above.portrait)
            self.outbox.say(self._presence.status_topic, birth, retain=True)
            self.pump()

    def pump(self) -> None:
        """Send what may be sent now."""
        if self._sender is not None:
            self._sender.pump()
            self._judge()

    # A connection's life

    async def _run(self) -> None:
        successor: Link | None = None
        while True:
            try:
                lost = await self._live(successor or await self._connect())
            except NotConnected as error:
                lost = Lost(str(error))
            stalled = self._sender.stalled if self._sender is not None else None
            if stalled is None and self._is_steady():
                self._pauses.reset()
            successor = await self._renewal.successor()
            if successor is not None:
                self._forget_connection()
                continue
            self.standing.lost(str(lost), self.outbox, stalled)
            self._end_connection(objected=lost.objected)
            await asyncio.sleep(self._pauses.next_s())

    def _is_steady(self) -> bool:
        return self._began_s is not None and self._loop.time() - self._began_s >= STEADY_S

    def _make_link(self) -> Link:
        will = Will(self._presence.status_topic, self._presence.will())
        # Whoever may connect may use any client id, and would take the session over: the same
        # at every start, so that the broker knows us, and nobody else's to guess.
        name = f"armoury-{self._topics.site}-{self.options.id}-{self._journal.log[:16]}"
        return Link(self.options, name, will, self, self._dialler)

    async def _connect(self) -> Link:
        self._began_s = None
        link = self._link = self._make_link()
        try:
            await link.open()
        finally:
            self._tell_ends(link)
        return link

    async def _live(self, link: Link) -> Lost:
        """Work until the connection ends."""
        self._link = link
        self._began_s = self._loop.time()
        self._tell_ends(link)
        self.outbox.opened(link.terms.receive_maximum, link.terms.packet_bytes)
        self._sender = Sender(
            link,
            self.outbox,
            self._journal,
            self._reader,
            self._answered,
            zipped=self.options.compress,
        )
        self.ears.open(link)
        self._introduce()
        await asyncio.wait({link.lost})
        return link.lost.result()

    def _end_connection(self, *, objected: bool = False) -> None:
        self.connected = False
        self._above.changed()
        self._forget_connection(objected=objected)

    def _forget_connection(self, *, objected: bool = False) -> None:
        self.ears.close()
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None
        if self._link is not None:
            self._link.drop("ended")
            self._link = None
        if self._sender is not None:
            unanswered = self._sender.end()
            self.outbox.closed(unanswered, objected=objected, steady=self._is_steady())
            self._sender = None

    def _introduce(self) -> None:
        """Say birth and devices; heartbeats and events follow when the birth is taken."""
        birth = self._presence.birth(self._above.portrait)
        if len(birth) > self.outbox.limit_bytes:
            raise NotConnected(
                f"the broker takes {self.outbox.limit_bytes} bytes a message at most, and our "
                f"first one has {len(birth)}; raise its max_packet_size"
            )
        self.outbox.say(self._presence.status_topic, birth, retain=True)
        self._say_retained()
        self.pump()

    def _say_retained(self) -> None:
        for topic, payload in self._above.portrait.retained.items():
            self.outbox.say(topic, payload, retain=True)

    def _send_beat(self) -> None:
        self._beat = self._loop.call_later(self.options.heartbeat_s, self._send_beat)
        self._beaten_s = self._loop.time()
        if self._link is not None:
            self._renewal.look(self._link)
        if self.outbox.forbidden.look(self._beaten_s):
            self._say_retained()
        boot = self._above.portrait.birth.get("boot")
        beat = self._presence.beat(
            self._above.head(), self._above.waiting(), boot, self._journal.signer
        )
        self.outbox.say(self._presence.beat_topic, beat, retain=False, expires_s=BEAT_EXPIRES_S)
        self.pump()
        untaken = self.standing.untaken
        if not self._carries and untaken is not None and untaken.seq is not None and self._sender:
            self._sender.try_again(untaken.topic, untaken.seq)

    async def _say_goodbye(self, within_s: float) -> None:
        self._farewell = self._loop.create_future()
        self.outbox.say(self._presence.status_topic, self._presence.goodbye(), retain=True)
        self.pump()
        await asyncio.wait({self._farewell}, timeout=within_s)

    # What comes back

    def received(self, topic: str, payload: bytes) -> None:
        self.ears.hear(topic, payload)

    def acknowledged(self, acks: list[Ack]) -> None:
        if self._sender is not None:
            self._sender.acknowledged(acks)
            self._judge()

    def _answered(self, message: Message, code: int, taken: bool) -> None:
        if taken:
            self.last_ack_us = utc_us()
        if message.topic == self._presence.status_topic:
            self._status_answered(message, code, taken=taken)
        elif message.parcel is not None and message.ledger is not None:
            if taken:
                self._above.delivered(self.options.id, message.ledger.lane, message.parcel.span)
            elif not self._carries:
                self._above.changed()  # it is the carrier's to send now
        self._learn(message, code)

    def _status_answered(self, message: Message, code: int, *, taken: bool) -> None:
        if self._farewell is not None:
            if not self._farewell.done():
                self._farewell.set_result(None)
        elif taken and self._beat is None:  # the connection's first; others are the same anew
            self.connected = True
            if self._link is not None:  # what the broker kept of us has come; no echoes
                self._link.unsubscribe([self._topics.checkpoint])
            self._above.changed()
            self._beat = self._loop.call_soon(self._send_beat)
        elif not taken and self._link is not None:
            self._link.drop(verdict.of_answer(message.topic, code).reason)

    def _learn(self, message: Message, code: int) -> None:
        topic = message.topic
        is_beat = topic == self._presence.beat_topic
        if is_heard(code):
            # Of its checkpoint we may be the only ones who hear.
            all_out = self._carries and topic != self._topics.checkpoint
            self.standing.taken(topic, all_out=all_out and not self._above.waiting())
            if is_beat:
                took_ms = round((self._loop.time() - self._beaten_s) * 1000)
                self._above.news(PathTested(self.options.id, took_ms, mono_us()))
        elif message.rank is Rank.PROBE or (
            # no event tells whether anybody listens there
            is_beat and not self._carries and topic not in self.outbox.forbidden
        ):
            self.standing.not_taken(topic, code, message.seq)

    def _judge(self) -> None:
        if self.connected and self._farewell is None and self._link is not None:
            wrong = (
                self._renewal.doubt
                or verdict.of_unheard(self._link.unheard)
                or verdict.of_forbidden(self.outbox.forbidden.topic)
            )
            self.standing.judge(self.outbox, wrong, all_out=not self._above.waiting())

    def _tell_ends(self, link: Link) -> None:
        """Tell the site when the certificates end, once each."""
        for whose, ends_us in link.dial.ends_us.items():
            if self.ends_us.get(whose) != ends_us:
                self.ends_us[whose] = ends_us
                self._above.news(CertificateRead(self.options.id, whose, ends_us, mono_us()))


def _see_that_it_was_ended(task: asyncio.Task[None]) -> None:
    """Raise a fault of our own into the loop, whose runner ends: no path is given up unheard."""
    if not task.cancelled():
        task.result()
