"""Whose record it is: keys that change, strangers' keys, records that succeed each other."""

from __future__ import annotations

import pytest

from agent.journal.note import Signer, sign
from agent.monitor.said import Matter
from tests.monitor.gateway import (
    ORIGIN,
    SIGNER,
    SITE,
    Desk,
    Gateway,
    deliver,
    introduced,
)


def rotated(gateway: Gateway, new: Signer, by: Signer = SIGNER) -> str:
    """Have another key take over with the gateway's next event; return its statement."""
    lines = [ORIGIN, "takes on a new key", str(by.verifier), str(new.verifier)]
    statement = sign("\n".join(lines) + "\n", by, new)
    gateway.record(1, "system.key_rotated", data={"statement": statement})
    gateway.signer = new
    return statement


@pytest.mark.parametrize("first", ["event", "checkpoint", "birth"])
def test_a_key_that_the_old_one_names_is_followed(gateway: Gateway, first: str) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.serve(gateway)
    before = gateway.checkpoint()
    statement = rotated(gateway, Signer(ORIGIN, bytes(32)))
    if first == "event":
        deliver(desk, gateway, [101])
    if first == "birth":
        told = [{"from": 101, "statement": statement}]
        desk.hear("status/fibre", gateway.status(rotations=told))
    desk.hear("checkpoint", gateway.checkpoint())
    desk.hear("checkpoint", before)
    deliver(desk, gateway, [101])
    desk.serve(gateway)
    desk.wait(70)
    desk.hear("status/fibre", gateway.status())
    assert desk.feed.sites[SITE].leafage.proven == 101
    assert not desk.wrong()
    assert Matter.KEY_ROTATED in desk.matters()
    again = desk.restarted(keys={SITE: SIGNER.verifier})
    gateway.record(5)
    deliver(again, gateway, range(102, 107))
    again.hear("checkpoint", gateway.checkpoint())
    again.serve(gateway)
    assert again.feed.sites[SITE].leafage.proven == 106
    assert not again.wrong()


@pytest.mark.parametrize("known", ["the old one", "the new one"])
def test_either_key_alone_leads_to_the_other(gateway: Gateway, known: str) -> None:
    new = Signer(ORIGIN, bytes(32))
    statement = rotated(gateway, new)
    given = SIGNER if known == "the old one" else new
    desk = Desk(first=1, keys={SITE: given.verifier})
    told = [{"from": 101, "statement": statement}]
    desk.hear("status/fibre", gateway.status(rotations=told))
    deliver(desk, gateway, range(1, 102))
    desk.hear("checkpoint", gateway.checkpoint())
    desk.serve(gateway)
    desk.wait(70)
    assert desk.feed.sites[SITE].leafage.proven == 101
    assert not desk.wrong()


def test_the_old_key_signs_nothing_new(gateway: Gateway) -> None:
    desk = introduced(gateway)
    rotated(gateway, Signer(ORIGIN, bytes(32)))
    deliver(desk, gateway, [101])
    gateway.signer = SIGNER
    desk.hear("checkpoint", gateway.checkpoint())
    assert [said.matter for said in desk.wrong()] == [Matter.SIGNATURE_FALSE]
    kept = desk.feed.sites[SITE].witness.kept
    assert kept is not None
    assert kept.size == 100


def test_a_key_that_nobody_names_is_refused(gateway: Gateway) -> None:
    desk = introduced(gateway)
    new, other = Signer(ORIGIN, bytes(32)), Signer(ORIGIN, bytes([7] * 32))
    rotated(gateway, new, by=other)
    deliver(desk, gateway, [101])
    assert [said.matter for said in desk.wrong()] == [Matter.KEY_CHANGED]
    gateway.record(1, "system.key_rotated", data={"statement": "x"})
    deliver(desk, gateway, [102])
    assert [said.matter for said in desk.wrong()] == [Matter.KEY_CHANGED] * 2
    assert desk.feed.sites[SITE].witness.keyring.keys == [(1, SIGNER.verifier)]


