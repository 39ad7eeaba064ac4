"""The daemon's own log, as systemd's journal and a person at a terminal get it."""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import sys
from pathlib import Path

from agent.runtime.logs import Patient

ROOT = Path(__file__).parents[2]


def said(program: str, **environment: str) -> list[str]:
    """Run a program that logs; return its lines on standard error."""
    begin = "import logging\nfrom agent.runtime.logs import set_up\nset_up(verbose=False)\n"
    kept = {key: value for key, value in os.environ.items() if key != "JOURNAL_STREAM"}
    done = subprocess.run(
        [sys.executable, "-c", f"{begin}log = logging.getLogger('here')\n{program}"],
        cwd=ROOT,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_a_person_reads_lines() -> None:
    lines = said("log.warning('%s is %d %% full', 'disk', 90)\nlog.debug('not this')")
    assert [line.split(maxsplit=2)[2] for line in lines] == ["WARNING disk is 90 % full"]


def test_systemd_reads_json_with_its_priorities() -> None:
    lines = said("log.error('Teófilo')\nlog.info('b')", JOURNAL_STREAM="8:1")
    assert [line[:3] for line in lines] == ["<3>", "<6>"]
    assert json.loads(lines[0][3:]) == {"logger": "here", "level": "ERROR", "message": "Teófilo"}


def test_a_traceback_goes_with_its_line() -> None:
    program = "try:\n    {}['a']\nexcept KeyError:\n    log.exception('100%')"
    lines = said(program)
    assert lines[0].endswith("ERROR   100%")
    assert lines[-1] == "KeyError: 'a'"
    (line,) = said(program, JOURNAL_STREAM="8:1")
    assert "KeyError: 'a'" in json.loads(line[3:])["message"]


def test_the_last_lines_are_out_before_the_end() -> None:
    assert len(said("for n in range(200): log.info(n)")) == 200


def test_a_line_that_cannot_be_written_is_told_and_stops_nothing() -> None:
    lines = said("log.info('%d doors', 'no')\nlog.info('after it')")
    assert any("TypeError" in line for line in lines)
    assert lines[-1].endswith("INFO    after it")


def test_what_is_logged_is_as_it_was_then() -> None:
    lines: queue.Queue[logging.LogRecord] = queue.Queue()
    state = ["closed"]
    Patient(lines).handle(logging.LogRecord("here", 20, "", 0, "door %s", (state,), None))
    state[0] = "open"
    assert lines.get_nowait().getMessage() == "door ['closed']"


def test_a_reader_that_stalls_keeps_nobody_waiting() -> None:
    lines: queue.Queue[logging.LogRecord] = queue.Queue(2)
    patient = Patient(lines)
    for number in range(5):
        patient.handle(logging.LogRecord("here", 20, "", 0, "%d", (number,), None))
    assert [lines.get_nowait().getMessage() for _ in range(2)] == ["0", "1"]
