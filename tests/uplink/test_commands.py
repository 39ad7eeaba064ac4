"""Nobody's word counts but an operator's, for this site, in time, and once."""

from __future__ import annotations

import asyncio
import base64
import json
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.journal.note import Signer
from agent.site.inputs import Commanded, Origin, Started
from agent.site.moment import Moment
from agent.site.site import Site
from agent.site.step import Answer
from agent.site.value import replace
from agent.uplink import desk as desk_module
from agent.uplink.commands import REFUSALS, Command, Judge, Judged, SignedCommand
from agent.uplink.desk import Desk
from agent.uplink.feed import CommandAnswer, Topics
from agent.uplink.operators import OperatorOptions, grants, mistakes
from agent.uplink.questions import Questions
from agent.uplink.signing import countersigned, signed, written
from agent.uplink.worker import Worker
from tests.site.conftest import plan
from tests.uplink.outbox_line import Line, Record
from tests.uplink.rig import on_a_loop, until

START = Moment(1_800_000_000_000_000, 5_000_000, "boot", trusted=True)
NOW = Moment(START.utc_us + 60_000_000, START.mono_us + 60_000_000, "boot", trusted=True)
ANA, BEN, EVE = Signer("ana", b"a" * 32), Signer("ben", b"b" * 32), Signer("eve", b"e" * 32)
OPERATORS = (
    OperatorOptions(id="ana", key=str(ANA.verifier), rights=("*",)),
    OperatorOptions(id="ben", key=str(BEN.verifier), rights=("alarm.*", "door.assist")),
)


def nothing_known() -> int:
    """Return how late it has been before: a site that has not run yet knows nothing."""
    return 0


def command(**changed: Any) -> Command:
    said = {
        "action": "alarm.acknowledge",
        "expires": NOW.utc_us + 30_000_000,
        "id": "c-1",
        "issued": NOW.utc_us,
        "nonce": "0" * 32,
        "params": {"alarm": "7"},
        "site": "quito-07",
    }
    return Command.model_validate(said | changed)


@pytest.fixture
def judge() -> Judge:
    return Judge("quito-07", OPERATORS, START, nothing_known)


def test_a_command_in_order_is_obeyed(judge: Judge) -> None:
    judged = judge.judge(signed(command(), ANA), NOW)
    assert judged == Judged(command(), ("ana",), "")


def test_both_operators_of_a_command_are_named(judge: Judge) -> None:
    judged = judge.judge(signed(command(action="door.assist"), ANA, BEN), NOW)
    assert (judged.operators, judged.refusal) == (("ana", "ben"), "")


def test_a_second_operator_signs_what_the_first_has_signed(judge: Judge) -> None:
    first = signed(command(action="door.assist"), ANA)
    both = countersigned(SignedCommand.model_validate_json(first), BEN)
    assert judge.judge(both, NOW).operators == ("ana", "ben")
    one, other = (written("quito-07", "site.lock_down", {}, 30) for _ in range(2))
    assert {one.id, one.nonce}.isdisjoint({other.id, other.nonce})
    assert one.expires - one.issued == 30 * SECOND


SECOND = 1_000_000


@pytest.mark.parametrize(
    ("refusal", "changed", "signers", "now"),
    [
        ("wrong-site", {"site": "lima-01"}, (ANA,), NOW),
        ("clock-untrusted", {}, (ANA,), replace(NOW, trusted=False)),
        ("not-yet-valid", {"issued": NOW.utc_us + 11 * SECOND}, (ANA,), NOW),
        ("expired", {"expires": NOW.utc_us - 1}, (ANA,), NOW),
        ("lives-too-long", {"expires": NOW.utc_us + 301 * SECOND}, (ANA,), NOW),
        ("issued-before-start", {"issued": START.utc_us + 9 * SECOND}, (ANA,), NOW),
        ("unknown-signer", {}, (EVE,), NOW),
        ("unknown-signer", {}, (ANA, EVE), NOW),
        ("missing-right", {"action": "site.lock_down"}, (BEN,), NOW),
        ("missing-right", {"action": "site.lock_down"}, (ANA, BEN), NOW),
        ("malformed", {}, (ANA, ANA), NOW),
        ("malformed", {"params": {"share": 0.5}}, (), NOW),
    ],
)
def test_each_refusal(
    judge: Judge, refusal: str, changed: dict[str, Any], signers: tuple[Signer, ...], now: Moment
) -> None:
    if signers:
        payload = signed(command(**changed), *signers)
    else:  # what cannot be signed cannot be forged either
        good = json.loads(signed(command(), ANA))
        payload = json.dumps(good | {"command": good["command"] | changed}).encode()
    assert judge.judge(payload, now).refusal == refusal
    assert refusal in REFUSALS


