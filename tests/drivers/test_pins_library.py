"""lgpio is loaded where nothing can be written, as a daemon's current folder is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# What the real one does at its import, as far as it concerns us.
LGPIO = """
import os
os.mkfifo(".lgd-nfy0")
file = os.open(".lgd-nfy0", os.O_RDWR | os.O_NONBLOCK)
"""


def test_it_needs_no_folder_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "lgpio.py").write_text(LGPIO)
    (tmp_path / "temporary").mkdir()
    script = (
        "import os; from drivers import pins_library; a, b = pins_library.lgpio(), os.getcwd();"
        "assert pins_library.lgpio() is a; assert b == '/proc', b; os.write(a.file, b'x')"
    )
    where = {"PYTHONPATH": f"{tmp_path / 'lib'}:{ROOT}", "TMPDIR": str(tmp_path / "temporary")}
    command = [sys.executable, "-P", "-c", script]
    # not even root writes there
    subprocess.run(command, cwd="/proc", env={**os.environ, **where}, timeout=60, check=True)
    assert list((tmp_path / "temporary").iterdir()) == []
