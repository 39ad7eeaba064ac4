"""The device half of the site file: what is wired, and what it offers the site half."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from msgspec import Struct
from pydantic import Field

from agent.config.drivers import DAEMON_KEYS, DriverUnusable, InstalledDriver, installed
from agent.config.mistakes import Finding, meant, nearest, shown
from agent.config.places import Path, value_at
from agent.config.shape import Checked, Shape
from agent.site.table import Named
from agent.site.value import replace
from drivers.contract import Claim, Json, Offers, Options


class DeviceSpec(Struct, frozen=True):
    """One `[[device]]`, ready for its host.

    Attributes:
        driver: the driver's name in the file ("gpio").
        entry: what the host runs ("drivers.gpio.driver:GpioDriver").
        options: validated, defaults written out, as the host is sent them.
        supervision_s: without a sign of life for so long, the device is lost.
        behind: its host lets all others go first.
    """

    id: str
    driver: str
    entry: str
    options: Mapping[str, Json]
    offers: Offers
    simulated: bool
    supervision_s: int
    behind: bool = False


class CheckedDevice(Struct, frozen=True):
    """One `[[device]]` and what is wrong with it.

    Attributes:
        id: None where the file gives none that can be one.
        offers: None when that cannot be known.
        doubtful: names of points and outputs that `offers` may lack because their own entries
            are wrong; a reference to them is no second mistake.
        warnings: what may be so on this machine alone.
    """

    id: str | None
    findings: tuple[Finding, ...]
    spec: DeviceSpec | None = None
    offers: Offers | None = None
    doubtful: frozenset[str] = frozenset()
    warnings: tuple[Finding, ...] = ()


class DeviceTable(Named):
    """The keys of a `[[device]]` that are the daemon's."""

    simulated: bool = False
    driver: Annotated[str, Field(min_length=1)]
    # standards.md: EN 50131-1, loss of a device seen in 10 s (grade 4), 100 s (grade 3).
    supervision_s: Annotated[int, Field(ge=2, le=100)] = 10


def check_devices(tables: list[dict[str, Any]]) -> list[CheckedDevice]:
    """Check every `[[device]]` of the file, each on its own and for ids given twice."""
    drivers = installed()
    shape = Shape(DeviceTable)
    devices: list[CheckedDevice] = []
    claimed: dict[str, tuple[str, str]] = {}
    for number, table in enumerate(tables):
        device = _DeviceCheck(("device", number), table, shape, drivers, claimed).checked()
        if device.id is not None and device.id in {before.id for before in devices}:
            twice = Finding(
                ("device", number, "id"), shown(device.id), "write another id: a device has it"
            )
            device = CheckedDevice(
                device.id, (*device.findings, twice), None, device.offers, device.doubtful
            )
        devices.append(device)
    return devices


