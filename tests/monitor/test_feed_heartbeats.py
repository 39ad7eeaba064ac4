"""Heartbeats that count, and those that somebody at the broker makes up, repeats or holds back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.journal.note import Signer, sign
from agent.monitor.delay import Delay
from agent.monitor.pulse import LATE_S, LOST_S
from agent.monitor.said import Matter
from agent.uplink import heartbeat
from agent.uplink.feed import Heartbeat
from tests.monitor.gateway import ORIGIN, SIGNER, SITE, Desk, Gateway, deliver, introduced

NEW = Signer(ORIGIN, bytes([3] * 32))
STRANGER = Signer(ORIGIN, bytes([9] * 32))


class Signing(Gateway):
    """A gateway that signs its heartbeats, on several paths.

    Attributes:
        clock: seconds of whatever clock its own go by.
    """

    def __init__(self, clock: Callable[[], float], signer: Signer = SIGNER) -> None:
        super().__init__(signer=signer)
        self.clock = clock
        self.boot = "b"
        self.number: dict[str, int] = {}
        self.record(100)

    def beat(self, waiting: int = 0, path: str = "fibre", **more: Any) -> bytes:
        self.beats += 1
        self.number[path] = self.number.get(path, 0) + 1
        now_us = int(self.clock() * 1e6)
        said = {
            "site": SITE, "path": path, "run": self.run, "number": self.number[path],
            "at": 1_795_522_146_883_288 + now_us, "boot": self.boot, "mono": 7_000_000 + now_us,
            "nonce": f"{self.beats:016x}", "head": self.head, "waiting": waiting,
        }  # fmt: skip
        return heartbeat.signed(Heartbeat.model_validate(said | more), self.signer)

    def restart(self, boot: str | None = None) -> None:
        """Begin anew, after a reboot if `boot` is another."""
        self.boot = boot or self.boot
        self.number = {}


def met(**more: Any) -> tuple[Desk, Signing]:
    """Return a desk that knows a gateway, and its first heartbeat."""
    gateway = Signing(lambda: desk.now_s)
    desk = introduced(gateway, **more)
    deliver(desk, gateway, range(1, 101))
    desk.serve(gateway)
    desk.hear("heartbeat/fibre", gateway.beat())
    desk.wait(16)  # from now on no broker delivers again what it had delivered
    assert not desk.wrong()
    return desk, gateway


def is_lost_unless_it_counts(desk: Desk, payload: bytes, topic: str = "heartbeat/fibre") -> bool:
    """Say whether the site is lost in spite of a heartbeat that came before its 90 s were over."""
    desk.wait(60)
    assert Matter.LOST not in desk.matters()
    desk.hear(topic, payload)
    desk.wait(15)
    return Matter.LOST in desk.matters()


def changed(payload: bytes, **more: Any) -> bytes:
    """Return a heartbeat with other fields under its old signature; None: without this one."""
    said = {key: value for key, value in (json.loads(payload) | more).items() if value is not None}
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_a_signed_heartbeat_counts() -> None:
    desk, gateway = met()
    assert not is_lost_unless_it_counts(desk, gateway.beat())
    desk.live(gateway, 600)
    assert not desk.wrong()
    assert not {Matter.LOST, Matter.HEARTBEAT_UNSIGNED} & desk.matters()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"signature": None}, "it is not signed"),
        ({"signature": None, "origin": None}, "it is not signed"),
        ({"number": 99}, "false"),
        ({"head": 101}, "false"),
        ({"waiting": 1}, "false"),
        ({"of_tomorrow": 1}, "false"),
        ({"signature": "— x y"}, ""),
        ({"signature": ""}, ""),
    ],
)
def test_one_that_is_made_up_keeps_nothing_alive(more: dict[str, Any], words: str) -> None:
    desk, gateway = met()
    assert is_lost_unless_it_counts(desk, changed(gateway.beat(), **more))
    assert [said.matter for said in desk.wrong()] == [Matter.HEARTBEAT_FORGED]
    assert words in desk.wrong()[0].text
    assert desk.feed.sites[SITE].numbers.head == 100
    for _ in range(30):
        desk.hear("heartbeat/fibre", changed(gateway.beat(), **more))
        desk.wait(3)
    assert len(desk.wrong()) == 2, "one that babbles is spoken of once a minute"
    desk.hear("heartbeat/fibre", gateway.beat())
    assert Matter.ALIVE in desk.matters()


def test_one_of_a_key_that_nobody_names_keeps_nothing_alive() -> None:
    desk, gateway = met()
    gateway.signer = STRANGER
    assert is_lost_unless_it_counts(desk, gateway.beat())
    assert not desk.wrong(), "its key may be named a moment later"
    desk.wait(60)
    assert [said.matter for said in desk.wrong()] == [Matter.HEARTBEAT_FORGED]


@pytest.mark.parametrize("restarted", [False, True])
def test_one_that_was_heard_is_old(restarted: bool) -> None:
    desk, gateway = met()
    desk.hear("heartbeat/fibre", beat := gateway.beat())
    if restarted:
        desk = desk.restarted()
    desk.wait(16)
    assert is_lost_unless_it_counts(desk, beat)
    assert [said.matter for said in desk.wrong()] == [Matter.HEARTBEAT_REPLAYED]


def test_what_nobody_has_signed_makes_no_old_one_new() -> None:
    """A birth that tells of another process: it would have let all heartbeats of the run again."""
    desk, gateway = met()
    desk.hear("heartbeat/fibre", beat := gateway.beat())
    desk.hear("status/fibre", gateway.status(started=2))
    desk.hear("status/fibre", gateway.status(run=50, started=3))
    desk.wait(16)
    assert is_lost_unless_it_counts(desk, beat)
    assert [said.matter for said in desk.wrong()] == [Matter.HEARTBEAT_REPLAYED]
    desk.hear("heartbeat/fibre", gateway.beat())
    assert Matter.ALIVE in desk.matters()


def test_what_nobody_has_signed_makes_no_new_one_old() -> None:
    desk, gateway = met()
    forged = json.loads(gateway.status())
    forged |= {"run": 10**12}
    desk.hear("status/fibre", json.dumps(forged))
    assert not is_lost_unless_it_counts(desk, gateway.beat())


def test_one_of_another_path_or_site_is_none_of_this() -> None:
    desk, gateway = met()
    assert is_lost_unless_it_counts(desk, gateway.beat(path="mobile"))
    assert "made for the path mobile" in desk.wrong()[-1].text
    desk.wait(60)
    desk.hear("heartbeat/fibre", gateway.beat(site="lima-01"))
    assert "made for the site lima-01" in desk.wrong()[-1].text
    assert Matter.ALIVE not in desk.matters()
    desk.hear("heartbeat/mobile", gateway.beat(path="mobile"))
    assert Matter.ALIVE in desk.matters()


def test_paths_count_each_on_their_own() -> None:
    desk, gateway = met()
    late = gateway.beat(path="mobile")
    gateway.record(5)
    desk.hear("heartbeat/fibre", gateway.beat())
    desk.wait(60)
    desk.hear("heartbeat/mobile", late)
    assert not desk.wrong(), "the slower path knows of less"
    desk.hear("heartbeat/mobile", late)
    assert [said.matter for said in desk.wrong()] == [Matter.HEARTBEAT_REPLAYED]


def test_a_record_that_has_fewer_events_than_before_was_rolled_back() -> None:
    desk, gateway = met()
    assert is_lost_unless_it_counts(desk, gateway.beat(head=99))
    assert [said.matter for said in desk.wrong()] == [Matter.ROLLED_BACK]
    assert desk.feed.sites[SITE].numbers.head == 100


@pytest.mark.parametrize("boot", [None, "c"])
def test_a_gateway_that_starts_anew_counts_anew_and_its_past_stays_past(boot: str | None) -> None:
    desk, gateway = met()
    gateway.record(1)  # each process records its start
    gateway.run = gateway.head if boot else 0
    past = [gateway.beat() for _ in range(3)] if boot is None else []
    gateway.restart(boot)
    assert not is_lost_unless_it_counts(desk, gateway.beat())
    assert not desk.wrong()
    for beat in past:
        desk.hear("heartbeat/fibre", beat)
    assert [said.matter for said in desk.wrong()] == [Matter.HEARTBEAT_REPLAYED] * len(past)


# A change of the key


def statement(old: Signer, new: Signer) -> str:
    lines = [ORIGIN, "takes on a new key", str(old.verifier), str(new.verifier)]
    return sign("\n".join(lines) + "\n", old, new)


def rotate(desk: Desk, gateway: Signing) -> None:
    told = statement(gateway.signer, NEW)
    gateway.record(1, "system.key_rotated", data={"statement": told})
    gateway.signer = NEW
    desk.hear("event/live", gateway.body(gateway.head))


def test_after_a_change_the_new_key_signs() -> None:
    desk, gateway = met()
    on_its_way = gateway.beat()
    desk.wait(1)
    stolen = Signing(gateway.clock)
    stolen.record(9)
    rotate(desk, gateway)
    desk.hear("heartbeat/fibre", on_its_way)
    assert not desk.wrong()
    assert not is_lost_unless_it_counts(desk, gateway.beat())
    assert not desk.wrong()
    assert is_lost_unless_it_counts(desk, stolen.beat()), "who has stolen the old one has nothing"
    assert [said.matter for said in desk.wrong()] == [Matter.HEARTBEAT_FORGED]
    again = desk.restarted()
    again.wait(16)
    again.hear("heartbeat/fibre", gateway.beat())
    assert not again.wrong()


def test_a_new_key_may_sign_before_it_is_named() -> None:
    desk, gateway = met()
    told = statement(SIGNER, NEW)
    gateway.signer = NEW
    desk.hear("heartbeat/fibre", gateway.beat())
    desk.wait(5)
    desk.hear("status/fibre", gateway.status(rotations=[{"from": 101, "statement": told}]))
    desk.wait(30)
    desk.hear("heartbeat/fibre", gateway.beat())
    desk.wait(80)
    assert not desk.wrong()
    assert Matter.LOST not in desk.matters()


def test_a_record_that_succeeds_another_signs_under_its_own_name() -> None:
    desk, gateway = met()
    gateway.signer = SIGNER.named(f"{ORIGIN}/from-101")
    gateway.record(1)
    assert not is_lost_unless_it_counts(desk, gateway.beat())
    assert not desk.wrong()


# What is held back


def test_who_stores_them_cannot_let_them_out_slowly() -> None:
    desk, gateway = met()
    stored: list[bytes] = []
    for turn in range(40):
        stored.append(gateway.beat())
        desk.wait(30)
        if turn % 2:  # half of them: nobody finds the site lost, and the other half is left over
            desk.hear("heartbeat/fibre", stored.pop(0))
    assert [said.matter for said in desk.wrong()] == [Matter.HEARTBEAT_REPLAYED] * len(desk.wrong())
    assert "was held back for" in desk.wrong()[0].text
    assert Matter.LOST in desk.matters(), "and now the site is cut off"
    assert Matter.ALIVE not in desk.matters()


def test_what_waited_for_us_is_no_lie() -> None:
    desk, gateway = met()
    waited = [gateway.beat()]
    desk.wait(30)
    waited.append(gateway.beat())
    desk.now_s += 200  # our process was stopped, say
    for beat in waited:
        desk.hear("heartbeat/fibre", beat)
    desk.hear("heartbeat/fibre", gateway.beat())
    desk.wait(1)
    assert not desk.wrong()
    assert Matter.LOST not in desk.matters()


def test_who_breaks_our_connection_again_and_again_gains_no_time() -> None:
    desk, gateway = met()
    desk.feed.listening(desk.now_s)
    for _ in range(6):
        desk.wait(29)
        desk.feed.listening(desk.now_s)
    assert Matter.LOST in desk.matters()
    desk.hear("heartbeat/fibre", gateway.beat())
    assert Matter.ALIVE in desk.matters()


@pytest.mark.parametrize("ppm", [-80, 0, 80])
def test_clocks_that_go_apart_make_nothing_late(ppm: int) -> None:
    delay = Delay()
    for now_s in range(0, 90 * 86_400, 600):
        theirs_us = int(now_s * (1_000_000 + ppm))
        assert delay.late_s("b", theirs_us, theirs_us, now_s + 0.2) < 1


def test_both_clocks_must_say_that_it_is_late() -> None:
    for mono_s, wall_s, late_s in (
        (510, 510, 0),
        (510, 0, 0),  # the wall clock was set back
        (10, 510, 0),  # it slept, and its clock with it
        (310, 210, 200),
        (210, 310, 200),
    ):
        delay = Delay()
        assert delay.late_s("b", 10_000_000, 10_000_000, 100.0) == 0
        late = delay.late_s("b", mono_s * 1_000_000, wall_s * 1_000_000, 600.0)
        assert late == pytest.approx(late_s, abs=0.1)
        assert delay.late_s("c", 1, 1, 700.0) == 0, "it has started anew"


# As it was


def test_a_gateway_of_yesterday_counts_and_that_is_said_once(gateway: Gateway) -> None:
    desk = introduced(gateway)
    desk.live(gateway, 300)
    assert not desk.wrong()
    assert Matter.LOST not in desk.matters()
    (said,) = [said for said in desk.said if said.matter is Matter.HEARTBEAT_UNSIGNED]
    assert "who holds the broker" in said.text


def test_a_desk_that_knows_no_key_takes_them_all() -> None:
    desk = Desk()
    gateway = Signing(lambda: desk.now_s)
    desk.hear("heartbeat/fibre", changed(gateway.beat(), signature="— x y"))
    desk.wait(60)
    desk.hear("heartbeat/fibre", changed(gateway.beat(), signature=None))
    desk.wait(60)
    assert not desk.said


def test_a_state_of_yesterday_is_taken_on() -> None:
    desk, gateway = met()
    memory = desk.feed.memory()
    for way in memory["sites"][SITE]["ways"].values():
        del way["signed"]
    again = Desk(kept=memory)
    again.wait(16)
    again.hear("heartbeat/fibre", gateway.beat())
    again.hear("heartbeat/fibre", changed(gateway.beat(), signature=None))
    assert [said.matter for said in again.wrong()] == [Matter.HEARTBEAT_FORGED]


# Everything together


class Besieged(RuleBasedStateMachine):
    """A site, its desk, and between them somebody who keeps, repeats and makes up what he likes.

    The desk finds the site lost exactly when no heartbeat of its own has come in order, in time
    and on its path for 90 s.
    """

    @initialize()
    def begin(self) -> None:
        self.desk, self.gateway = met()
        self.counted_s = self.desk.now_s - 16
        self.stored: list[tuple[str, bytes, float]] = []  # path, heartbeat, when it was made
        self.heard: dict[str, float] = {"fibre": self.counted_s}  # newest by path: when made
        self.least_s = 0.0  # the shortest time that one was on its way
        self.made_s = self.counted_s

    @rule(path=st.sampled_from(["fibre", "mobile"]), kept=st.booleans(), events=st.integers(0, 2))
    def beats(self, path: str, kept: bool, events: int) -> None:
        if self.desk.now_s <= self.made_s:  # two are not made in the same microsecond
            self.desk.wait(1)
        self.gateway.record(events)
        self.made_s = self.desk.now_s
        beat = self.gateway.beat(path=path)
        self.stored.append((path, beat, self.made_s))
        if not kept:
            self._deliver(len(self.stored) - 1, again=False)

    @precondition(lambda self: self.stored)
    @rule(at=st.integers(0, 99), again=st.booleans())
    def lets_one_out(self, at: int, again: bool) -> None:
        self._deliver(at % len(self.stored), again=again)

    def _deliver(self, at: int, *, again: bool) -> None:
        path, beat, made_s = self.stored[at]
        self.desk.hear(f"heartbeat/{path}", beat, again=again)
        if made_s > self.heard.get(path, 0.0):
            delay_s = self.desk.now_s - made_s
            self.least_s = min(self.least_s, delay_s)
            if delay_s - self.least_s <= LATE_S:
                self.heard[path], self.counted_s = made_s, self.desk.now_s

    @precondition(lambda self: self.stored)
    @rule(
        at=st.integers(0, 99),
        how=st.sampled_from(["unsigned", "number", "path", "topic", "retained", "stranger"]),
        again=st.booleans(),
    )
    def lies(self, at: int, how: str, again: bool) -> None:
        path, beat, _ = self.stored[at % len(self.stored)]
        topic, other = f"heartbeat/{path}", "mobile" if path == "fibre" else "fibre"
        match how:
            case "unsigned":
                beat = changed(beat, signature=None, number=10**6, nonce="f" * 16)
            case "number":
                beat = changed(beat, number=10**6, mono=10**14)
            case "path":
                topic, beat = f"heartbeat/{other}", changed(beat, path=other)
            case "topic":
                topic = f"heartbeat/{other}"
            case "stranger":
                said = Heartbeat.model_validate(json.loads(beat) | {"number": 10**6})
                beat = heartbeat.signed(said.model_copy(update={"signature": None}), STRANGER)
        self.desk.hear(topic, beat, again=again, retained=how == "retained")

    @rule(run=st.integers(0, 10**6), started=st.integers(0, 10**6), online=st.booleans())
    def makes_up_a_status(self, run: int, started: int, online: bool) -> None:
        said = json.loads(self.gateway.status(online=online, started=started))
        self.desk.hear("status/fibre", json.dumps(said | ({"run": run} if online else {})))

    @rule()
    def restarts_the_gateway(self) -> None:
        self.gateway.record(1)
        self.gateway.run = self.gateway.head
        self.gateway.restart()

    @rule(seconds=st.integers(1, 100))
    def waits(self, seconds: int) -> None:
        self.desk.wait(seconds)

    @invariant()
    def it_knows(self) -> None:
        late = self.desk.now_s - self.counted_s >= LOST_S
        pulse = self.desk.feed.sites[SITE].pulse
        self.desk.feed.sites[SITE].tick(self.desk.now_s)
        assert pulse.lost == late


Besieged.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestBesieged = Besieged.TestCase
