"""How a frozen value is made from another: as `dataclasses.replace`, for msgspec's structs.

Values are `msgspec.Struct`: a class of them takes a tenth of a dataclass's time to make at the
start, and an instance a quarter (ADR 9). What they lack is a `replace` whose fields are checked
by the type checker. The one of the standard library is, and does the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import replace
else:
    from msgspec.structs import replace

__all__ = ["replace"]