def test_another_key_is_said_once_and_not_believed(gateway: Gateway) -> None:
    desk = introduced(gateway)
    stranger = Gateway(signer=Signer(ORIGIN, bytes(32)))
    desk.hear("status/fibre", stranger.status())
    desk.hear("status/fibre", stranger.status())
    assert [said.matter for said in desk.wrong()] == [Matter.KEY_CHANGED]
    assert desk.feed.sites[SITE].witness.keyring.keys == [(1, SIGNER.verifier)]


def test_a_key_that_is_given_is_the_only_one(gateway: Gateway) -> None:
    other = Signer(ORIGIN, bytes(32)).verifier
    desk = introduced(gateway, keys={SITE: other})
    desk.wait(61)
    assert [said.matter for said in desk.wrong()] == [Matter.KEY_CHANGED, Matter.SIGNATURE_FALSE]
    well = introduced(gateway, keys={SITE: SIGNER.verifier})
    assert Matter.KEY_PINNED not in well.matters()
    assert not well.wrong()


def test_another_sites_key_is_refused() -> None:
    stranger = Gateway(signer=Signer("armoury/lima-01", bytes(32)))
    desk = introduced(stranger)
    assert [said.matter for said in desk.wrong()] == [Matter.KEY_CHANGED]


def test_a_record_that_succeeds_another_is_told_with_its_reason(gateway: Gateway) -> None:
    desk = introduced(gateway)
    deliver(desk, gateway, range(1, 101))
    desk.serve(gateway)
    new = Gateway(first=1101, signer=SIGNER.named(f"{ORIGIN}/from-1101"))
    new.record(20)
    desk.hear("status/fibre", new.status(statement=new.statement(gateway)))
    desk.hear("checkpoint", new.checkpoint())
    assert [said.matter for said in desk.wrong()] == [Matter.SUCCEEDED]
    assert "it was damaged" in desk.wrong()[0].text
    deliver(desk, new, range(1101, 1121))
    desk.hear("heartbeat/fibre", new.beat())
    desk.serve(new)
    assert desk.feed.sites[SITE].leafage.proven == 1120
    assert len(desk.wrong()) == 1
    desk.hear("checkpoint", gateway.checkpoint())
    assert desk.wrong()[-1].matter is Matter.ROLLED_BACK


def test_of_a_record_before_the_signed_one_nothing_can_be_proved(gateway: Gateway) -> None:
    new = Gateway(first=1101, signer=SIGNER.named(f"{ORIGIN}/from-1101"))
    new.record(20)
    desk = Desk(first=1)
    desk.hear("status/fibre", new.status(statement=new.statement(gateway)), retained=True)
    deliver(desk, gateway, [99, 100])  # taken over, for they had not been delivered
    desk.hear("checkpoint", new.checkpoint(), retained=True)
    deliver(desk, new, range(1101, 1121))
    desk.live(new, 300)
    assert desk.feed.sites[SITE].complete
    assert not desk.wrong()
    (said,) = [said for said in desk.said if said.matter is Matter.UNPROVABLE]
    assert said.data == {"ranges": [[99, 100]]}
    desk = desk.restarted()
    desk.live(new, 60)
    assert desk.feed.sites[SITE].complete
    desk.hear("event/alarm", gateway.body(50))
    assert Matter.UNPROVABLE in desk.matters()


@pytest.mark.parametrize(
    ("size", "altered", "words"),
    [(60, False, "does not know of the events 61 to 100"), (100, True, "another past")],
)
def test_a_successor_that_forgets_is_told_so(
    gateway: Gateway, size: int, altered: bool, words: str
) -> None:
    desk = introduced(gateway)
    new = Gateway(first=1101, signer=SIGNER.named(f"{ORIGIN}/from-1101"))
    new.record(1)
    if altered:
        gateway.bodies[5] = gateway.bodies[6]
    desk.hear("status/fibre", new.status(statement=new.statement(gateway, size)))
    desk.hear("checkpoint", new.checkpoint())
    assert words in desk.wrong()[0].text


def test_a_successor_without_a_statement_is_told_so(gateway: Gateway) -> None:
    desk = introduced(gateway)
    new = Gateway(first=1101, signer=SIGNER.named(f"{ORIGIN}/from-1101"))
    new.record(1)
    desk.hear("checkpoint", new.checkpoint())
    assert "nothing that is signed says why" in desk.wrong()[0].text