def test_limits_are_inclusive(judge: Judge) -> None:
    oldest = command(issued=START.utc_us + 10 * SECOND, expires=NOW.utc_us, nonce="1" * 32)
    newest = command(issued=NOW.utc_us + 10 * SECOND, nonce="2" * 32)
    assert judge.judge(signed(oldest, ANA), NOW).refusal == ""
    assert judge.judge(signed(newest, ANA), NOW).refusal == ""


def test_a_replay_is_refused_and_setting_the_clock_back_revives_nothing(judge: Judge) -> None:
    payload = signed(command(), ANA)
    assert judge.judge(payload, NOW).refusal == ""
    assert judge.judge(payload, NOW).refusal == "replayed"
    later = replace(NOW, utc_us=NOW.utc_us + 31 * SECOND, mono_us=NOW.mono_us + 31 * SECOND)
    assert judge.judge(payload, later).refusal == "expired"
    back = replace(NOW, mono_us=later.mono_us + SECOND)
    assert judge.judge(payload, back).refusal == "expired"
    restarted = Judge("quito-07", OPERATORS, NOW, nothing_known)
    assert restarted.judge(payload, NOW).refusal == "issued-before-start"


def after(start: Moment, seconds: int, stepped_s: int = 0) -> Moment:
    """Return a later moment of the same boot, whose wall clock was moved."""
    moved = start.utc_us + (seconds + stepped_s) * SECOND
    return replace(start, utc_us=moved, mono_us=start.mono_us + seconds * SECOND)


@pytest.mark.parametrize("back_s", [25, 45, 86_400])
def test_setting_the_clock_back_over_a_restart_revives_nothing(back_s: int) -> None:
    payload = signed(command(expires=NOW.utc_us + 200 * SECOND), ANA)
    ended_us = NOW.utc_us + 20 * SECOND  # of the run that has obeyed it
    stepped_after = Judge("quito-07", OPERATORS, after(NOW, 21), lambda: ended_us)
    stepped_before = Judge("quito-07", OPERATORS, after(NOW, 21, -back_s), lambda: ended_us)
    for later_s in (22, 30, back_s + 1, back_s + 20, back_s + 100):
        then = after(NOW, later_s, -back_s)
        assert stepped_after.judge(payload, then).refusal
        assert stepped_before.judge(payload, then).refusal
    fresh = command(issued=ended_us + 20 * SECOND, expires=ended_us + 90 * SECOND, nonce="1" * 32)
    then = after(NOW, back_s + 60, -back_s)
    assert stepped_before.judge(signed(fresh, ANA), then).refusal == "", "it is that late again"


def test_a_step_back_between_two_commands_revives_none_of_them() -> None:
    known = [0]
    judge = Judge("quito-07", OPERATORS, START, lambda: known[0])
    known[0] = NOW.utc_us + 3600 * SECOND  # as the site has seen the clock before its step
    assert judge.judge(signed(command(), ANA), NOW).refusal == "expired"


def test_a_nonce_is_only_used_up_by_a_good_signature(judge: Judge) -> None:
    forged = json.loads(signed(command(), EVE))
    forged["signatures"][0]["operator"] = "ana"
    assert judge.judge(json.dumps(forged).encode(), NOW).refusal == "bad-signature"
    assert judge.judge(signed(command(), ANA), NOW).refusal == ""


