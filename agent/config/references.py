"""Whether what the site half refers to is offered by the device half."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from agent.config.devices import CheckedDevice
from agent.config.mistakes import Finding, meant, shown
from agent.site.plan import Reference
from drivers.contract import Offers

_Devices: TypeAlias = Mapping[str, CheckedDevice]


def check_references(
    references: Sequence[Reference], devices: Sequence[CheckedDevice]
) -> Iterator[Finding]:
    """Yield what no device offers.

    A device that is not in the file is told once, however often it is referred to. What cannot
    be known, because a device's own table is wrong, is not told at all.
    """
    by_id = {device.id: device for device in reversed(devices) if device.id is not None}
    named = all(device.id is not None for device in devices)
    yield from _absent(references, by_id) if named else ()
    for reference in references:
        device = by_id.get(_device(reference))
        if device is not None and device.offers is not None:
            yield from _not_offered(reference, device, by_id)
            yield from _not_able(reference, device, device.offers)
            yield from _not_supervised(reference, device)
    yield from _not_read(references, by_id)


def slots_that_show_no_cut(
    references: Iterable[Reference], devices: Sequence[CheckedDevice]
) -> Iterator[Finding]:
    """Yield the slots of racks whose cut wire may look like a weapon."""
    loops = {device.id: device.offers.loops for device in devices if device.offers}
    for one in references:
        device, _, name = one.ref.partition(".")
        if one.key[0] == "rack" and loops.get(device, {}).get(name) == "none":
            found = f"{shown(one.ref)}, where a cut wire may look like what stands there"
            yield Finding(one.key, found, "a contact that is closed while it stands there")


def _device(reference: Reference) -> str:
    return reference.ref.partition(".")[0]


def _absent(references: Sequence[Reference], devices: _Devices) -> Iterator[Finding]:
    absent = Counter(_device(one) for one in references if _device(one) not in devices)
    for device, times in absent.items():
        first = next(one for one in references if _device(one) == device)
        add = f'add a [[device]] with id = "{device}"'
        remedy = meant(first.ref, _all_offered(first.kind, devices), add)
        more = f" (and {times - 1} more keys name it)" if times > 1 else ""
        yield Finding(first.key, f"{shown(first.ref)}, of no device{more}", remedy)


def _not_offered(
    reference: Reference, device: CheckedDevice, devices: _Devices
) -> Iterator[Finding]:
    here = _offered(reference.kind, device)
    if reference.ref in here or reference.ref.partition(".")[2] in device.doubtful:
        return
    known = here or _all_offered(reference.kind, devices)
    otherwise = f"there are these {reference.kind}s: {', '.join(sorted(known))}"
    if not known:
        otherwise = "add a [[device]] that offers one"
    yield Finding(
        reference.key,
        f"{shown(reference.ref)}, which is no {reference.kind}",
        meant(reference.ref, known, otherwise),
    )


def _not_able(reference: Reference, device: CheckedDevice, offers: Offers) -> Iterator[Finding]:
    """Yield what an output cannot do that will be asked of it."""
    name = reference.ref.partition(".")[2]
    if reference.kind != "output" or name in device.doubtful:
        return
    longest_s = offers.longest_s.get(name)
    if longest_s is not None and reference.always_on:
        yield Finding(
            reference.key,
            f"{shown(reference.ref)}, which may be on for {longest_s} s",
            "leave max_on_s out there, and say what it is of a kind without a limit: it stays on",
        )
    elif longest_s is not None and longest_s < reference.on_s:
        yield Finding(
            reference.key,
            f"{shown(reference.ref)}, which may be on for {longest_s} s",
            f"give that output max_on_s = {reference.on_s} or more: it is asked to be on so long",
        )
    if reference.fails_off and name in offers.fails_on:
        yield Finding(
            reference.key,
            f"{shown(reference.ref)}, which is on in its fail state",
            'write fail_state = "off" there: it would be on whenever the gateway is not',
        )
    if reference.opens and name in offers.boots_on:
        yield Finding(
            reference.key,
            f"{shown(reference.ref)}, which is on at every start of the machine",
            "move it to a pin from 9 on, or make it active low: the door would be open until then",
        )


def _not_supervised(reference: Reference, device: CheckedDevice) -> Iterator[Finding]:
    """Yield a point whose wire can be cut without anybody being told, unless that is accepted."""
    name, wanted = reference.ref.partition(".")[2], reference.supervision
    if device.offers is None or name not in device.offers.points or name in device.doubtful:
        return
    shows = device.offers.loops.get(name)
    if shows is None and wanted == "eol":
        found = f"{shown(reference.ref)}, which comes over no line with resistors"
        yield Finding(reference.key, found, 'write supervision = "none"')
    if shows is None or wanted in (None, "none", shows) or (wanted, shows) == ("nc", "eol"):
        return
    if shows == "none":
        found = f"{shown(reference.ref)}, where a cut wire shows nothing"
        remedy = 'wire it normally closed, or accept that: supervision = "none"'
    else:
        found = (
            f"{shown(reference.ref)}, where a cut wire shows as an alarm and not as its own state"
        )
        remedy = f'write supervision = "{shows}"'
    yield Finding(reference.key, found, remedy)


def _not_read(references: Sequence[Reference], devices: _Devices) -> Iterator[Finding]:
    """Yield where the readers of one key together do not read what a person must present."""
    for key in dict.fromkeys(one.key for one in references if one.kind == "reader"):
        readers = [one for one in references if one.key == key]
        offers = [device.offers for one in readers if (device := devices.get(one.ref))]
        known = [one.readers for one in offers if one is not None]
        if len(known) < len(readers) or not all(known):
            continue  # already told, or not to be known
        read = frozenset().union(*known)
        if lacking := sorted(readers[0].needs - read):
            names = ", ".join(one.ref for one in readers)
            yield Finding(
                key,
                f"{names}, reading {' and '.join(sorted(read))}",
                f"add a reader of {' and '.join(lacking)}, or leave it out of factors",
            )


def _offered(kind: str, device: CheckedDevice) -> frozenset[str]:
    """Return what a device offers of a kind, by the names that the site half uses."""
    offers = device.offers or Offers()
    names = {"point": offers.points, "output": offers.outputs}
    if kind in names:
        return frozenset(f"{device.id}.{name}" for name in names[kind])
    offered = offers.picture if kind == "camera" else bool(offers.readers)
    return frozenset([str(device.id)] if offered else [])


def _all_offered(kind: str, devices: _Devices) -> frozenset[str]:
    return frozenset[str]().union(*(_offered(kind, device) for device in devices.values()))
