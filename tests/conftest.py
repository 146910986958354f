"""How the suite is spread over processes: whole files, slowest first, and files that share something dear together.

The lab's tests mostly wait for devices, so a few processes side by side make the whole run shorter even on two cores.
A file stays in one process: fixtures of a module are dear, and names in the lab are a file's own. ``spread.py`` gives
the files out in the order made here.
"""

import os
import sys
from pathlib import Path

import pytest

pytest_plugins = ("spread",)

# The tests start hundreds of processes; one that may keep no bytecode compiles every library anew, each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

_ROOT = Path(__file__).parent
# Files whose tests wait for the same assessments, look with the same browser, or ask for the same compiled twins.
_TOGETHER = {
    "lab/test_assess_uml.py": "own kernels",
    "lab/test_assess_hardened.py": "own kernels",
    "e2e/test_accessibility.py": "browser",
    "e2e/test_assessing.py": "browser",
    "e2e/test_first_steps.py": "browser",
    "e2e/test_hub_pages.py": "browser",
    "e2e/test_open_id.py": "browser",
    "property/test_flow_export.py": "compiled",
    "property/test_passage.py": "compiled",
}
# What takes longest begins first. Most of these wait more than they work, and two cores are busy with six of them; the
# rest keeps the order of the folders.
_FIRST = (
    "own kernels",
    "lab/test_console_assessed.py",
    "lab/test_resume.py",
    "lab/test_assess_chroot.py",
    "unit/workflows/notify/test_killed.py",
    "e2e/test_api.py",
    "browser",
    "lab/test_lab.py",
    "contract/test_questions.py",
    "unit/cli/test_watch_killed.py",
    "house/test_house.py",
    "contract/test_kill.py",
    "unit/probes/test_service_identity.py",
    "compiled",
    "contract/sharing/test_sharing_11_fuzz.py",
    "contract/database/test_trouble.py",
    "contract/database/test_detections_scale.py",
    "lab/test_exporters.py",
    "unit/workflows/test_watch.py",
    "contract/database/test_paging.py",
    "lab/test_emulator.py",
    "contract/database/test_scale.py",
    "unit/probes/test_telnet_login.py",
    "contract/test_once.py",
)


def _group(file: str) -> str:
    return _TOGETHER.get(file, file)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slowest groups first."""
    # Not above: a plug-in that was imported before it is loaded keeps its plain assertions.
    from spread import TOGETHER

    rank = {name: place for place, name in enumerate(_FIRST)}
    for item in items:
        item.stash[TOGETHER] = _group(item.path.relative_to(_ROOT).as_posix())
    items.sort(key=lambda item: rank.get(item.stash[TOGETHER], len(rank)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start what all processes of a run share, when one of its tests may ask for it."""
    if (
        session.config.option.processes
        and not session.config.option.collectonly
        and "fakes.command" in sys.modules
    ):
        from fakes import command

        command.start()