def test_the_signature_of_another_operator_under_ones_name_is_no_signature(judge: Judge) -> None:
    said = json.loads(signed(command(action="door.assist"), ANA, BEN))
    said["signatures"][1]["signature"] = said["signatures"][0]["signature"]
    assert judge.judge(json.dumps(said).encode(), NOW).refusal == "bad-signature"


def test_many_signatures_a_second_are_not_checked(judge: Judge) -> None:
    payloads = [signed(command(nonce=f"{n:032x}"), ANA) for n in range(60)]
    refusals = [judge.judge(payload, NOW).refusal for payload in payloads]
    assert refusals == [""] * 40 + ["too-many"] * 20
    later = replace(NOW, mono_us=NOW.mono_us + SECOND)
    assert judge.judge(payloads[50], later).refusal == ""


def test_memory_for_nonces_is_bounded(judge: Judge) -> None:
    refusals = []
    for n in range(1002):
        now = replace(NOW, mono_us=NOW.mono_us + n * SECOND)
        refusals.append(judge.judge(signed(command(nonce=f"{n:032x}"), ANA), now).refusal)
    assert refusals == [""] * 1000 + ["too-many"] * 2
    later = replace(NOW, utc_us=NOW.utc_us + 40 * SECOND, mono_us=now.mono_us + SECOND)
    fresh = command(issued=later.utc_us, expires=later.utc_us + SECOND, nonce="f" * 32)
    assert judge.judge(signed(fresh, ANA), later).refusal == ""


def test_a_client_that_shares_no_code_with_us_can_sign(judge: Judge) -> None:
    said = {
        "site": "quito-07",
        "id": "x",
        "action": "alarm.acknowledge",
        "params": {"b": "ü", "a": [1, True, None]},
        "issued": NOW.utc_us,
        "expires": NOW.utc_us + 1,
        "nonce": "ab" * 16,
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    signature = Ed25519PrivateKey.from_private_bytes(b"a" * 32).sign(
        f"armoury/v1/command\n{text}\n".encode()
    )
    word = {"operator": "ana", "signature": base64.b64encode(signature).decode()}
    payload = json.dumps({"command": said, "signatures": [word], "client": "desk 4"}).encode()
    assert judge.judge(payload, NOW).refusal == ""


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_garbage_is_malformed_and_nothing_else(payload: bytes) -> None:
    assert (
        Judge("quito-07", OPERATORS, START, nothing_known).judge(payload, NOW).refusal
        == "malformed"
    )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    ),
    st.sampled_from(
        ["command", "signatures", "action", "params", "nonce", "site", "issued", "operator"]
    ),
)
def test_wrong_values_in_right_places_raise_nothing(value: Any, key: str) -> None:
    said = json.loads(signed(command(), ANA))
    for table in (said, said["command"], said["signatures"][0]):
        if key in table:
            table[key] = value
    judged = Judge("quito-07", OPERATORS, START, nothing_known).judge(
        json.dumps(said).encode(), NOW
    )
    assert judged.refusal or judged.command == command()


@given(st.data())
@settings(max_examples=300)
def test_no_changed_byte_is_obeyed(data: st.DataObject) -> None:
    payload = bytearray(signed(command(), ANA))
    at = data.draw(st.integers(0, len(payload) - 1))
    payload[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != payload[at]))
    judged = Judge("quito-07", OPERATORS, START, nothing_known).judge(bytes(payload), NOW)
    if not judged.refusal:  # only where the change says the same
        assert SignedCommand.model_validate_json(bytes(payload)).command == command()


