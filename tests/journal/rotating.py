"""A program that records, changes over to the key that waits, and records on, until it is killed.

`python -m tests.journal.rotating FOLDER`. Each line on stdout is a number that is committed.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from agent.journal.journal import Journal
from agent.journal.record import Batch, Commit
from agent.site.moment import Moment
from tests.journal.recording import BOOT, START_US, batch


def main() -> None:
    done = threading.Semaphore(0)

    def committed(commit: Commit) -> None:
        os.write(1, "".join(f"{row.seq}\n" for row in commit.rows).encode())
        done.release()

    def record(what: Batch) -> None:
        journal.submit(what, 1)
        done.acquire()

    with Journal.open(
        Path(sys.argv[1]), committed=committed, failed=print, origin="armoury/test"
    ) as journal:
        record(batch(1, 2, 3))
        change = journal.key_change(Moment(START_US, 1, BOOT, True))
        if change:
            record(change)
        record(batch(4, 5))


if __name__ == "__main__":
    main()
