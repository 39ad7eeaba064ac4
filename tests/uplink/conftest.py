"""Time that passes faster for the uplink."""

from __future__ import annotations

import pytest

from agent.uplink import path as path_module
from agent.uplink import uplink as uplink_module


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon. For connecting there is as much time as ever: a busy machine needs it."""
    monkeypatch.setattr(path_module, "RECONNECT_S", (0.05, 0.4))
    monkeypatch.setattr(uplink_module, "SETTLED_S", 0.1)