class House:
    """The site's end of a desk."""

    def __init__(self) -> None:
        self.given: list[Commanded] = []
        self.answers: list[CommandAnswer] = []
        self.now = NOW
        loop = asyncio.get_running_loop()
        self.desk = Desk("quito-07", OPERATORS, self.clock, nothing_known, self.given.append, loop)
        self.desk._judge = Judge("quito-07", OPERATORS, START, nothing_known)

    @property
    def commanded(self) -> list[Commanded]:
        """What is to be obeyed."""
        return [given for given in self.given if not given.refusal]

    @property
    def refused(self) -> list[str]:
        """Why the others are not."""
        return [given.refusal for given in self.given if given.refusal]

    def clock(self) -> Moment:
        return self.now

    def take(self, payload: bytes) -> None:
        self.desk.take(payload, self.answers.append)

    def said(self) -> list[tuple[str, str]]:
        return [(answer.state.value, answer.reason) for answer in self.answers]


@on_a_loop
async def test_a_command_is_accepted_then_done() -> None:
    house = House()
    house.take(signed(command(), BEN))
    (given,) = house.commanded
    assert given == Commanded(
        "monitor/c-1", "alarm.acknowledge", {"alarm": "7"}, "ben", Origin.MONITOR, NOW.mono_us
    )
    house.desk.answered(Answer("monitor/c-1", accepted=True, data={"outcome": "done"}))
    assert house.said() == [("accepted", ""), ("done", "")]
    assert {answer.command for answer in house.answers} == {"c-1"}
    house.desk.close()
    assert len(house.answers) == 2


@on_a_loop
async def test_what_the_site_refuses_is_answered_with_its_reason() -> None:
    house = House()
    house.take(signed(command(), BEN))
    house.desk.answered(Answer("monitor/c-1", accepted=False, reason="unknown-alarm"))
    house.desk.answered(Answer("c-1", accepted=True))
    assert house.said() == [("accepted", ""), ("refused", "unknown-alarm")]


@on_a_loop
async def test_two_operators_are_both_told_to_the_site_and_the_end_is_awaited() -> None:
    house = House()
    house.take(signed(command(action="door.assist", params={"door": "store"}), ANA, BEN))
    assert [(given.by, given.second) for given in house.commanded] == [("ana", "ben")]
    house.desk.answered(Answer("monitor/c-1", accepted=True, data={"outcome": "accepted"}))
    assert [state for state, _ in house.said()] == ["accepted"]
    why = "the board went away over it"
    ended = Answer("monitor/c-1", accepted=False, reason=why, data={"outcome": "unknown"})
    house.desk.answered(ended)
    assert house.said() == [("accepted", ""), ("unknown", why)]


@on_a_loop
async def test_what_nobody_decides_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "ANSWER_S", 0.02)
    house = House()
    house.take(signed(command(), BEN))
    await until(lambda: len(house.answers) == 2, 30, "an answer")
    assert house.said()[-1][0] == "unknown"


@on_a_loop
async def test_a_refusal_is_told_to_the_site_and_to_the_sender() -> None:
    house = House()
    house.take(signed(command(site="lima-01"), ANA))
    house.take(b"garbage")
    assert house.refused == ["wrong-site", "malformed"]
    assert house.said() == [("refused", "wrong-site")]
    told = [(given.command, given.name, given.by) for given in house.given]
    assert told == [("monitor/c-1", "alarm.acknowledge", ""), ("monitor", "", "")]
    assert not house.commanded


@on_a_loop
async def test_an_id_that_is_still_open_is_not_taken_again() -> None:
    house = House()
    house.take(signed(command(), BEN))
    house.take(signed(command(nonce="1" * 32), BEN))
    assert house.refused == ["replayed"]
    assert len(house.commanded) == 1
    house.desk.close()


@on_a_loop
async def test_a_commands_own_end_comes_before_what_else_is_refused_under_its_id() -> None:
    house = House()
    given = signed(command(), BEN)
    forged = signed(command(nonce="1" * 32), EVE)
    house.take(given)
    house.take(given)
    house.take(forged)
    assert house.said() == [("accepted", "")], "what is refused waits for the end of the first"
    house.desk.answered(Answer("monitor/c-1", accepted=True, data={"outcome": "done"}))
    ends = [("done", ""), ("refused", "replayed"), ("refused", "unknown-signer")]
    assert house.said()[1:] == ends
    house.take(given)
    assert house.said()[4:] == [("refused", "replayed")]
    assert house.refused == ["replayed", "unknown-signer", "replayed"]


