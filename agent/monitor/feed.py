"""The feeds of one site or many, and what is kept of them over a restart of ours. Pure."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import astuple

from agent.journal.note import NoteRefused, Verifier
from agent.journal.ranges import Ranges
from agent.monitor import heard
from agent.monitor.keyring import Keyring
from agent.monitor.leafage import Leafage
from agent.monitor.numbers import Numbers
from agent.monitor.pulse import RECENT_MOST, Mark, Pulse, Way
from agent.monitor.said import Ask, Said
from agent.monitor.site import SiteFeed
from agent.monitor.witness import Witness

SITES_MOST = 1000
DIGESTS_MOST = 2000
KNOWN_MOST = 16
VERSION = 1
REMEDY = "move it away to begin anew, with the key and the checkpoint that come then"


class MemoryUnusable(Exception):
    """What was kept cannot be understood; the text says what to do."""


class Feed:
    """Every site that is heard of, or the ones that were asked for.

    Attributes:
        sites: by their id.

    Args:
        now_s: since when we listen; of a clock that only goes forward.
        wanted: only these sites; none: every one that is heard of.
        keys: the record's public key by site, where it is known beforehand.
        first: number from which on every event is wanted; None: from now on, or from where an
            earlier run began. That is never given up for a later one.
        kept: what `memory` returned at the end of an earlier run.

    Raises:
        MemoryUnusable: `kept` is not that.
    """

    def __init__(
        self,
        now_s: float,
        wanted: tuple[str, ...] = (),
        keys: Mapping[str, Verifier] | None = None,
        first: int | None = None,
        kept: Mapping[str, Any] | None = None,
    ) -> None:
        self.sites: dict[str, SiteFeed] = {}
        self._wanted = wanted
        self._keys = keys or {}
        self._first = first
        self._began_s = now_s
        for site, memory in _sites_of(kept):
            if not wanted or site in wanted:
                self.sites[site] = self._remembered(site, memory)
        for site in wanted:
            self._site(site)

    def take(
        self,
        topic: str,
        payload: bytes,
        now_s: float,
        *,
        retained: bool = False,
        again: bool = False,
    ) -> Iterator[Said]:
        """Take one message, whatever it holds; what is of no site's feed is let pass.

        Args:
            topic: as published.
            payload: as published.
            now_s: the present.
            retained: the broker had kept it.
            again: the broker may have delivered it before.
        """
        said = heard.heard(topic, payload, retained=retained, again=again)
        if said is not None and (site := self._site(said.site)):
            yield from site.take(said, now_s)

    def tick(self, now_s: float) -> Iterator[Said]:
        """Say what time alone brings; once a second is enough."""
        for site in self.sites.values():
            yield from site.tick(now_s)

    def asks(self, now_s: float) -> Iterator[Ask]:
        """Return what is to be published now, each once."""
        for site in self.sites.values():
            yield from site.asks(now_s)

    def listening(self, now_s: float) -> None:
        """Our own connection is there again."""
        for site in self.sites.values():
            site.pulse.listening(now_s)

    def _site(self, site: str) -> SiteFeed | None:
        found = self.sites.get(site)
        heard_of = not self._wanted or site in self._wanted
        if found is None and heard_of and len(self.sites) < SITES_MOST:
            found = self.sites[site] = self._made(site, {})
        return found

    # Over a restart

    def memory(self) -> dict[str, Any]:
        """Return what must be kept, as JSON."""
        sites = {name: _memory(site) for name, site in self.sites.items()}
        return {"version": VERSION, "sites": sites}

    def _remembered(self, site: str, memory: Mapping[str, Any]) -> SiteFeed:
        try:
            return self._made(site, memory)
        except (ValueError, TypeError, KeyError, AttributeError, NoteRefused) as error:
            what = f"what was kept of {site} is damaged ({error})"
            raise MemoryUnusable(f"{what}: {REMEDY}") from error

    def _made(self, site: str, memory: Mapping[str, Any]) -> SiteFeed:
        given = self._keys.get(site)
        keys = [(int(number), Verifier.parse(vkey)) for number, vkey in memory.get("keys", ())]
        if given is not None and keys and given not in (key for _, key in keys):
            raise MemoryUnusable(
                f"the record of {site} was signed with another key until now than the one that is "
                "given: see which is right; to begin anew with this one, give a --state of its own"
            )
        if given is not None and not keys:
            keys = [(1, given)]
        digests = [
            (int(seq), base64.b64decode(digest)) for seq, digest in memory.get("told", {}).items()
        ]
        begins = [n for n in (memory.get("first"), self._first) if n is not None]
        numbers = Numbers(
            min(begins, default=None),
            Ranges.of(memory.get("came", ())),
            Ranges.of(memory.get("gone", ())),
        )
        ways = {
            path: Way(
                None,
                way["run"],
                way["number"],
                way["started"],
                deque(map(_beat, way["recent"]), maxlen=RECENT_MOST),
                _mark(way.get("signed")),
            )
            for path, way in memory.get("ways", {}).items()
        }
        return SiteFeed(
            site,
            Pulse(self._began_s, ways),
            numbers,
            Witness(
                Keyring(f"armoury/{site}", keys, self._began_s),
                memory.get("checkpoint", ""),
                [(int(size), base64.b64decode(root)) for size, root in memory.get("known", ())],
                self._began_s,
            ),
            Leafage(
                memory.get("proven"),
                memory.get("first"),
                digests,
                Ranges.of(memory.get("bare", ())),
                Ranges.of(memory.get("settled", ())),
                self._began_s,
            ),
            memory.get("unrecorded"),
        )


def _memory(site: SiteFeed) -> dict[str, Any]:
    told = site.leafage.digests(DIGESTS_MOST)
    return {
        "keys": [[number, str(key)] for number, key in site.witness.keyring.keys],
        "checkpoint": site.witness.note,
        "known": [
            [size, base64.b64encode(root).decode()] for size, root in site.witness.known(KNOWN_MOST)
        ],
        "first": site.numbers.first,
        "came": [list(span) for span in site.numbers.came.spans],
        "gone": [list(span) for span in site.numbers.gone.spans],
        "proven": site.leafage.proven,
        "settled": [list(span) for span in site.leafage.settled.spans],
        "bare": [list(span) for span in site.leafage.bare.numbers.spans],
        "told": {str(seq): base64.b64encode(digest).decode() for seq, digest in told},
        "ways": {
            path: {
                "run": way.run,
                "number": way.number,
                "started": way.started,
                "recent": [list(beat) for beat in way.recent],
                "signed": list(astuple(way.signed)) if way.signed else None,
            }
            for path, way in site.pulse.ways.items()
        },
        "unrecorded": site.unrecorded,
    }


def _beat(kept: Any) -> tuple[int, int, str]:
    run, number, nonce = kept
    return int(run), int(number), str(nonce)


def _mark(kept: Any) -> Mark | None:
    if kept is None:
        return None
    run, number, boot, mono, head = kept
    return Mark(int(run), int(number), str(boot), int(mono), int(head))


def _sites_of(kept: Mapping[str, Any] | None) -> list[tuple[str, Mapping[str, Any]]]:
    if kept is None:
        return []
    if kept.get("version") != VERSION or not isinstance(kept.get("sites"), dict):
        raise MemoryUnusable(f"it is not what this version of the software keeps: {REMEDY}")
    return list(kept["sites"].items())
