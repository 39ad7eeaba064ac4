"""New certificates or another password on the disk: used without a restart, and without a gap.

At every heartbeat a path's files are looked at. When they are not those that its connection
was made with, a second connection is made with them beside it. Only when the broker has
accepted that one does it take over; what was on its way on the first goes out again. Files
that do not do (half written, not for each other, refused by the broker) change nothing, and
when they are still there at the next heartbeat, the path says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agent.uplink import credentials
from agent.uplink.credentials import Stamp
from agent.uplink.link import Link
from agent.uplink.options import PathOptions
from agent.uplink.reasons import NotConnected
from agent.uplink.worker import Worker

SETTLE_S = 1.0


class Renewal:
    """One path's. All methods are the loop's.

    Attributes:
        doubt: why new files are not used; "" while all is well.

    Args:
        options: name the files.
        worker: where the disk is looked at.
        make: makes a connection, not opened yet.
    """

    def __init__(self, options: PathOptions, worker: Worker, make: Callable[[], Link]) -> None:
        self.doubt = ""
        self._options = options
        self._worker = worker
        self._make = make
        self._failed: Stamp | None = None
        self._task: asyncio.Task[Link | None] | None = None

    def look(self, link: Link) -> None:
        """Look whether there are other files than those that a connection was made with."""
        idle = self._task is None or self._task.done()
        if link.alive and idle and credentials.files(self._options):
            self._task = self._worker.loop.create_task(self._renew(link))

    async def successor(self) -> Link | None:
        """Return the connection that takes over from one that has just ended, if there is one.

        The broker ends the first in favour of the second, and we may hear of that before we
        hear that the second stands.
        """
        task, self._task = self._task, None
        if task is None:
            return None
        await asyncio.wait({task}, timeout=SETTLE_S)
        if not task.done():
            task.cancel()
            return None
        return task.result()

    def stop(self) -> None:
        """Give up what is under way."""
        task, self._task = self._task, None
        if task is not None and not task.cancel() and (link := task.result()):
            link.drop("closed")

    async def _renew(self, link: Link) -> Link | None:
        stamp = await self._worker.run(lambda: credentials.stamp(self._options))
        if stamp == link.dial.stamp:
            self.doubt = ""
            return None
        successor = self._make()
        try:
            await successor.open()
        except NotConnected as error:
            if stamp == self._failed:
                self.doubt = f"its new certificate or password is not used: {error}"
            self._failed = stamp
            return None
        self.doubt, self._failed = "", None
        link.drop("another connection has taken over")
        return successor
