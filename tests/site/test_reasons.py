"""Why somebody may not enter: every reason that there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.site.inputs import CredentialRead
from tests.site.conftest import SECOND, TABLES

ONE = {"people": 1}
OFFICE = {
    "id": "office",
    "area": "hall",
    "lock_fail": "secure",
    "egress": "mechanical",
    "reader_in": "lobby",
    "strike": "board.strike-2",
    "contact": "board.contact-2",
    "people": 1,
    "single_factor_accepted": True,
}


def inside(play):
    play.finger("1", 3)
    play.answer("done", 3)
    play.point("board.contact", "alarm", 3.1)
    play.point("board.contact", "normal", 3.5)
    play.to(4)


def badly_read(play):
    play.step(CredentialRead("reader", "finger", None, 5 * SECOND, score=12), 5)


def wrong_five_times(play):
    for t in range(5):
        play.finger("99", t)


def armed(play):
    play.finger("2", 2, reader="lobby")
    play.command("area.arm", 2, area="hall")
    play.to(60)


def distrusted(play):
    play.trusted = False


# What happens first, the door's policy, and who comes then: p-1 an officer, p-3 a guard, p-4 a
# technician, p-5 as the case says.
CASES = {
    "unknown": {"finger": "99"},
    "low-score": {"before": badly_read, "finger": None},
    "expired": {"p5": {"valid_to_us": 1}, "finger": "5"},
    "not-yet-valid": {"p5": {"valid_from_us": 1 << 52}, "finger": "5"},
    "revoked": {"p5": {"revoked": True}, "finger": "5"},
    "schedule": {"p5": {"schedule": "of-no-file"}, "finger": "5"},
    "role": {"finger": "4"},
    "factor-missing": {"door": {"factors": ["finger", "pin"]}, "finger": "1", "then_s": 31},
    "same-person": {"before": lambda play: play.finger("1", 5), "finger": "1"},
    "second-person-missing": {"finger": "1", "then_s": 31},
    "door-open": {"before": lambda play: play.point("board.contact", "alarm", 4), "finger": "1"},
    "anti-passback": {
        "door": ONE | {"antipassback": "hard", "reader_out": "gate"},
        "before": inside,
        "finger": "1",
    },
    "interlock": {
        "door": {"interlock": ["office"]},
        "before": lambda play: play.point("board.contact-2", "alarm", 4),
        "finger": "1",
    },
    "armed": {"before": armed, "finger": "1"},
    "lockdown": {"before": lambda play: play.command("site.lock_down", 4), "finger": "1"},
    "lockout": {"before": wrong_five_times, "finger": "1"},
    "clock-untrusted": {"door": ONE, "before": distrusted, "finger": "3"},
    "journal-unavailable": {
        "before": lambda play: play.storage("faulted", 4, reason="full"),
        "finger": "1",
    },
}


@pytest.mark.parametrize("reason", CASES)
def test_it_is_the_reason(make, reason):
    case = CASES[reason]
    devices = [*TABLES["device"], {"id": "gate"}]
    store = TABLES["door"][0] | case.get("door", {})
    play = make(device=devices, door=[store, OFFICE])
    play.saved["person/p-2"]["credentials"].append({"kind": "finger", "reference": "lobby:2"})
    play.enrol("p-5", "guard", **case.get("p5", {}))
    case.get("before", lambda play: None)(play)
    if case["finger"]:
        play.finger(case["finger"], max(play.t, 5.5))
    play.to(play.t + case.get("then_s", 0.0))
    denied = [e.data["reason"] for e in play.events if e.kind == "access.denied"]
    assert denied[-1] == reason
    let_in = [e for e in play.events if (e.kind, e.object) == ("access.granted", "store")]
    assert len(let_in) == (1 if reason == "anti-passback" else 0)
    pulses = [a for a in play.actions if (a.verb, a.target) == ("pulse", "strike")]
    assert len(pulses) == len(let_in)


def test_the_manual_lists_them_all():
    manual = (Path(__file__).parents[2] / "docs" / "rules.md").read_text()
    told = manual.partition("with one reason:")[2].partition(".\n")[0]
    assert set(re.findall(r"`([a-z-]+)`", told)) == set(CASES)
