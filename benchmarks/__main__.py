"""Every benchmark, one after the other: `make bench`."""

from __future__ import annotations

import subprocess
import sys

PARTS = ("path", "rate", "uplink", "journal", "site", "eol")


def main() -> int:
    """Run each as a program of its own; return how many failed."""
    return sum(
        subprocess.run([sys.executable, "-m", f"benchmarks.{part}"], check=False).returncode != 0
        for part in PARTS
    )


if __name__ == "__main__":
    sys.exit(main())