class _DeviceCheck:
    """The check of one table.

    Args:
        at: where it stands.
        table: as it is written.
        shape: of what is the daemon's.
        drivers: that there are.
        claimed: by wire, which device before it has it, and as which bus; more is put in.
    """

    def __init__(
        self,
        at: Path,
        table: dict[str, Any],
        shape: Shape[DeviceTable],
        drivers: Mapping[str, InstalledDriver],
        claimed: dict[str, tuple[str, str]],
    ) -> None:
        self._at = at
        self._claimed = claimed
        self._drivers = drivers
        own = _own_keys(table, drivers)
        self._own = shape.check({k: v for k, v in table.items() if k in own}, at)
        self._rest = {k: v for k, v in table.items() if k not in own}

    def checked(self) -> CheckedDevice:
        own = self._own.value
        if own is None or (*self._at, "driver") in self._own.mended:
            return CheckedDevice(self._id(), self._own.findings)
        try:
            driver = self._driver(own.driver)
            options = driver.options.check(self._rest, self._at)
        except DriverUnusable as error:
            return CheckedDevice(self._id(), (*self._own.findings, self._wrong_driver(error)))
        findings = (*self._own.findings, *options.findings, *self._beyond_fields(options))
        missing = list(self._missing(own.driver, driver, options))
        # What goes by how it is wired, the gateway needs and not who checks its file elsewhere.
        findings += tuple(one for one in missing if one.path[-1] == "driver")
        warnings = tuple(one for one in missing if one.path[-1] != "driver")
        return replace(self._with(own, driver, options, findings), warnings=warnings)

    def _id(self) -> str | None:
        own = self._own
        return own.value.id if own.value and (*self._at, "id") not in own.mended else None

    def _driver(self, name: str) -> InstalledDriver:
        if name not in self._drivers:
            known = f"the drivers here are: {', '.join(sorted(self._drivers))}"
            raise DriverUnusable(meant(name, self._drivers, known))
        return self._drivers[name]

    def _wrong_driver(self, remedy: object) -> Finding:
        found = shown(self._own.value.driver if self._own.value else None)
        return Finding((*self._at, "driver"), found, str(remedy))

    def _missing(
        self, name: str, driver: InstalledDriver, options: Checked[Options]
    ) -> Iterator[Finding]:
        """Yield what is not installed here; what a mended key would ask for is not."""
        if options.value is None:
            return
        for key, remedy in driver.missing(options.value.offers()):
            if not options.is_doubtful((*self._at, key)):
                found = shown(name if key == "driver" else self._rest.get(key))
                yield Finding((*self._at, key), found, remedy)

    def _with(
        self,
        own: DeviceTable,
        driver: InstalledDriver,
        options: Checked[Options],
        findings: tuple[Finding, ...],
    ) -> CheckedDevice:
        if options.value is None:
            return CheckedDevice(self._id(), findings)
        offers = options.value.offers()
        spec = DeviceSpec(
            id=own.id,
            driver=own.driver,
            entry=driver.value,
            options=options.data,
            offers=offers,
            simulated=own.simulated,
            supervision_s=own.supervision_s,
            behind=driver.behind,
        )
        doubtful = self._doubtful(options)
        if doubtful is None:
            return CheckedDevice(self._id(), findings)
        return CheckedDevice(self._id(), findings, None if findings else spec, offers, doubtful)

    def _beyond_fields(self, options: Checked[Options]) -> Iterator[Finding]:
        if options.value is None:
            return
        for mistake in options.value.mistakes():
            path, by = self._path(mistake.key), map(self._path, mistake.by)
            if not options.is_doubtful(path, mistake.remedy, by):
                yield Finding(path, mistake.found, mistake.remedy)
        for claim in options.value.offers().claims:
            if not options.is_doubtful(self._path(claim.key), "", map(self._path, claim.by)):
                yield from self._taken(claim)

    def _path(self, key: str) -> Path:
        return (*self._at, *key.split("."))

    def _taken(self, claim: Claim) -> Iterator[Finding]:
        """Yield a wire that a device before this one has for itself."""
        mine = self._id() or "another device", claim.bus
        owner, bus = self._claimed.setdefault(claim.wire, mine)
        if owner != mine[0] and not (bus and bus == claim.bus):
            found = f"{claim.wire}, which {owner} uses"
            remedy = f"wire it elsewhere, or take it from {owner}"
            yield Finding(self._path(claim.key), found, remedy)

    def _doubtful(self, options: Checked[Options]) -> frozenset[str] | None:
        """Return the names that mended entries may have offered; None: any may be."""
        names: set[str] = set()
        for path in options.mended | options.misspelt:
            key, *inner = path[len(self._at) :]
            whole = options.data.get(key)
            # A list says as a whole what is offered, and so does a table that was not one.
            if isinstance(whole, list) or (
                isinstance(whole, dict) and not inner and path in options.mended
            ):
                return None
            names.update(map(str, inner))
            names.update(_keys(value_at(self._rest, (key, *inner))))
        return frozenset(names)


def _own_keys(table: dict[str, Any], drivers: Mapping[str, InstalledDriver]) -> set[str]:
    """Return which keys of a table are the daemon's, a misspelt `id` or `driver` among them."""
    own = {*DAEMON_KEYS}
    if absent := [key for key in ("id", "driver") if key not in table]:
        others = table.keys() - own - {*_option_keys(table.get("driver"), drivers)}
        own |= {near for key in absent if (near := nearest(key, others))}
    return own


def _option_keys(name: Any, drivers: Mapping[str, InstalledDriver]) -> list[str]:
    driver = drivers.get(name) if isinstance(name, str) else None
    try:
        return driver.options.keys() if driver else []
    except DriverUnusable:
        return []


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _keys(inner)
