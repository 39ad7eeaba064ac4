"""A siren that is wired, asked to sound, and still: said by the real daemon, over real wires."""

from __future__ import annotations

from collections.abc import Callable

from tests.system.house import House

HEARD = 16  # the pin of a microphone's contact, closed while the siren is still


def test_a_siren_that_does_not_sound_is_told(
    make_house: Callable[[str], House], blind_text: str
) -> None:
    siren = 'output = "board.siren"\n'
    assert siren in blind_text
    text = blind_text.replace(siren, f'{siren}readback = "board.siren-heard"\n', 1)
    heard = f'siren-heard = {{ pin = {HEARD}, pull = "up" }}\n'
    house = make_house(text.replace("[device.inputs]\n", f"[device.inputs]\n{heard}", 1))
    house.start()
    house.armoury("simulate", "open", "store")
    raised = house.wait_for(kind="door.forced")
    fault = house.wait_for(kind="device.faulted", object="board", reason="siren: readback-off")
    assert fault["mono"] - raised["mono"] < 5_000_000
    assert house.pin(24)["history"][-1][1] == 1  # it was switched on all the same
