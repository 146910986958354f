"""Read the machine's own package sources, to build a device from wherever this machine gets its packages."""

import re
import subprocess
from pathlib import Path

_APT = Path("/etc/apt")
_OS_RELEASE = Path("/etc/os-release")
_ONE_LINE = re.compile(
    r"^deb\s+(?P<options>\[[^\]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)$"
)
# Proxies and relaxed date checks belong to the network that the machine lives in: the build needs them, too.
_CARRIED_OPTION = re.compile(r"^Acquire::(https?::.+|Check-Valid-Until|Check-Date|Retries)\s")


def debian_sources(scratch: Path, apt: Path = _APT, os_release: Path = _OS_RELEASE) -> tuple[str, list[Path]]:
    """Return the release's code name and source files that name only the distribution's own archives.

    Other vendors' archives that a machine may have are left out: a device must not depend on them.
    The files are written into ``scratch``.
    """
    found = re.search(r"^VERSION_CODENAME=\"?(\w+)", os_release.read_text(encoding="utf-8"), re.MULTILINE)
    codename = found.group(1) if found else "bookworm"
    own = {codename, f"{codename}-updates", f"{codename}-security", f"{codename}/updates"}
    lines = [
        match.group(0)
        for path in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.list"))]
        if path.is_file()
        for line in path.read_text(encoding="utf-8").splitlines()
        if (match := _ONE_LINE.match(line.partition("#")[0].strip())) and match["suite"] in own
    ]
    stanzas = [
        stanza
        for path in sorted((apt / "sources.list.d").glob("*.sources"))
        for stanza in re.split(r"\n\s*\n", path.read_text(encoding="utf-8"))
        if _is_own(stanza, own)
    ]
    files = {"own.list": "\n".join(lines), "own.sources": "\n\n".join(stanzas)}
    written = []
    for name, text in files.items():
        if text:
            (scratch / name).write_text(text + "\n", encoding="utf-8")
            written.append(scratch / name)
    return codename, written


def apt_options() -> list[str]:
    """Return the machine's package-manager options on proxies and date checks, as ``Name "value"``."""
    dump = subprocess.run(
        ["apt-config", "dump"], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    return [
        line.rstrip(";")
        for line in dump.splitlines()
        if _CARRIED_OPTION.match(line) and not line.endswith('"";')
    ]


def _is_own(stanza: str, own: set[str]) -> bool:
    fields = {
        key.strip().lower(): value.split()
        for key, separator, value in (line.partition(":") for line in stanza.splitlines())
        if separator and not key.startswith((" ", "#"))
    }
    enabled = fields.get("enabled", ["yes"]) != ["no"]
    return (
        enabled
        and "deb" in fields.get("types", [])
        and set(fields.get("suites", [])) <= own
        and "suites" in fields
    )
