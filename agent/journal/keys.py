"""The key that the record is signed with: where it lies, how it comes to be.

Made once, when the data folder is; from then on it is only read. A systemd credential
named like the file comes before the file.
"""

from __future__ import annotations

import os
from pathlib import Path

from agent.journal.errors import JournalUnusable
from agent.journal.note import NoteRefused, Signer, Verifier

PRIVATE = "journal.key"
PUBLIC = "journal.vkey"


class KeyMissing(JournalUnusable):
    """A journal that was signed has lost its key."""


def read(folder: Path) -> Signer:
    """Return the journal's key.

    Raises:
        KeyMissing: there is none.
        JournalUnusable: it cannot be read, or is damaged.
    """
    path = _path(folder)
    try:
        return Signer.parse(path.read_text(encoding="ascii"))
    except FileNotFoundError as error:
        raise KeyMissing(
            f"the journal's key {path} is missing: nothing is signed until it is put back"
        ) from error
    except OSError as error:
        raise JournalUnusable(f"{path} cannot be read: {error.strerror}") from error
    except (NoteRefused, UnicodeDecodeError) as error:
        raise JournalUnusable(f"{path} is damaged; put it back from its copy") from error


def public(folder: Path) -> list[Verifier]:
    """Return the public keys that lie beside a journal; none when it was never signed.

    They tell damage from chance. Who wants to know of forgery brings the key from elsewhere.

    Raises:
        JournalUnusable: they cannot be read, or are damaged.
    """
    path = folder / PUBLIC
    try:
        return [Verifier.parse(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise JournalUnusable(f"{path} cannot be read: {error.strerror}") from error
    except (NoteRefused, UnicodeDecodeError) as error:
        raise JournalUnusable(f"{path} is damaged; put it back from its copy") from error


def make(folder: Path, name: str) -> Signer:
    """Make the journal's key, mode 0400, and beside it the public one; never over another.

    Raises:
        JournalUnusable: there is one already, or it cannot be written.
        NoteRefused: a key cannot have this name.
    """
    if _path(folder).exists():
        raise JournalUnusable(f"{_path(folder)} is a key already; move it away to make another")
    signer = Signer.made(name)
    _write(folder / PRIVATE, signer.written(), 0o400)
    publish(folder, signer)
    return signer


def publish(folder: Path, signer: Signer) -> None:
    """See that the public key lies beside the journal.

    Raises:
        JournalUnusable: it cannot be written.
    """
    if not (folder / PUBLIC).exists():
        _write(folder / PUBLIC, f"{signer.verifier}\n", 0o444)


def _path(folder: Path) -> Path:
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    given = Path(credentials, PRIVATE) if credentials else folder / PRIVATE
    return given if given.exists() else folder / PRIVATE


def _write(path: Path, text: str, mode: int) -> None:
    """Write a small file so that after a power cut it is there whole or not at all."""
    half = path.with_suffix(path.suffix + ".new")
    try:
        half.unlink(missing_ok=True)
        fd = os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
        with os.fdopen(fd, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(fd)
        half.replace(path)
    except OSError as error:
        raise JournalUnusable(f"{path} cannot be written: {error.strerror}") from error
