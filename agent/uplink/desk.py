"""Where commands from the feed are taken, handed to the site, and answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from agent.site.inputs import Commanded, Origin
from agent.site.moment import Moment
from agent.site.step import Answer
from agent.site.value import replace
from agent.uplink.commands import Judge, Judged
from agent.uplink.feed import CommandAnswer, CommandState
from agent.uplink.operators import OperatorOptions

PREFIX = "monitor/"  # of a command's id, so that it is never taken for one that was given here
UNREADABLE = "monitor"  # the id of what is no command
ANSWER_S = 10.0  # the site decides in milliseconds, and a strike in some more; a disk may stall
NOT_DECIDED = "not-decided"
TOLD_MOST = 20  # refusals a minute that become events and answers; a flood is told as one
TOLD_S = 60.0

Reply = Callable[[CommandAnswer], None]


class Pending(Struct):
    """A command whose end is not known yet.

    Attributes:
        reply: publishes its answers.
        timer: gives it up.
        behind: answers under its id to others, which come after its end: a broker may deliver a
            command twice, and nobody may take the refusal of the second for the end of the first.
    """

    reply: Reply
    timer: asyncio.TimerHandle
    behind: list[tuple[Reply, CommandAnswer]] = field(default_factory=list)

    def end(self, answer: CommandAnswer) -> None:
        """Tell its end, and what waited for that."""
        self.timer.cancel()
        self.reply(answer)
        for reply, later in self.behind:
            reply(later)


class Desk:
    """All methods are the loop's.

    Args:
        site: id of the site.
        operators: who may give which commands.
        now: the gateway's clocks.
        believed_us: how late it has been already, as far as the site knows; wall time.
        put: takes what is to be obeyed; and what is not, to be recorded, with its `refusal`.
        loop: that runs it all.
    """

    def __init__(
        self,
        site: str,
        operators: Sequence[OperatorOptions],
        now: Callable[[], Moment],
        believed_us: Callable[[], int],
        put: Callable[[Commanded], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._judge = Judge(site, operators, now(), believed_us)
        self._now = now
        self._put = put
        self._loop = loop
        self._pending: dict[str, Pending] = {}
        self._told = 0
        self._told_since_s = 0.0

    def take(self, payload: bytes, reply: Reply) -> None:
        """Take one message from the command topic.

        Args:
            payload: whatever somebody has published.
            reply: publishes an answer where the command came from.
        """
        now = self._now()
        judged = self._judge.judge(payload, now)
        command = judged.command
        if command is not None and command.id in self._pending:
            judged = replace(judged, refusal=judged.refusal or "replayed")
        if judged.refusal or command is None:
            self._refuse(judged, now, reply)
            return
        timer = self._loop.call_later(ANSWER_S, self._give_up, command.id)
        self._pending[command.id] = Pending(reply, timer)
        reply(_answer(command.id, CommandState.ACCEPTED, now))
        self._put(_commanded(judged, now))

    def answered(self, answer: Answer) -> None:
        """Take the site's answer; nothing happens if it is to a command from elsewhere."""
        command = answer.command.removeprefix(PREFIX)
        if command == answer.command or command not in self._pending:
            return
        otherwise = CommandState.DONE if answer.accepted else CommandState.REFUSED
        state = CommandState(str(answer.data.get("outcome", otherwise)))
        if state is not CommandState.ACCEPTED:  # that is told already; the end is to come
            end = _answer(command, state, self._now(), answer.reason, answer.data)
            self._pending.pop(command).end(end)

    def close(self) -> None:
        """Say of what is undecided that nobody knows."""
        for command in list(self._pending):
            self._give_up(command)

    def _give_up(self, command: str) -> None:
        end = _answer(command, CommandState.UNKNOWN, self._now(), NOT_DECIDED)
        self._pending.pop(command).end(end)

    def _refuse(self, judged: Judged, now: Moment, reply: Reply) -> None:
        now_s = self._loop.time()
        if now_s - self._told_since_s > TOLD_S:
            self._told, self._told_since_s = 0, now_s
        self._told += 1
        if self._told > TOLD_MOST + 1:
            return
        if self._told == TOLD_MOST + 1:
            judged = Judged(None, (), "too-many")
        self._put(_commanded(judged, now))
        if judged.command is None:
            return
        answer = _answer(judged.command.id, CommandState.REFUSED, now, judged.refusal)
        if pending := self._pending.get(judged.command.id):
            pending.behind.append((reply, answer))
        else:
            reply(answer)


def _commanded(judged: Judged, now: Moment) -> Commanded:
    command = judged.command
    by, second = (*judged.operators, "", "")[:2]
    return Commanded(
        UNREADABLE if command is None else PREFIX + command.id,
        "" if command is None else command.action,
        {} if command is None else command.params,
        by,
        Origin.MONITOR,
        now.mono_us,
        second,
        judged.refusal,
    )


def _answer(
    command: str,
    state: CommandState,
    now: Moment,
    reason: str = "",
    data: Mapping[str, Any] | None = None,
) -> CommandAnswer:
    return CommandAnswer(
        command=command, state=state, reason=reason, at=now.utc_us, data=dict(data or {})
    )
