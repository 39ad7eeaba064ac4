"""What a ZFM module keeps without power: its parameters, its password, its templates."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from simulators.zfm_finger import Finger, score

INDEX_PAGE = 256  # positions
INDEX_PAGES = 4


@dataclass(slots=True)
class Memory:
    """The flash of one module.

    Attributes:
        baud: in steps of 9600 (1 to 12), as the module keeps it.
        packet: size of a data packet as a code, 0 to 3: 32 << code bytes.
        templates: features by position.
    """

    system_id: int = 0x0009
    capacity: int = 162
    security: int = 3
    address: int = 0xFFFFFFFF
    packet: int = 2
    baud: int = 6
    password: int = 0
    templates: dict[int, bytes] = field(default_factory=dict)

    def enrol(self, positions: Iterable[int]) -> None:
        """Keep the finger that is named like its position at each of these positions."""
        for position in positions:
            if not 0 <= position < self.capacity:
                raise ValueError(f"position {position} is not below the capacity {self.capacity}")
            self.templates[position] = Finger.named(str(position)).features

    def nearest(self, features: bytes, start: int, count: int) -> tuple[int, int]:
        """Return score and position of the likest template of this range; (0, 0) without one."""
        scores = [
            (score(features, kept), -position)
            for position, kept in self.templates.items()
            if start <= position < start + count
        ]
        best, position = max(scores, default=(0, 0))
        return best, -position

    def index(self, page: int) -> bytes:
        """Return which positions of a page are in use, a bit each, least first."""
        used = (position for position in self.templates if position // INDEX_PAGE == page)
        bits = sum(1 << position % INDEX_PAGE for position in used)
        return bits.to_bytes(INDEX_PAGE // 8, "little")

    def save(self, path: Path) -> None:
        """Write everything to a file."""
        templates = {str(position): kept.hex() for position, kept in self.templates.items()}
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(json.dumps(asdict(self) | {"templates": templates}))
        fresh.replace(path)

    @classmethod
    def load(cls, path: Path) -> Memory:
        """Read what `save` wrote.

        Raises:
            ValueError: that is not what the file holds.
        """
        try:
            kept: dict[str, Any] = json.loads(path.read_text())
            templates = {int(key): bytes.fromhex(value) for key, value in kept["templates"].items()}
            return cls(**kept | {"templates": templates})
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}: this is no ZFM module's memory: {error}") from error
