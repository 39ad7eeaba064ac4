"""Where commands from the feed are taken, handed to the site, and answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.site.inputs import Commanded, Origin
from agent.site.moment import Moment
from agent.site.step import Answer
from agent.uplink.commands import REFUSALS, Judge, Judged
from agent.uplink.feed import CommandAnswer, CommandState
from agent.uplink.operators import OperatorOptions

PREFIX = "monitor/"  # of a command's id, so that it is never taken for one that was given here
ANSWER_S = 10.0  # the site decides in milliseconds, unless the disk stalls
TOLD_MOST = 10  # refusals a minute that become events and answers; a flood is told as one
TOLD_S = 60.0
BY_TWO = frozenset({"door.assist"})  # the site asks two operators, one after the other
WAITS = "another operator must ask as well, within a minute"

Reply = Callable[[CommandAnswer], None]


@dataclass(slots=True)
class Pending:
    """A command that the site has not decided on yet."""

    reply: Reply
    answers: int
    timer: asyncio.TimerHandle


class Desk:
    """All methods are the loop's.

    Args:
        site: id of the site.
        operators: who may give which commands.
        now: the gateway's clocks.
        commanded: takes what is to be obeyed.
        refused: takes what is not, to be recorded.
        loop: that runs it all.
    """

    def __init__(
        self,
        site: str,
        operators: Sequence[OperatorOptions],
        now: Callable[[], Moment],
        commanded: Callable[[Commanded], None],
        refused: Callable[[Judged], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._judge = Judge(site, operators, now())
        self._now = now
        self._commanded = commanded
        self._refused = refused
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
            self._refuse(judged, reply)
            return
        operators = judged.operators if command.action in BY_TWO else judged.operators[:1]
        timer = self._loop.call_later(ANSWER_S, self._give_up, command.id)
        self._pending[command.id] = Pending(reply, len(operators), timer)
        reply(_answer(command.id, CommandState.ACCEPTED, now))
        for operator in operators:
            self._commanded(
                Commanded(
                    PREFIX + command.id,
                    command.action,
                    command.params,
                    operator,
                    Origin.MONITOR,
                    now.mono_us,
                )
            )

    def answered(self, answer: Answer) -> None:
        """Take the site's answer; nothing happens if it is to a command from elsewhere."""
        command = answer.command.removeprefix(PREFIX)
        pending = self._pending.get(command) if answer.command.startswith(PREFIX) else None
        if pending is None:
            return
        pending.answers -= 1
        outcome = CommandState(str(answer.data.get("outcome", "done")))
        state = outcome if answer.accepted else CommandState.REFUSED
        reason = answer.reason
        if state is CommandState.ACCEPTED and not pending.answers:
            reason = WAITS
        if state is not CommandState.ACCEPTED or not pending.answers:
            self._close(command)
        pending.reply(_answer(command, state, self._now(), reason, answer.data))

    def close(self) -> None:
        """Say of what is undecided that nobody knows."""
        for command in list(self._pending):
            self._give_up(command)

    def _give_up(self, command: str) -> None:
        pending = self._close(command)
        why = "the gateway has not decided; look before you give it again"
        pending.reply(_answer(command, CommandState.UNKNOWN, self._now(), why))

    def _close(self, command: str) -> Pending:
        pending = self._pending.pop(command)
        pending.timer.cancel()
        return pending

    def _refuse(self, judged: Judged, reply: Reply) -> None:
        now_s = self._loop.time()
        if now_s - self._told_since_s > TOLD_S:
            self._told, self._told_since_s = 0, now_s
        self._told += 1
        if self._told > TOLD_MOST + 1:
            return
        if self._told == TOLD_MOST + 1:
            judged = Judged(None, (), "too-many")
        self._refused(judged)
        if judged.command is not None:
            why = f"{judged.refusal}: {REFUSALS[judged.refusal]}"
            reply(_answer(judged.command.id, CommandState.REFUSED, self._now(), why))


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
