"""The other end of a feed under test."""

from __future__ import annotations

import pytest

from tests.monitor.gateway import Gateway


@pytest.fixture
def gateway() -> Gateway:
    """A gateway with 100 events."""
    made = Gateway()
    made.record(100)
    return made
