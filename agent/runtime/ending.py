"""The end of the record's use, whatever its disk does."""

from __future__ import annotations

import asyncio
import logging

from agent.journal.journal import Journal
from agent.uplink.worker import Worker

log = logging.getLogger(__name__)

CLOSE_S = 5.0


async def close_journal(journal: Journal, loop: asyncio.AbstractEventLoop) -> None:
    """Close the record; a disk that hangs is left behind."""
    closer = Worker("journal closer", loop)
    closing = closer.run(journal.close)
    closer.stop()
    if not (await asyncio.wait([closing], timeout=CLOSE_S))[0]:
        log.error("the disk does not let the record be closed; it is left as a power cut would")
    elif error := closing.exception():
        log.error("the record: %s", error)
