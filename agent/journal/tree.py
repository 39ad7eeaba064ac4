"""The Merkle tree over the record: RFC 6962, section 2.1. Pure."""

from __future__ import annotations

from hashlib import sha256

LEAF = b"\x00"
NODE = b"\x01"


def leaf_hash(entry: bytes) -> bytes:
    """Hash one entry, as RFC 6962 does."""
    return sha256(LEAF + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into one, as RFC 6962 does."""
    return sha256(NODE + left + right).digest()
