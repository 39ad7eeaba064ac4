"""The site file: TOML to frozen typed models, with every mistake told at once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Protocol

from msgspec import Struct, field
from pydantic import Field

from agent.config.devices import CheckedDevice, DeviceSpec, check_devices
from agent.config.document import Document, read
from agent.config.mistakes import Finding, SiteFileMistake, SiteFileMistakes, meant
from agent.config.places import Path as Key
from agent.config.places import Places, value_at
from agent.config.references import check_references, slots_that_show_no_cut
from agent.config.shape import Checked, Shape
from agent.journal.policy import RecordOptions
from agent.site.plan import Plan
from agent.site.table import Mistake, Reference, Table
from agent.site.value import replace
from agent.uplink import operators
from agent.uplink import options as uplink_options
from agent.uplink.operators import OperatorOptions
from agent.uplink.options import PathOptions

PLAIN = re.compile(r"[\w -]+")  # what is shown as it is, of names that a person may have chosen


class SiteFile(Struct, frozen=True):
    """A site file without a mistake.

    Attributes:
        plan: what the wired things mean.
        devices: what is wired.
        paths: the ways to the monitor, in order of preference.
        operators: who may give commands there.
        record: how long what happened is kept.
        warnings: what works, and should still be otherwise.
    """

    plan: Plan
    devices: tuple[DeviceSpec, ...]
    paths: tuple[PathOptions, ...]
    operators: tuple[OperatorOptions, ...] = ()
    record: RecordOptions = field(default_factory=RecordOptions)
    warnings: tuple[SiteFileMistake, ...] = ()

    def digest(self) -> str:
        """Return the SHA-256 of everything that the file says, however it is written down."""
        others = OtherTables.model_construct(
            path=self.paths, operator=self.operators, record=self.record
        ).model_dump(mode="json")
        whole = {
            "plan": self.plan.model_dump(mode="json"),
            "devices": [[d.id, d.driver, dict(d.options), d.supervision_s] for d in self.devices],
            "paths": others["path"],
            "operators": others["operator"],
            "record": others["record"],
        }
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


class Doubtful(Protocol):
    """What is wrong with a file that a path names; see `agent.uplink.doubts`."""

    @property
    def key(self) -> tuple[str, ...]: ...

    @property
    def found(self) -> str: ...

    @property
    def remedy(self) -> str: ...

    @property
    def certain(self) -> bool: ...


class OtherTables(Table):
    """The tables of a file that are the record's and the uplink's."""

    path: Annotated[tuple[PathOptions, ...], Field(strict=False)] = ()
    operator: Annotated[tuple[OperatorOptions, ...], Field(strict=False)] = ()
    record: RecordOptions = RecordOptions()


def load(
    path: Path, doubts: Callable[[PathOptions], Iterable[Doubtful]] = lambda _: ()
) -> SiteFile:
    """Read and check a site file.

    Args:
        path: the file.
        doubts: looks at the files that a path of the site file names.

    Raises:
        SiteFileMistakes: everything that is wrong with it.
    """
    return checked(path, read(path), doubts)


def checked(
    path: Path,
    document: Document,
    doubts: Callable[[PathOptions], Iterable[Doubtful]] = lambda _: (),
) -> SiteFile:
    """Check a site file that is read already; see `load`."""
    check = _Check(document.tree)
    if findings := check.findings():
        raise SiteFileMistakes(_placed(path, document, findings))
    file = check.site_file()
    named = [
        (one.certain, Finding(("path", place, *one.key), one.found, one.remedy))
        for place, options in enumerate(file.paths)
        for one in doubts(options)
    ]
    if certain := [finding for certain, finding in named if certain]:
        raise SiteFileMistakes(_placed(path, document, certain))
    warnings = [*check.warnings(), *(finding for _, finding in named)]
    return replace(file, warnings=tuple(_placed(path, document, warnings)))


def _placed(path: Path, document: Document, findings: list[Finding]) -> list[SiteFileMistake]:
    """Give findings their lines, in the order of the file."""
    if not findings:
        return []
    places = Places(document.text)
    mistakes = {
        SiteFileMistake(
            path, places.line(one.path), _key(document.tree, one.path), one.found, one.remedy
        )
        for one in findings
    }
    return sorted(mistakes, key=lambda one: (one.line, one.key, one.found))


class _Check:
    """The check of one document, part by part."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self._tree = tree
        tables = tree.get("device", ())
        are_tables = isinstance(tables, list) and all(isinstance(one, dict) for one in tables)
        self._devices: list[CheckedDevice] = check_devices(tables) if are_tables else []
        self._plan: Checked[Plan] = Shape(Plan, beside=OtherTables.model_fields).check(
            {key: value for key, value in tree.items() if key not in OtherTables.model_fields}
            | ({"device": self._known_devices()} if are_tables else {})
        )
        self._misplaced = frozenset(_ids(value_at(tree, path) for path in self._whole_tables()))
        self._others = Shape(OtherTables).check(
            {key: tree[key] for key in OtherTables.model_fields if key in tree}
        )

    def _known_devices(self) -> list[dict[str, Any]]:
        return [
            {
                "id": spec.id,
                "simulated": spec.simulated,
                "reads_fingers": "finger" in spec.offers.readers,
            }
            for spec in (device.spec for device in self._devices)
            if spec
        ]

    def _whole_tables(self) -> list[Key]:
        """Return the tables that are not what they should be, or whose name is misspelt."""
        return [path for path in self._plan.mended if len(path) == 1]

    def findings(self) -> list[Finding]:
        return [
            *(finding for device in self._devices for finding in device.findings),
            *self._plan.findings,
            *self._across_the_plan(),
            *self._references(),
            *self._others.findings,
            *self._across_the_uplink(),
        ]

    def _across_the_plan(self) -> Iterator[Finding]:
        if (plan := self._plan.value) is None:
            return
        for mistake in plan.mistakes():
            doubtful = self._plan.is_doubtful(mistake.key, mistake.remedy, mistake.by)
            said = self._is_said(mistake.key, mistake.found)
            if not doubtful and said and not self._is_unsure(mistake):
                remedy = meant(mistake.found, mistake.fits, mistake.remedy)
                yield Finding(mistake.key, mistake.found, remedy)

    def _is_unsure(self, mistake: Mistake) -> bool:
        """Whether what is named may well be there, in a table that is itself mistaken."""
        if not mistake.nouns:
            return False
        mended = self._plan.mended
        there = [path for path in mended if path[0] in mistake.nouns and len(path) > 1]
        nameless = (*mistake.key[:2], "id") in mended or any(p[2:] == ("id",) for p in there)
        unsure = {*self._misplaced, *_ids(value_at(self._tree, path[:2]) for path in there)}
        return nameless or mistake.found in unsure

    def _references(self) -> Iterator[Finding]:
        if (plan := self._plan.value) is None or ("device",) in self._plan.mended:
            return
        said = [
            self._asked_for_sure(one)
            for one in plan.references()
            if not self._plan.is_doubtful(one.key)
            and self._is_said(one.key, one.ref)
            and one.ref.partition(".")[0] not in self._misplaced
        ]
        yield from check_references(said, self._devices)

    def _asked_for_sure(self, one: Reference) -> Reference:
        """Leave out what would be asked of it because of keys that are themselves mistaken."""
        by = ((*one.key[:-1], key) for key in one.by)
        unsure = any(map(self._plan.is_mended, by))
        return Reference(one.key, one.kind, one.ref) if unsure else one

    def _is_said(self, key: Key, value: str) -> bool:
        """Whether a value stands at a key in the file, where part of what is there was mended."""
        in_part = any(path[: len(key)] == key for path in self._plan.mended - {key})
        there = value_at(self._tree, key)
        return not in_part or (isinstance(there, list | dict) and value in there)

    def _across_the_uplink(self) -> Iterator[Finding]:
        if (tables := self._others.value) is None:
            return
        found = {
            "path": uplink_options.mistakes(tables.path),
            "operator": operators.mistakes(tables.operator),
        }
        for noun, mistakes in found.items():
            for mistake in mistakes:
                key, by = (noun, *mistake.key), [(noun, *one) for one in mistake.by]
                if not self._others.is_doubtful(key, mistake.remedy, by):
                    yield Finding(key, mistake.found, mistake.remedy)

    def warnings(self) -> list[Finding]:
        """Return what is no mistake; to be called when nothing was found."""
        if (plan := self._plan.value) is None:
            return []
        given = [Finding(one.key, one.found, one.remedy) for one in plan.warnings()]
        machine = (one for device in self._devices for one in device.warnings)
        return [*machine, *given, *slots_that_show_no_cut(plan.references(), self._devices)]

    def site_file(self) -> SiteFile:
        """Return what was checked; to be called when nothing was found."""
        assert self._plan.value is not None  # noqa: S101 - nothing was found
        assert self._others.value is not None  # noqa: S101
        specs = tuple(device.spec for device in self._devices if device.spec)
        others = self._others.value
        return SiteFile(self._plan.value, specs, others.path, others.operator, others.record)


def _key(tree: Mapping[str, Any], path: Key) -> str:
    """Write a path as a person would: a table of several by its id, or by its number from 1."""
    words = []
    for length, step in enumerate(path, 1):
        inside = value_at(tree, path[:length])
        name = inside.get("id") if isinstance(inside, dict) else None
        if isinstance(step, str):
            words.append(f".{step if PLAIN.fullmatch(step) else json.dumps(step)}")
        elif isinstance(name, str) and PLAIN.fullmatch(name):
            words.append(f".{name}")
        else:
            words.append(f"[{step + 1}]")
    return "".join(words).removeprefix(".")


def _ids(tables: Iterable[Any]) -> Iterator[str]:
    """Yield the ids in tables, or in lists of them."""
    for table in tables:
        if isinstance(table, list):
            yield from _ids(table)
        elif isinstance(table, dict) and isinstance(table.get("id"), str):
            yield table["id"]
