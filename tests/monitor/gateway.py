"""A gateway in memory that says what a real one would, and can be made to lie."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

from agent.journal.canonical import encode
from agent.journal.checkpoint import Checkpoint
from agent.journal.note import Signer, sign
from agent.journal.ranges import Ranges
from agent.journal.tree import Frontier, consistency, leaf_hash
from agent.monitor.feed import Feed
from agent.monitor.said import Matter, Said
from agent.uplink.feed import Topics, nothing, zipped

SITE = "quito-07"
ORIGIN = f"armoury/{SITE}"
SIGNER = Signer(ORIGIN, bytes(range(32)))
TOPICS = Topics(SITE)


def event(seq: int | None, kind: str = "point.changed", **more: Any) -> dict[str, Any]:
    said: dict[str, Any] = {
        "at": 1_795_522_146_883_288, "boot": "b", "data": {}, "kind": kind, "mono": 5,
        "object": "store", "severity": "alarm" if kind == "panic.raised" else "info",
        "trusted": True,
    }  # fmt: skip
    return said | more | ({} if seq is None else {"seq": seq})


class Gateway:
    """One site's record, and what is sent of it.

    Args:
        first: number of its first event.
        signer: signs its checkpoints.
    """

    def __init__(self, first: int = 1, signer: Signer = SIGNER) -> None:
        self.first = first
        self.signer = signer
        self.bodies: list[bytes] = []
        self.salts: list[bytes] = []
        self.pruned: set[int] = set()
        self.kept_back: set[int] = set()  # by somebody at the broker, who makes up hashes of them
        self.run = 0
        self.beats = 0

    @property
    def head(self) -> int:
        return self.first + len(self.bodies) - 1

    def record(self, count: int = 1, kind: str = "point.changed", **more: Any) -> None:
        for _ in range(count):
            seq = self.head + 1
            self.salts.append(sha256(b"%d" % seq).digest()[:16])
            self.bodies.append(encode(event(seq, kind, **more)))

    def prune(self, numbers: Iterable[int]) -> None:
        """Give up the content of some events, and say so in the record."""
        spans = Ranges.of((number, number) for number in numbers).spans
        self.pruned |= {number for first, last in spans for number in range(first, last + 1)}
        self.record(1, "system.pruned", data={"ranges": [list(span) for span in spans]})

    def body(self, seq: int) -> bytes:
        return self.bodies[seq - self.first]

    # What it sends

    def batch(self, seqs: Sequence[int], *, historical: bool = True, zip: bool = False) -> bytes:
        bodies = b",".join(self.body(seq) for seq in seqs)
        said = b'{"events":[%b],"first":%d,"historical":%b,"last":%d}' % (
            bodies, seqs[0], b"true" if historical else b"false", seqs[-1]
        )  # fmt: skip
        return zipped(said) if zip else said

    def status(self, *, online: bool = True, birth: bool = True, **more: Any) -> bytes:
        said: dict[str, Any] = {"site": SITE, "path": "fibre", "online": online}
        if online:
            said["run"] = self.run
            said["birth"] = {
                "feed": "1.1.0", "version": "1", "name": "Quito", "boot": "b", "started": 1,
                "vkey": str(self.signer.verifier), **more,
            }  # fmt: skip
        else:
            said["clean"] = False
        return json.dumps(said).encode()

    def beat(self, waiting: int = 0, **more: Any) -> bytes:
        self.beats += 1
        said = {
            "site": SITE, "path": "fibre", "run": self.run, "number": self.beats, "at": 1,
            "nonce": f"{self.beats:016x}", "head": self.head, "waiting": waiting,
        }  # fmt: skip
        return json.dumps(said | more).encode()

    def leaves(self) -> list[bytes]:
        return [leaf_hash(s + b) for s, b in zip(self.salts, self.bodies, strict=True)]

    def checkpoint(self, size: int | None = None) -> str:
        size = len(self.bodies) if size is None else size
        root = Frontier().grown(self.leaves()[:size]).root()
        return Checkpoint(self.signer.verifier.name, size, root).signed(self.signer)

    # What it answers

    def answer(self, topic: str, payload: bytes) -> tuple[str, bytes] | None:
        asked = json.loads(payload)
        if topic == TOPICS.repeat_request:
            return "event/repeat", self.repeat(asked["first"], asked["last"])
        if topic == TOPICS.proof_request:
            return "proof", self.proof(asked["old"]).encode()
        assert topic == TOPICS.leaves_request
        return "leaves", self.shown(asked["first"], asked["last"])

    def repeat(self, first: int, last: int) -> bytes:
        last = min(last, self.head)
        away = self.pruned | self.kept_back
        here = [s for s in range(max(first, self.first), last + 1) if s not in away]
        if not here:
            return nothing(first, last)
        return self.batch(here).replace(
            b'"first":%d,"historical":true,"last":%d}' % (here[0], here[-1]),
            b'"first":%d,"historical":true,"last":%d}' % (first, last),
        )

    def proof(self, old: int) -> str:
        leaves = self.leaves()

        def subtree(first: int, last: int) -> bytes:
            return Frontier().grown(leaves[first:last]).root()

        path = consistency(old, len(leaves), subtree) if 0 < old < len(leaves) else []
        lines = [f"old {old}", *(base64.b64encode(node).decode() for node in path)]
        return "\n".join(lines) + "\n\n" + self.checkpoint()

    def shown(self, first: int, last: int) -> bytes:
        leaves = self.leaves()
        last = min(last, self.head)
        proofs = []
        for seq in range(first, last + 1):
            leaf = leaves[seq - self.first]
            salt = self.salts[seq - self.first]
            proofs.append(leaf if seq in self.pruned | self.kept_back else salt + leaf[:8])
        before = Frontier().grown(leaves[: first - self.first]).peaks
        said = {
            "origin": self.signer.verifier.name, "first": first, "last": last,
            "before": [base64.b64encode(node).decode() for node in before],
            "proofs": [base64.b64encode(proof).decode() for proof in proofs],
        }  # fmt: skip
        return json.dumps(said).encode()

    def statement(self, old: Gateway, size: int | None = None, why: str = "it was damaged") -> str:
        kept = Checkpoint.parse(old.checkpoint(size).rpartition("\n\n")[0] + "\n")
        root = base64.b64encode(kept.root).decode()
        name = self.signer.verifier.name
        text = f"{name}\ncontinues {kept.origin}\n{kept.size}\n{root}\n{why}\n"
        return sign(text, old.signer, self.signer)


class Desk:
    """A feed with the words that it has said, by a clock of the test's."""

    def __init__(self, **more: Any) -> None:
        self.now_s = 1000.0
        self.feed = Feed(self.now_s, **more)
        self.said: list[Said] = []

    def hear(self, below: str, payload: bytes | str, **how: bool) -> list[Said]:
        """Take one message, twice where the broker repeats itself; return what is said."""
        data = payload.encode() if isinstance(payload, str) else payload
        said = list(self.feed.take(f"armoury/v1/{SITE}/{below}", data, self.now_s, **how))
        self.said += said
        return said

    def wait(self, seconds: float) -> list[Said]:
        """Let time pass, a second at a time."""
        said: list[Said] = []
        for _ in range(int(seconds)):
            self.now_s += 1.0
            said += self.feed.tick(self.now_s)
        self.said += said
        return said

    def serve(self, gateway: Gateway, rounds: int = 200) -> None:
        """Have the gateway answer all that is asked, until for a while nothing is."""
        idle = 0
        while rounds and idle < 7:
            asks = list(self.feed.asks(self.now_s))
            for ask in asks:
                answered = gateway.answer(ask.topic, ask.payload)
                if answered is not None:
                    self.hear(*answered)
            self.wait(1)
            rounds, idle = rounds - 1, 0 if asks else idle + 1

    def live(self, gateway: Gateway, seconds: int, *, answers: bool = True) -> None:
        """Let time pass at a gateway whose heart beats, and that answers unless told so."""
        for _ in range(seconds // 30):
            self.hear("heartbeat/fibre", gateway.beat())
            if answers:
                self.serve(gateway, rounds=1)
            else:
                self.wait(1)
            self.wait(29)

    def matters(self) -> set[Matter]:
        return {said.matter for said in self.said}

    def wrong(self) -> list[Said]:
        return [said for said in self.said if said.wrong]

    def shown(self) -> list[int]:
        return [said.data["seq"] for said in self.said if said.matter is Matter.EVENT]

    def restarted(self, **more: Any) -> Desk:
        """Return another desk that remembers what this one kept on its disk."""
        memory = json.loads(json.dumps(self.feed.memory()))
        return Desk(kept=memory, **more)


def introduced(gateway: Gateway, first: int | None = 1, **more: Any) -> Desk:
    """Return a desk that knows the gateway and its first checkpoint."""
    desk = Desk(first=first, **more)
    desk.hear("status/fibre", gateway.status(), retained=True)
    if gateway.bodies:
        desk.hear("checkpoint", gateway.checkpoint(), retained=True)
    return desk


def deliver(desk: Desk, gateway: Gateway, seqs: Iterable[int]) -> None:
    for seq in seqs:
        desk.hear("event/live", gateway.body(seq))
