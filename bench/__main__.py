"""``./run bench NAME [--quick] [--json]``; ``--list`` names the benches that exist."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(path.stem.replace("_", "-") for path in HERE.glob("*.py") if not path.stem.startswith("_"))


def main() -> None:
    """Run one bench as a program of its own."""
    if "--list" in sys.argv:
        print("\n".join(NAMES))
        return
    name = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    if name not in NAMES:
        sys.exit(f"usage: ./run bench NAME [--quick] [--json]; NAME is one of {', '.join(NAMES)}")
    sys.argv = [name, *(word for word in sys.argv[1:] if word != name)]
    runpy.run_module(f"bench.{name.replace('-', '_')}", run_name="__main__")


if __name__ == "__main__":
    main()
