"""The key that the record is signed with: where it lies, how it comes to be.

Made once, when the data folder is; from then on it is only read, until another one takes over
(see `agent.journal.rotation`). A systemd credential named like a file comes before the file.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from agent.journal.errors import JournalUnusable
from agent.journal.layout import sync
from agent.journal.note import NoteRefused, Signer, Verifier

PRIVATE = "journal.key"
NEXT = "journal.key.next"
PUBLIC = "journal.vkey"


class KeyMissing(JournalUnusable):
    """A journal that was signed has lost its key, or what lies in its place is none."""


def read(folder: Path) -> Signer:
    """Return the journal's key.

    Raises:
        KeyMissing: there is none, it cannot be read, or it is damaged.
    """
    return _read(_path(folder, PRIVATE))


def is_there(folder: Path) -> bool:
    """Say whether anything lies where the journal's key does."""
    return _path(folder, PRIVATE).exists()


def _read(path: Path) -> Signer:
    try:
        return Signer.parse(path.read_text(encoding="ascii"))
    except FileNotFoundError as error:
        raise KeyMissing(
            f"the journal's key {path} is missing: nothing is signed until it is put back"
        ) from error
    except OSError as error:
        raise KeyMissing(
            f"the journal's key {path} cannot be read ({error.strerror}): nothing is signed until "
            "it is the daemon's to read"
        ) from error
    except (NoteRefused, UnicodeDecodeError) as error:
        raise KeyMissing(
            f"the journal's key {path} is damaged: nothing is signed until it is put back from "
            "its copy"
        ) from error


def public(folder: Path) -> list[Verifier]:
    """Return the public keys that lie beside a journal; none when it was never signed.

    They tell damage from chance. Who wants to know of forgery brings the key from elsewhere.

    Raises:
        JournalUnusable: they cannot be read, or are damaged.
    """
    try:
        return [Verifier.parse(line) for line in _public_lines(folder)]
    except NoteRefused as error:
        raise JournalUnusable(
            f"{folder / PUBLIC} is damaged; put it back from its copy, or start the daemon, which "
            f"writes it anew from {PRIVATE}"
        ) from error


def _public_lines(folder: Path) -> list[str]:
    path = folder / PUBLIC
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise JournalUnusable(f"{path} cannot be read: {error.strerror}") from error


def make(folder: Path, name: str) -> Signer:
    """Make the journal's key, mode 0400, and beside it the public one; never over another.

    Raises:
        JournalUnusable: there is one already, or it cannot be written.
        NoteRefused: a key cannot have this name.
    """
    if (path := _path(folder, PRIVATE)).exists():
        raise JournalUnusable(f"{path} is a key already; move it away to make another")
    signer = Signer.made(name)
    _write(folder / PRIVATE, signer.written(), 0o400)
    publish(folder, signer)
    return signer


def publish(folder: Path, signer: Signer) -> bool:
    """See that the public key lies beside the journal, and nothing there that is none.

    A line that is damaged goes: what it said of an older key, the record's own events say too.

    Returns:
        Whether there was one.

    Raises:
        JournalUnusable: it cannot be written.
    """
    lines = _public_lines(folder)
    known: list[Verifier] = []
    for line in lines:
        with contextlib.suppress(NoteRefused):
            known.append(Verifier.parse(line))
    spoilt = len(known) < len(lines)
    if spoilt or signer.verifier not in known:
        wanted = dict.fromkeys((*known, signer.verifier))
        _write(folder / PUBLIC, "".join(f"{key}\n" for key in wanted), 0o444)
    return spoilt


def known(folder: Path, signer: Signer) -> list[Verifier]:
    """Return the key's public half, and those that it came after."""
    try:
        return [signer.verifier, *public(folder)]
    except JournalUnusable:
        return [signer.verifier]


def make_next(folder: Path) -> Signer:
    """Make the key that shall take over, beside the one that signs; its file is the daemon's.

    Raises:
        JournalUnusable: one waits already, there is none that signs, or it cannot be written.
    """
    signs = read(folder)
    if (path := _path(folder, NEXT)).exists():
        raise JournalUnusable(
            f"{path} waits already: the running daemon takes it within a minute, and a daemon "
            "that starts some seconds after its start"
        )
    signer = Signer.made(signs.verifier.name)
    _write(folder / NEXT, signer.written(), 0o400)
    return signer


def waiting(folder: Path, signs: Signer) -> Signer | None:
    """Return the key that shall take over from the one that signs; None: there is none.

    Raises:
        JournalUnusable: it cannot be read, is damaged, or another site's.
    """
    if not (path := _path(folder, NEXT)).exists():
        return None
    found = _read(path)
    base = read(folder).verifier.name
    if found.verifier.name != base:
        raise JournalUnusable(f"{path} belongs to {found.verifier.name}, not to {base}")
    return None if found.verifier.key == signs.verifier.key else found


def of(folder: Path, verifier: Verifier) -> Signer | None:
    """Return the private key that belongs to a public one, if it is here."""
    for path in (_path(folder, PRIVATE), _path(folder, NEXT), folder / PRIVATE, folder / NEXT):
        with contextlib.suppress(JournalUnusable):
            if (found := _read(path)).verifier.key == verifier.key:
                return found
    return None


def take_over(folder: Path, signer: Signer) -> None:
    """Put the key that signs from now on into its place; the old one is gone then.

    A credential stays what it is: whoever gives it replaces it, whenever it suits.

    Raises:
        JournalUnusable: it cannot be written; the key is found where it is, and this is tried
            again at the next start.
    """
    publish(folder, signer)
    with contextlib.suppress(KeyMissing):
        if _read(folder / NEXT).verifier.key == signer.verifier.key:
            try:
                (folder / NEXT).rename(folder / PRIVATE)
                sync(folder)
            except OSError as error:
                raise JournalUnusable(f"{folder / NEXT} cannot be moved: {error}") from error


def _path(folder: Path, name: str) -> Path:
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    given = Path(credentials, name) if credentials else folder / name
    return given if given.exists() else folder / name


def _write(path: Path, text: str, mode: int) -> None:
    """Write a small file so that after a power cut it is there whole or not at all.

    It is the folder's owner's, whoever makes it.
    """
    half = path.with_suffix(path.suffix + ".new")
    try:
        half.unlink(missing_ok=True)
        fd = os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
        with os.fdopen(fd, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            owner = path.parent.stat()
            if os.fstat(fd).st_uid != owner.st_uid:
                os.fchown(fd, owner.st_uid, owner.st_gid)
            os.fsync(fd)
        half.replace(path)
        sync(path.parent)
    except OSError as error:
        raise JournalUnusable(f"{path} cannot be written: {error.strerror}") from error
