"""What a person may be given to be known by: a finger's place, a card, a PIN.

What somebody has is nobody else's. A mistyped PIN must not call for help, nor the other way
round: a duress PIN keeps away from every PIN, counted as numbers, however many digits each has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from agent.site.commands import CredentialGiven, Refused
from agent.site.person import Credential

if TYPE_CHECKING:
    from agent.site.house import House

POSITION = re.compile(r"0|[1-9][0-9]{0,3}")  # as a reader tells it; it writes no 01
PIN = re.compile(r"[0-9]{6,12}")
PIN_DIGITS = range(6, 13)
PIN_APART = 10


def taken(
    house: House,
    person: str,
    given: Sequence[CredentialGiven],
    kept: Sequence[Credential] = (),
) -> tuple[Credential, ...]:
    """Return what somebody is given as it is kept, beside what they keep.

    Raises:
        Refused: one of them is not what it should be, or is somebody else's.
    """
    for one in given:
        _check(house, person, one)
    for one in given:
        if one.kind == "pin":
            _check_apart(house, person, one, given, kept)
    if len({(one.kind, one.reference) for one in given}) < len(given):
        raise Refused("given-twice")
    keep = house.people.keep
    return tuple(Credential(one.kind, keep(one.kind, one.reference), one.duress) for one in given)


def _check(house: House, person: str, one: CredentialGiven) -> None:
    if one.kind == "finger":
        device, _, position = one.reference.partition(":")
        if device not in _finger_readers(house) or not POSITION.fullmatch(position):
            raise Refused("bad-finger")
    if one.kind == "pin" and not PIN.fullmatch(one.reference):
        raise Refused("bad-pin")
    owner = house.people.owner(one.kind, one.reference)
    if owner and owner.person.id != person:
        raise Refused("already-enrolled")


def _finger_readers(house: House) -> frozenset[str]:
    """Return the readers of fingers, also those at no door."""
    return frozenset(device.id for device in house.plan.device if device.reads_fingers)


def _check_apart(
    house: House,
    person: str,
    pin: CredentialGiven,
    given: Sequence[CredentialGiven],
    kept: Sequence[Credential],
) -> None:
    others = (one for one in given if one is not pin and one.kind == "pin")
    if pin.duress and any(_near(pin.reference, other.reference) for other in others):
        raise Refused("pin-too-close")
    for number in _around(pin.reference):
        owner = house.people.owner("pin", number)
        stays = owner and (owner.person.id != person or owner.credential in kept)
        if owner and stays and (pin.duress or owner.credential.duress):
            raise Refused("pin-too-close")


def _near(one: str, other: str) -> bool:
    return abs(int(one) - int(other)) <= PIN_APART


def _around(pin: str) -> Iterator[str]:
    """Yield every PIN that is as good as this one, itself included."""
    for number in range(max(0, int(pin) - PIN_APART), int(pin) + PIN_APART + 1):
        yield from (f"{number:0{digits}}" for digits in PIN_DIGITS if number < 10**digits)
