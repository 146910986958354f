"""``python -m sekisho`` is ``sekisho``."""

from sekisho.cli import main

main()
