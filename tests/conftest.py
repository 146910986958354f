"""How the suite is spread over processes: whole files, slowest first, and files that share something dear together.

The lab's tests mostly wait for devices, so a few processes side by side make the whole run shorter even on two cores.
A file stays in one process, because fixtures of a module are dear. ``--no-loadscope-reorder`` keeps our order.
"""

from pathlib import Path

import pytest

_ROOT = Path(__file__).parent
# Files whose tests wait for the same assessments or the same server.
_TOGETHER = {
    "lab/test_assess_uml.py": "own kernels",
    "lab/test_assess_hardened.py": "own kernels",
}
# What takes longest begins first; the rest keeps the order of the folders.
_FIRST = (
    "own kernels",
    "contract/database/test_notices.py",
    "lab/test_assess_chroot.py",
    "lab/test_resume.py",
    "lab/test_assess_chroot_scope.py",
    "unit/cli/test_watch_killed.py",
)


def _group(item: pytest.Item) -> str:
    name = item.path.relative_to(_ROOT).as_posix()
    return _TOGETHER.get(name, name)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slowest groups first; each item names its group for ``--dist loadgroup``."""
    rank = {name: place for place, name in enumerate(_FIRST)}
    items.sort(key=lambda item: rank.get(_group(item), len(rank)))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
