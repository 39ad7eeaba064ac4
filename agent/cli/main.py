"""`armoury`: the command itself.

What systemd has it do is done without click, which would cost the daemon over 1 MiB for years and
each of its starts a twentieth. Whatever is not as plain as in its unit is click's to read.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.config.mistakes import SiteFileMistakes
from agent.control import ControlError, DaemonAbsent

EXIT_NO = 1
EXIT_WRONG_USE = 2
EXIT_NO_DAEMON = 3
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)

PATHS = ("--site", "--data", "--socket", "--synchronised")  # see agent.cli.run


def main() -> int:
    """Run the command line; return the exit status."""
    try:
        paths = _plain_run(sys.argv[1:])
        return _daemon(paths) if paths is not None else _command()
    except SiteFileMistakes as error:
        return _failed(str(error), EXIT_WRONG_USE)
    except ControlError as error:
        absent = isinstance(error, DaemonAbsent)
        return _failed(f"Error: {error}", EXIT_NO_DAEMON if absent else EXIT_NO)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _plain_run(words: Sequence[str]) -> dict[str, Path] | None:
    """Read `run` and nothing but paths, each once; None where it says anything else."""
    names, paths = words[1::2], words[2::2]
    plain = len(names) == len(paths) == len(set(names) & set(PATHS))
    if words[:1] != ["run"] or not plain or any(path.startswith("-") for path in paths):
        return None
    return {name[2:]: Path(path) for name, path in zip(names, paths, strict=True)}


def _daemon(paths: Mapping[str, Path]) -> int:
    from agent.runtime.start import NotStarted, Told, start

    try:
        return start(Told.of(paths))
    except NotStarted as error:
        return _failed(f"Error: {error}", EXIT_NO)


def _command() -> int:
    from agent.cli.group import dispatch

    if strange := next((word for word in sys.argv[1:] if not _is_text_or_file(word)), None):
        shown = os.fsencode(strange).decode(errors="backslashreplace")
        return _failed(f"Error: {shown} is not text (UTF-8), nor a file", EXIT_WRONG_USE)
    try:
        _see_to_output()
        return dispatch()
    except OSError as error:
        if error.filename is not None:
            remedy = "; use sudo" if isinstance(error, PermissionError) else ""
            return _failed(f"Error: {error.filename}: {error.strerror}{remedy}", EXIT_NO)
        if error.errno not in UNWRITABLE:
            raise
        why = f"Error: what there is to say cannot be written ({error.strerror})"
        return _failed(f"{why}; make room, or write it elsewhere", EXIT_NO)


def _see_to_output() -> None:
    """Have every letter written, in whatever way; say what is closed before anything is done."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _is_text_or_file(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return Path(word).exists()
    return True


def _failed(why: str, status: int) -> int:
    if sys.stderr is not None:
        sys.stderr.write(f"{why}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
