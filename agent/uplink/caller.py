"""An operator's call: one signed command to a site, and every answer to it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress

from pydantic import ValidationError

from agent.uplink import reasons
from agent.uplink.commands import SignedCommand
from agent.uplink.feed import CommandAnswer, CommandState, Topics
from agent.uplink.link import Link
from agent.uplink.options import PathOptions
from agent.uplink.reasons import NO_SUBSCRIBER, Refused, UplinkError
from agent.uplink.wire import Ack
from agent.uplink.worker import Worker

CLOSE_S = 1.0


class Unanswered(UplinkError):
    """No gateway answers, or not to the end; what became of the command is not known."""


class Caller:
    """Hears what comes back; see `agent.uplink.wire.Hearer`."""

    def __init__(self, site: str, heard: Callable[[CommandAnswer], None]) -> None:
        self.end: asyncio.Future[CommandAnswer] = asyncio.get_running_loop().create_future()
        self._site = site
        self._heard = heard

    def acknowledged(self, acks: list[Ack]) -> None:
        for ack in acks:
            if ack.code == NO_SUBSCRIBER:
                self._fail(Unanswered(f"no gateway of {self._site} is at this broker now"))
            elif ack.code >= 0x80:
                self._fail(Refused(f"the broker does not take it: {reasons.of_code(ack.code)}"))

    def received(self, topic: str, payload: bytes) -> None:
        with suppress(ValidationError):
            answer = CommandAnswer.model_validate_json(payload)
            self._heard(answer)
            if answer.state is not CommandState.ACCEPTED and not self.end.done():
                self.end.set_result(answer)

    def _fail(self, error: UplinkError) -> None:
        if not self.end.done():
            self.end.set_exception(error)


async def call(
    options: PathOptions,
    given: SignedCommand,
    within_s: float,
    heard: Callable[[CommandAnswer], None],
) -> CommandAnswer:
    """Send a signed command and wait for its end.

    Args:
        options: the broker.
        given: the command.
        within_s: how long to wait for the end.
        heard: told each answer, the last one as well.

    Raises:
        NotConnected: there is no such broker, or it does not want us.
        Unanswered: no end came.
    """
    command, topics = given.command, Topics(given.command.site)
    caller = Caller(command.site, heard)
    worker = Worker("operator", asyncio.get_running_loop())
    link = Link(options, f"operator-{secrets.token_hex(6)}", None, caller, worker)
    try:
        await link.open()
        link.subscribe([topics.answer(command.id)])  # a broker takes this before what follows
        link.publish(topics.command, given.encode())
        either: set[asyncio.Future[object]] = {caller.end, link.lost}  # type: ignore[arg-type]
        await asyncio.wait(either, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        if caller.end.done():
            return caller.end.result()
        if link.unheard:
            raise Refused("the broker lets nobody hear the answers here; see its access list")
        lost = link.lost.result() if link.lost.done() else f"not within {within_s:.0f} s"
        raise Unanswered(f"no end of it was heard: {lost}; look before you give it again")
    finally:
        await link.close(CLOSE_S)
        worker.stop()
