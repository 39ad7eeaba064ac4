"""A program that records as fast as it can and says what is committed, until it is killed.

`python -m tests.journal.load FOLDER [COMMITS [alone]]`: it closes the journal and ends after so
many; alone: no reader holds the files open beside the writer.
Each line on stdout, in one write: the tag, then the numbers of its rows. A batch has one to
five events, each with the tag and the batch's size, so that a partial one can be seen.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
from pathlib import Path

from agent.journal.errors import JournalError
from agent.journal.journal import Journal
from agent.journal.record import Batch, Commit
from tests.journal.recording import entry

room = threading.Semaphore(64)


def committed(commit: Commit) -> None:
    line = f"{commit.tag} {' '.join(str(row.seq) for row in commit.rows)}\n"
    os.write(1, line.encode())
    room.release()


def failed(error: JournalError) -> None:
    os.write(2, f"{error}\n".encode())


def main() -> None:
    journal = Journal.open(
        Path(sys.argv[1]), committed=committed, failed=failed, origin="armoury/load"
    )
    if sys.argv[3:]:
        journal._reader.close()
    first = journal.head
    tags = itertools.count(first) if len(sys.argv) < 3 else range(first, first + int(sys.argv[2]))
    for tag in tags:
        room.acquire()
        size = tag % 5 + 1
        entries = tuple(entry(tag, data={"tag": tag, "size": size}) for _ in range(size))
        journal.submit(Batch(entries, {"tag": b"%d" % tag}), tag)
        if head := journal.head:
            journal.acknowledge("fibre", "rest", [(1, head)])
    journal.close()


if __name__ == "__main__":
    main()