@on_a_loop
async def test_what_is_answered_while_the_broker_is_gone_takes_no_other_answers_place() -> None:
    house, line = House(), Line(Record())
    above = SimpleNamespace(commands_heard=True, head=lambda: 0, command=house.desk.take)
    reader = Worker("reader", asyncio.get_running_loop())
    where = Topics("quito-07")
    heard = Questions(where, above, line.outbox, line.record, reader, line.pump).meant
    for _ in range(2):
        heard[where.command](signed(command(), BEN))
    house.desk.answered(Answer("monitor/c-1", accepted=True, data={"outcome": "done"}))
    line.connect()
    states = [json.loads(message.payload)["state"] for message in line.flying]
    assert states == ["accepted", "done", "refused"]


@on_a_loop
async def test_a_flood_is_told_as_one() -> None:
    house = House()
    for _ in range(500):
        house.take(b"{}")
    assert house.refused == ["malformed"] * 20 + ["too-many"]
    house.desk._told_since_s -= 61
    house.take(b"{}")
    assert len(house.refused) == 22


@pytest.mark.parametrize(
    ("right", "covers"),
    [
        ("*", True),
        ("alarm.*", True),
        ("alarm.acknowledge", True),
        ("al*", False),
        ("alarm", False),
        ("alarm.close", False),
        ("", False),
    ],
)
def test_rights(right: str, covers: bool) -> None:
    assert grants(right, "alarm.acknowledge") is covers


@pytest.mark.parametrize(
    ("changed", "key", "found"),
    [
        ({}, None, None),
        ({"key": "nonsense"}, "key", "not an Ed25519 key"),
        ({"key": str(BEN.verifier)}, "key", "the key of ben"),
        ({"rights": ["alarm.*", "person.enrol"]}, "rights", "person.enrol"),
    ],
)
def test_mistakes_of_operators(changed: dict[str, Any], key: str | None, found: str | None) -> None:
    given = {"id": "ana", "key": str(ANA.verifier), "rights": ["*"]} | changed
    found_ones = list(mistakes([OperatorOptions.model_validate(given)]))
    assert [mistake.key for mistake in found_ones] == ([(0, key)] if key else [])
    if found:
        assert found in found_ones[0].found


def test_an_operator_and_a_key_are_given_once() -> None:
    twin = OPERATORS[0].model_copy(update={"id": "ben"})
    keys = [mistake.key for mistake in mistakes([*OPERATORS, OPERATORS[1], twin])]
    assert keys == [(2, "id"), (2, "key"), (3, "key"), (3, "id"), (3, "key")]


def mutated(draw: st.DrawFn) -> bytes:
    """Return a command that nobody here has signed, with some of its bytes changed."""
    forged = json.loads(signed(command(action="site.lock_down", params={}), EVE))
    forged["signatures"][0]["operator"] = draw(st.sampled_from(["ana", "ben", "eve", ""]))
    payload = bytearray(json.dumps(forged).encode())
    for at in draw(st.lists(st.integers(0, len(payload) - 1), max_size=4)):
        payload[at] = draw(st.integers(0, 255))
    return bytes(payload[: draw(st.integers(0, 2 * len(payload)))])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
NOISE = st.binary() | JSON.map(lambda said: json.dumps(said).encode()) | st.composite(mutated)()


@given(st.lists(NOISE, max_size=12))
def test_whatever_arrives_a_refusal_is_all_that_the_site_makes_of_it(noise: list[bytes]) -> None:
    @on_a_loop
    async def heard() -> None:
        house, site = House(), Site(plan(), {})
        site.step(Started("1", START.mono_us), START)
        for payload in noise:
            house.take(payload)
        steps = [site.step(given, NOW) for given in house.given]
        assert all(event.kind == "command.refused" for step in steps for event in step.events)
        assert not any(step.actions for step in steps)
        assert all(answer.state.value == "refused" for answer in house.answers)
        assert len(steps) == len(noise)

    heard()
