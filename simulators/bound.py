"""Programs that end with whoever started them, however that ends: a closed terminal, a kill -9."""

from __future__ import annotations

import shutil
from collections.abc import Sequence


def bound(words: Sequence[str]) -> list[str]:
    """Return the command that runs `words` and has them sent SIGTERM when its parent is gone.

    The kernel does it (prctl(2), PR_SET_PDEATHSIG); setpriv is of Debian's util-linux. Where it
    is missing, the program runs all the same.
    """
    found = shutil.which("setpriv")
    return [found, "--pdeathsig", "TERM", "--", *words] if found else [*words]
