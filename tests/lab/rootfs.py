"""Build and cache the one root file system that every lab device shares, from Debian packages.

A build takes the machine's own configured package sources, so it works behind mirrors, and no host name is
written here. The cache key is the hash of the recipe: a changed recipe builds anew, an unchanged one costs nothing.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .sources import apt_options, debian_sources

DEVICE_PACKAGES = (
    "busybox-static", "busybox-syslogd", "dropbear-bin", "inetutils-telnetd", "iproute2", "iptables", "libpam-modules",
    "lighttpd", "login", "miniupnpd", "miniupnpd-iptables", "mosquitto", "openbsd-inetd", "openssl", "passwd",
    "python3", "snmpd", "swupdate",
)  # fmt: skip

_EXCLUDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")

# Installed for the packages' own scripts or for luxury; no device uses them, and each device image carries them.
_PRUNED = (
    "usr/share/perl", "usr/lib/x86_64-linux-gnu/perl", "usr/lib/x86_64-linux-gnu/gconv", "usr/share/misc",
    "usr/lib/python3.11/pydoc_data", "var/lib/dpkg/info", "var/cache/debconf", "var/log/apt",
)  # fmt: skip

# user-mode-linux builds these as modules; a device without them has no IPv6 and no packet filter.
_KERNEL_MODULES = (
    "ipv6", "ip_tables", "ip6_tables", "iptable_filter", "ip6table_filter", "iptable_nat", "xt_nat", "xt_tcpudp",
    "xt_conntrack", "xt_MASQUERADE", "nf_conntrack", "ipt_REJECT", "ip6t_REJECT",
)  # fmt: skip

_MODULE_TREE = Path("/usr/lib/uml/modules")
_PRELOAD = Path(__file__).with_name("uml_xstate.c")
_INIT = Path(__file__).with_name("device") / "lab-init"
_IMAGE_SIZE = "320M"
_BUILD_TIMEOUT_S = 900


class CannotBuild(RuntimeError):
    """The root file system could not be built; the message carries the end of the tool's own output."""


@dataclass(frozen=True, slots=True)
class RootFilesystem:
    """Where the built system lies: a directory (for chroot devices) and an ext4 image (for user-mode-linux).

    :ivar preload: what linux.uml needs preloaded on this processor (see uml_xstate.c)
    """

    directory: Path
    image: Path
    preload: Path


def cache_directory() -> Path:
    """Return the lab's cache directory, by the XDG rule."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "sekisho" / "lab"


def recipe_key() -> str:
    """Return the cache key: a hash over everything that decides what the built system holds."""
    recipe = repr((DEVICE_PACKAGES, _EXCLUDED, _PRUNED, _KERNEL_MODULES, _IMAGE_SIZE, _uml_release()))
    code = Path(__file__).read_bytes() + _INIT.read_bytes() + _PRELOAD.read_bytes()
    return hashlib.sha256(recipe.encode() + code).hexdigest()[:16]


def build() -> RootFilesystem:
    """Return the root file system, building it first when this recipe was never built (needs root).

    Safe when several sessions start at once: the second one waits for the first.

    :raises CannotBuild: when a tool fails
    """
    home = cache_directory() / recipe_key()
    built = RootFilesystem(directory=home / "root", image=home / "root.img", preload=home / "uml_xstate.so")
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if home.is_dir():
            return built
        # Built where the package manager's own unprivileged user may look, then moved in one step.
        with tempfile.TemporaryDirectory(prefix="sekisho-rootfs-", ignore_cleanup_errors=True) as scratch:
            work = Path(scratch)
            work.chmod(0o755)
            _bootstrap(work / "root", work)
            _add_lab_files(work / "root")
            _run(
                [
                    "mkfs.ext4",
                    "-q",
                    "-O",
                    "^has_journal",
                    "-d",
                    str(work / "root"),
                    str(work / "root.img"),
                    _IMAGE_SIZE,
                ]
            )
            _run(["tcc", "-shared", "-o", str(work / "uml_xstate.so"), str(_PRELOAD)])
            partial = home.with_name(home.name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            _run(
                [
                    "cp",
                    "-a",
                    "--sparse=always",
                    *(str(work / part) for part in ("root", "root.img", "uml_xstate.so")),
                    str(partial),
                ]
            )
            partial.rename(home)
    return built


def _bootstrap(target: Path, scratch: Path) -> None:
    command = [
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--variant=essential",
        "--include=" + ",".join(DEVICE_PACKAGES),
    ]
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in _EXCLUDED]
    command += ["--dpkgopt=force-unsafe-io", '--aptopt=APT::Install-Recommends "false"']
    command += [f"--aptopt={option}" for option in apt_options()]
    command += ["--customize-hook=rm -rf " + " ".join(f'"$1"/{path}' for path in _PRUNED)]
    codename, sources = debian_sources(scratch)
    _run([*command, codename, str(target), *map(str, sources)])


def _add_lab_files(root: Path) -> None:
    (root / "data").mkdir()
    _run(["chroot", str(root), "/bin/busybox", "--install", "-s"])  # links only for what no package brought
    for name, text in (
        ("resolv.conf", ""),
        ("hostname", "device\n"),
    ):  # the builder copies this machine's own
        (root / "etc" / name).write_text(text)
    shutil.copy(_INIT, root / "usr/sbin/lab-init")
    (root / "usr/sbin/lab-init").chmod(0o755)
    release = _uml_release()
    source, target = _MODULE_TREE / release, root / "usr/lib/modules" / release
    for module in _with_dependencies(source / "modules.dep"):
        (target / module).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / module, target / module)
    for index in ("modules.dep", "modules.alias", "modules.symbols", "modules.builtin"):
        shutil.copy(source / index, target / index)


def _with_dependencies(index: Path) -> list[str]:
    """Return the module files wanted and all that they need, as paths relative to the module tree."""
    needs = dict(line.split(":", 1) for line in index.read_text(encoding="ascii").splitlines())
    by_name = {Path(path).stem: path for path in needs}
    chosen: set[str] = set()
    for name in _KERNEL_MODULES:
        chosen.add(by_name[name])
        chosen.update(needs[by_name[name]].split())
    return sorted(chosen)


def _uml_release() -> str:
    releases = sorted(path.name for path in _MODULE_TREE.glob("*"))
    if not releases:
        raise CannotBuild(
            f"No user-mode-linux modules in {_MODULE_TREE}: run 'python3 tests/lab/install.py' as root."
        )
    return releases[-1]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_BUILD_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise CannotBuild(
            f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout)[-1200:]}"
        )
