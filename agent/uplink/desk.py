"""Where commands from the feed are taken, handed to the site, and answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

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
OWN_S = 300.0  # an id that was accepted is its command's alone, so long after its end

Reply = Callable[[CommandAnswer], None]


class Pending(Struct):
    """A command whose end is not known yet."""

    reply: Reply
    timer: asyncio.TimerHandle


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
        self._ended: dict[str, float] = {}  # by id, the first to end first; of the loop's clock
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
            reply = self._close(command).reply
            reply(_answer(command, state, self._now(), answer.reason, answer.data))

    def close(self) -> None:
        """Say of what is undecided that nobody knows."""
        for command in list(self._pending):
            self._give_up(command)

    def _give_up(self, command: str) -> None:
        pending = self._close(command)
        pending.reply(_answer(command, CommandState.UNKNOWN, self._now(), NOT_DECIDED))

    def _close(self, command: str) -> Pending:
        pending = self._pending.pop(command)
        pending.timer.cancel()
        self._ended.pop(command, None)
        self._ended[command] = self._loop.time()
        return pending

    def _is_owned(self, command: str) -> bool:
        """Return whether a command under this id was accepted: its answers are the id's only ones.

        A broker may deliver a command twice, and others may publish there, too: what is refused
        of that must not be heard as the end of the first.
        """
        since_s = self._loop.time() - OWN_S
        while self._ended and self._ended[next(iter(self._ended))] < since_s:
            del self._ended[next(iter(self._ended))]
        return command in self._pending or command in self._ended

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
        if judged.command is not None and not self._is_owned(judged.command.id):
            state = CommandState.REFUSED
            reply(_answer(judged.command.id, state, now, judged.refusal))


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
