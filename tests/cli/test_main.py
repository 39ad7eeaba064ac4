"""The command itself: what it costs, and what every way of going wrong says and returns."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import pytest

from agent.cli.group import COMMANDS
from agent.cli.main import PATHS
from agent.cli.run import run
from tests.cli.conftest import Armoury
from tests.cli.daemon import Daemon

ARMOURY = [sys.executable, "-m", "agent.cli.main"]


def test_help_lists_every_command_on_a_line_of_its_own(armoury: Armoury) -> None:
    said = armoury("--help")
    assert said.status == 0
    listed = said.out.partition("Commands:")[2].strip().split("\n")
    assert [line.split()[0] for line in listed] == list(COMMANDS)
    assert not [line for line in listed if line.endswith("...")]


def test_examples_in_help_stand_on_lines_of_their_own(armoury: Armoury) -> None:
    assert "\n    armoury simulate press guard-room" in armoury("simulate", "--help").out
    assert "\n    armoury events --follow" in armoury("events", "-h").out


@pytest.mark.parametrize(
    "words", [["chekc"], ["status", "--jsno"], ["alarm", "ack"], ["events", "--limit", "0"]]
)
def test_wrong_use_is_2_and_says_how_to_get_help(armoury: Armoury, words: list[str]) -> None:
    said = armoury(*words)
    assert said.status == 2
    assert "--help" in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    "words", [["status"], ["events"], ["alarm", "ack", "1"], ["panic", "test", "x"]]
)
def test_no_daemon_is_3_and_one_line_that_says_what_to_do(
    armoury: Armoury, words: list[str]
) -> None:
    said = armoury(*words)
    assert said.status == 3
    assert said.err.startswith("Error: no daemon answers at ")
    assert "systemctl start armoury-agent" in said.err
    assert said.err.count("\n") == 1


def test_a_daemon_that_says_nothing_is_3(armoury: Armoury, tmp_path: Path) -> None:
    """A socket that a dead daemon left behind refuses the connection."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control.sock"))
    assert armoury("status").status == 3


def test_what_the_site_refuses_is_1_and_says_why_in_words(armoury: Armoury, daemon: Daemon) -> None:
    daemon.refusal = "unknown-alarm"
    said = armoury("alarm", "ack", "99")
    assert said.status == 1
    assert said.err == "Error: no open alarm has this number; see: armoury status\n"


@pytest.mark.parametrize(
    ("reason", "data", "ends"),
    [
        ("bad-params", {"why": "alarm: an alarm's number"}, "takes: alarm: an alarm's number\n"),
        ("not-ready", {"points": {"board.pir": "open", "uplink": "uplink"}},
         "people: board.pir (open), uplink (uplink)\n"),
    ],
)  # fmt: skip
def test_what_a_refusal_is_about_is_said(
    armoury: Armoury, daemon: Daemon, reason: str, data: dict[str, object], ends: str
) -> None:
    daemon.refusal, daemon.refusal_data = reason, data
    assert armoury("alarm", "ack", "9").err.endswith(ends)


def test_a_reason_without_words_is_shown_as_it_is(armoury: Armoury, daemon: Daemon) -> None:
    daemon.refusal = "no answer yet: the disk may be slow"
    assert armoury("alarm", "ack", "9").err == "Error: no answer yet: the disk may be slow\n"


def test_ctrl_c_is_130_without_a_traceback(daemon: Daemon) -> None:
    words = [*ARMOURY, "events", "--follow", "--socket", str(daemon.path)]
    with subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(60) == 130
        finally:
            process.kill()
        assert process.stderr.read().strip() == b""


def test_a_reader_that_has_enough_is_told_nothing(daemon: Daemon) -> None:
    """`armoury events | head -1`: the pipe closes, and so do we, without a traceback."""
    read, write = os.pipe()
    os.close(read)
    words = [*ARMOURY, "events", "--socket", str(daemon.path)]
    done = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("words", [["events"], ["status"], ["status", "--json"]])
