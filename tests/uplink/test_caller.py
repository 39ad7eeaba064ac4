"""An operator's call over a real broker: every answer is heard, and silence is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.journal.note import Signer
from agent.site.inputs import Condition
from agent.uplink.caller import Unanswered, call
from agent.uplink.commands import SignedCommand
from agent.uplink.feed import CommandAnswer
from agent.uplink.signing import signed, written
from tests.broker import Broker, Subscriber, certificates
from tests.uplink.rig import SITE, on_a_loop, path_to
from tests.uplink.test_desk_over_mqtt import FEED, SEED, DeskRig


def given(site: str = SITE) -> SignedCommand:
    text = signed(written(site, "site.lock_down", {}, 30), Signer("ana", SEED))
    return SignedCommand.model_validate_json(text)


@pytest.mark.parametrize("tls", [False, True])
def test_every_answer_is_heard(tmp_path: Path, tls: bool) -> None:
    made = certificates(tmp_path / "c") if tls else None

    @on_a_loop
    async def asked() -> None:
        with Broker(tmp_path / "b", tls=made) as broker, Subscriber(broker, FEED):
            async with DeskRig(tmp_path / "j", path_to(broker)) as rig:
                rig.uplink.start()
                await rig.condition(Condition.READY)
                heard: list[CommandAnswer] = []
                end = await call(path_to(broker), given(), 10, heard.append)
                assert [answer.state.value for answer in heard] == ["accepted", "done"]
                assert end == heard[-1]

    asked()


@on_a_loop
async def test_a_gateway_that_is_not_there_is_said(tmp_path: Path) -> None:
    elsewhere = given("lima-01")
    with Broker(tmp_path / "b") as broker, pytest.raises(Unanswered, match="no gateway of lima"):
        await call(path_to(broker), elsewhere, 10, lambda _: None)


@on_a_loop
async def test_a_gateway_that_says_nothing_is_said(tmp_path: Path) -> None:
    with Broker(tmp_path / "b") as broker, Subscriber(broker, FEED):
        async with DeskRig(tmp_path / "j", path_to(broker)) as rig:
            rig.uplink.start()
            await rig.condition(Condition.READY)
            rig.obeys = False
            with pytest.raises(Unanswered, match="look before you give it again"):
                await call(path_to(broker), given(), 0.5, lambda _: None)
