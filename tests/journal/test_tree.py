"""The tree against RFC 6962's own definition, and against the vectors of others."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.journal import tree
from agent.journal.tree import Frontier, leaf_hash

VECTORS = [
    json.loads(line)
    for line in (Path(__file__).parent / "vectors" / "merkle.jsonl").read_text().splitlines()
]
LEAVES = [leaf_hash(bytes([number])) for number in range(70)]


def unpacked(texts: list[str] | None) -> list[bytes]:
    return [base64.b64decode(text) for text in texts or ()]


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, over hashed leaves."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + by_definition(leaves[:k]) + by_definition(leaves[k:])).digest()


def subtree(first: int, last: int) -> bytes:
    return by_definition(LEAVES[first:last])


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_judges_as_the_public_vectors_do(vector: dict[str, Any]) -> None:
    proof = unpacked(vector["proof"])
    if vector["name"].startswith("inclusion"):
        root, leaf = unpacked([vector["root"], vector["leafHash"]])
        good = tree.includes(root, vector["treeSize"], vector["leafIdx"], leaf, proof)
    else:
        old, new = unpacked([vector["root1"], vector["root2"]])
        good = tree.extends(old, vector["size1"], new, vector["size2"], proof)
    assert good is not vector["wantErr"]


def test_the_vectors_are_all_there() -> None:
    assert len(VECTORS) == 196
    assert sum(vector["wantErr"] for vector in VECTORS) == 184


@pytest.mark.parametrize("size", range(len(LEAVES) + 1))
def test_a_frontier_has_the_defined_root(size: int) -> None:
    frontier = Frontier().grown(LEAVES[: size // 3]).grown(LEAVES[size // 3 : size])
    assert frontier.size == size
    assert frontier.root() == by_definition(LEAVES[:size])
    assert len(frontier.peaks) == size.bit_count()


@given(st.integers(1, 70), st.data())
def test_inclusion_is_proved_of_what_is_there_only(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = tree.inclusion(index, size, subtree)
    root = subtree(0, size)
    assert tree.includes(root, size, index, LEAVES[index], proof)
    other = data.draw(st.integers(0, size - 1).filter(lambda number: number != index) | st.none())
    if other is not None:
        assert not tree.includes(root, size, index, LEAVES[other], proof)
        assert not tree.includes(root, size, other, LEAVES[index], proof)


@given(st.integers(1, 70), st.data())
def test_consistency_is_proved_of_beginnings_only(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    proof = tree.consistency(old, new, subtree)
    assert tree.extends(subtree(0, old), old, subtree(0, new), new, proof)
    other = [*LEAVES[: old - 1], leaf_hash(b"another")]
    assert not tree.extends(by_definition(other), old, subtree(0, new), new, proof)


@given(st.integers(1, 70), st.data())
def test_no_bit_of_a_proof_may_differ(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    proof = tree.consistency(old, new, subtree)
    if proof:
        which = data.draw(st.integers(0, len(proof) - 1))
        bit = data.draw(st.integers(0, 255))
        flipped = int.from_bytes(proof[which], "big") ^ 1 << bit
        proof[which] = flipped.to_bytes(32, "big")
        assert not tree.extends(subtree(0, old), old, subtree(0, new), new, proof)


@pytest.mark.parametrize(
    "row", [(None, b"v", b"m"), (7, b"v", b"m"), ("k", None, b"m"), ("k", "v", b"m")]
)
def test_what_damage_made_another_type_is_not_what_was_saved(row: tuple[object, ...]) -> None:
    assert not tree.is_marked(row)


def test_what_was_saved_is_known() -> None:
    assert tree.is_marked(("door/store", b"1", tree.mark(b"door/store", b"1")))
