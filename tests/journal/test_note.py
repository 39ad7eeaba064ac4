"""Signed notes and checkpoints: C2SP's own examples, and everything that must be refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.journal.checkpoint import Checkpoint
from agent.journal.note import NoteRefused, Signer, Verifier, open_note, sign

# C2SP signed-note.md, "Example".
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
TEXT = "This is an example message.\n"
NOTE = (
    f"{TEXT}\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYj"
    "OBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
SIGNER = Signer("armoury/test", bytes(range(32)))
CHECKPOINT = Checkpoint("armoury/test", 7, bytes(range(32)))


def test_the_published_example_verifies() -> None:
    verifier = Verifier.parse(VKEY)
    assert str(verifier) == VKEY
    assert open_note(NOTE, [verifier]) == TEXT


def test_a_note_of_ours_verifies_and_ends_as_they_do() -> None:
    note = sign("first\n\nthird\n", SIGNER)
    assert note.startswith("first\n\nthird\n\n— armoury/test ")
    assert open_note(note, [SIGNER.verifier]) == "first\n\nthird\n"


def test_keys_survive_being_written() -> None:
    made = Signer.made("armoury/test")
    again = Signer.parse(made.written())
    assert again.verifier == made.verifier == Verifier.parse(str(made.verifier))
    assert again.line("x\n") == made.line("x\n")
    assert Signer.made("armoury/test").verifier != made.verifier


@pytest.mark.parametrize("at", range(len(NOTE.rstrip()) - 2))  # the last has unused bits
def test_no_letter_of_a_note_may_differ(at: int) -> None:
    other = "A" if NOTE[at] != "A" else "B"
    with pytest.raises(NoteRefused):
        open_note(NOTE[:at] + other + NOTE[at + 1 :], [Verifier.parse(VKEY)])


def test_signatures_of_unknown_keys_are_passed_over() -> None:
    stranger, other = Signer.made("armoury/test"), Signer.made("elsewhere")
    note = sign(TEXT, stranger, SIGNER, other)
    assert open_note(note, [SIGNER.verifier]) == TEXT
    with pytest.raises(NoteRefused, match="nobody whose key is known"):
        open_note(sign(TEXT, stranger, other), [SIGNER.verifier])


def test_a_false_signature_of_a_known_key_spoils_the_note() -> None:
    other = Signer.made("elsewhere")
    false = SIGNER.line("another text\n")
    with pytest.raises(NoteRefused, match="signature of armoury/test is false"):
        open_note(sign(TEXT, other) + false, [SIGNER.verifier, other.verifier])


REFUSED = {
    "empty": "",
    "no signature": "text\n",
    "no empty line": NOTE.replace("\n\n", "\n"),
    "no newline at the end": NOTE[:-1],
    "a hyphen for the dash": NOTE.replace("—", "-"),
    "a control character": NOTE.replace("This", "This\t"),
    "too many": sign(TEXT, *[SIGNER] * 17),
    "no name": NOTE.replace("example.com/foo", ""),
    "short": TEXT + "\n— example.com/foo Uw2QOg==\n",
}


@pytest.mark.parametrize("note", REFUSED.values(), ids=REFUSED)
def test_what_is_no_note_is_refused(note: str) -> None:
    with pytest.raises(NoteRefused):
        open_note(note, [Verifier.parse(VKEY), SIGNER.verifier])


@given(st.text())
@example("+")
@example("name+00000000+AQ==")
@example(VKEY.replace("530d903a", "530d903b"))
@example(VKEY.replace("AekyeRrm", "AukyeRrm"))
@example(" ".join(VKEY.split("/")))
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        Verifier.parse(text)
    with pytest.raises(NoteRefused):
        Signer.parse("PRIVATE+KEY+" + text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\n"])
def test_a_key_cannot_have_every_name(name: str) -> None:
    with pytest.raises(NoteRefused, match="cannot be named"):
        Signer.made(name)


def test_a_checkpoint_is_written_as_specified() -> None:
    note = CHECKPOINT.signed(SIGNER)
    text = "armoury/test\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    assert note == sign(text, SIGNER)
    assert Checkpoint.open(note, [SIGNER.verifier]) == CHECKPOINT


def test_a_checkpoint_is_signed_by_its_own_log() -> None:
    other = Signer.made("armoury/other")
    with pytest.raises(NoteRefused):
        Checkpoint.open(CHECKPOINT.signed(other), [SIGNER.verifier, other.verifier])


ROOT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.mark.parametrize(
    "text",
    [
        f"origin\n07\n{ROOT}\n",
        f"origin\n-7\n{ROOT}\n",
        f"origin\n\u0667\n{ROOT}\n",
        f"origin\n{'1' * 5000}\n{ROOT}\n",
        f"origin\n9999999999999999999\n{ROOT}\n",
        f"\n7\n{ROOT}\n",
        f"origin\n7\n{ROOT[:-4]}\n",
        f"origin\n7\n{ROOT}",
        f"origin\n7\n{ROOT}\n\nx\n",
        "origin\n7\n!\n",
        "origin\n7\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        Checkpoint.parse(text)


def test_extension_lines_are_passed_over() -> None:
    assert Checkpoint.parse(f"origin\n0\n{ROOT}\nmore\n").size == 0