def test_a_full_disk_behind_its_output_is_one_line_and_1(daemon: Daemon, words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*ARMOURY, *words, "--socket", str(daemon.path)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (
        1,
        "Error: what there is to say cannot be written (No space left on device); "
        "make room, or write it elsewhere\n",
    )


def test_a_command_costs_only_what_it_needs(daemon: Daemon) -> None:
    program = f"""
import sys
sys.argv = ["armoury", "events", "--socket", {str(daemon.path)!r}]
from agent.cli.main import main
assert main() == 0
loaded = {{name.partition(".")[0] for name in sys.modules}}
assert not loaded & {{"rich", "pydantic", "asyncio", "sqlite3"}}, loaded
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, capture_output=True)


def test_what_systemd_runs_is_read_without_click(tmp_path: Path) -> None:
    program = f"""
import sys
sys.argv = ["armoury", "run", "--site", {str(tmp_path / "none.toml")!r}]
from agent.cli.main import main
assert main() == 2
loaded = {{name.partition(".")[0] for name in sys.modules}}
assert not loaded & {{"click", "pydantic", "asyncio", "sqlite3"}}, loaded
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, timeout=60, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("\n")) == (0, 1), done.stderr
    assert "none.toml" in done.stderr


def test_every_path_that_the_daemon_is_told_is_read_without_click() -> None:
    paths = [option for option in run.params if isinstance(option.type, click.Path)]
    assert {option.opts[0] for option in paths} == set(PATHS)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--site", "none.toml"], "none.toml: found no site file"),
        (["--site=none.toml"], "none.toml: found no site file"),
        (["--verbose", "--site", "none.toml"], "none.toml: found no site file"),
        (["--site", "one.toml", "--site", "none.toml"], "none.toml: found no site file"),
        (["--site"], "Option '--site' requires an argument"),
        (["--data", "data", "--site"], "Option '--site' requires an argument"),
        (["--sites", "none.toml"], "No such option"),
        (["none.toml"], "unexpected extra argument"),
        (["--site", "none.toml", "--verbose", "--data"], "Option '--data' requires an argument"),
    ],
)
def test_run_says_the_same_whoever_reads_its_words(
    armoury: Armoury, words: list[str], says: str
) -> None:
    said = armoury("run", *words)
    assert said.status == 2
    assert says in said.err


def test_a_word_that_is_no_text_is_wrong_use(armoury: Armoury) -> None:
    said = armoury("events", "--object", os.fsdecode(b"st\xff"))
    assert (said.status, said.err) == (2, "Error: st\\xff is not text (UTF-8), nor a file\n")


def test_a_file_may_be_named_by_any_bytes(tmp_path: Path) -> None:
    strange = os.fsencode(tmp_path) + b"/st\xff.toml"
    shutil.copy(Path(__file__).parents[2] / "config" / "minimal.toml", strange)
    command = [*ARMOURY, "check", strange]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert "/st\\udcff.toml: Armoury 7, Quito is in order" in done.stdout


@pytest.mark.parametrize("words", [["events"], ["status"]])
def test_without_an_output_it_says_so(daemon: Daemon, words: list[str]) -> None:
    closed = 'exec "$@" >&-'
    command = ["/bin/sh", "-c", closed, "sh", *ARMOURY, *words, "--socket", str(daemon.path)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "cannot be written (it is closed)" in done.stderr


def test_a_command_that_is_too_long_for_the_daemon_is_1_and_says_so(
    armoury: Armoury, daemon: Daemon
) -> None:
    said = armoury("command", "site.lock_down", f"why={'x' * 70_000}")
    assert said.status == 1
    assert said.err.startswith("Error: a request has at most 65536 bytes, this one has 70")


STATUS_AS_NOBODY = """
import os, sys
import agent.cli.status
from agent.cli.main import main
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
sys.argv = ["armoury", "status", "--socket", sys.argv[1]]
sys.exit(main())
"""


def test_who_may_not_use_the_socket_is_told_how_to(daemon: Daemon) -> None:
    if os.getuid() != 0:
        pytest.skip("NOT TESTED: only root can become somebody without rights")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # pytest's is its user's only
        Path(folder).chmod(0o711)
        path = Path(folder, "control.sock")
        daemon.path.rename(path)
        command = [sys.executable, "-c", STATUS_AS_NOBODY, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        path.rename(daemon.path)
    assert done.returncode == 3
    assert "not allowed; join the group armoury" in done.stderr
