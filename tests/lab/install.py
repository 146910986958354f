"""Install what the lab of real devices needs on this machine, from its own package sources.

Runs with the system's Python alone (no third-party import), because it comes before everything else:
``python3 tests/lab/install.py``. Nothing is downloaded when every package is there already.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES_FILE = Path(__file__).with_name("packages.txt")
_INSTALL_TIMEOUT_S = 900


class CannotInstall(RuntimeError):
    """The packages are missing and cannot be installed here; the message says why and what to do."""


def wanted(listing: Path = PACKAGES_FILE) -> list[str]:
    """Return the package names of a listing: one a line, ``#`` starts a comment."""
    lines = (line.partition("#")[0].strip() for line in listing.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def missing(packages: list[str]) -> list[str]:
    """Return those of the packages that are not installed, in the order given.

    :raises CannotInstall: on a system without dpkg, where the question has no answer
    """
    if shutil.which("dpkg-query") is None:
        raise CannotInstall(
            "The lab is built from Debian packages, and this system has no dpkg: use Debian 12."
        )
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev}${Package}\n", *packages]
    answer = subprocess.run(query, capture_output=True, text=True, timeout=60, check=False).stdout
    # The abbreviation is three characters: "ii " when it is installed and configured.
    present = {line[3:] for line in answer.splitlines() if line.startswith("ii ")}
    return [package for package in packages if package not in present]


def install() -> list[str]:
    """Install the packages that are missing, and return their names (an empty list: nothing was to do).

    :raises CannotInstall: when not root, without apt, or when apt fails
    """
    lacking = missing(wanted())
    if not lacking:
        return []
    command = "apt-get install -y --no-install-recommends " + " ".join(lacking)
    if os.geteuid() != 0:
        raise CannotInstall(f"Missing packages, and only root can install them: {command}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in ("apt-get update -q", command):
        done = subprocess.run(
            step.split(),
            env=environment,
            capture_output=True,
            text=True,
            timeout=_INSTALL_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            raise CannotInstall(f"'{step}' failed: {(done.stderr or done.stdout)[-800:]}")
    return lacking


if __name__ == "__main__":
    try:
        installed = install()
    except CannotInstall as error:
        sys.exit(f"lab: {error}")
    print(f"lab: installed {' '.join(installed)}" if installed else "lab: all packages are there")
