"""The rack of the tests: two weapons and an empty slot."""

from __future__ import annotations

RACK = {
    "id": "r1",
    "area": "hall",
    "doors": "store",
    "slots": {"board.s1": "M4-0001", "board.s2": "M4-0002", "board.s3": "empty"},
}
ONE = {"people": 1, "session_s": 900}
