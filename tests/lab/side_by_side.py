"""The assessments of devices with a kernel of their own. They mostly wait, so they run three at a time.

A test names its devices with the marker ``assesses``; only those of the tests that were chosen are started.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from . import machine, rootfs
from .assessing import Outcome, assess

AT_ONCE = 3
LONGEST_S = 780.0
# What is asked of each device, slowest first: only what its question needs, or everything.
_ASKED: dict[str, tuple[str, ...]] = {
    "all_weak": (),
    "hardened": (),
    "dead_updater": ("update_channel",),
    "swupdate_signed": ("update_channel",),
    "lazy_writer": ("power_retention",),
    "fsync_writer": ("power_retention",),
    "crc_only": ("update_channel",),
}
# The telnet dictionary against a device that delays each refusal takes what it is given, on each side of the device.
# Codes that open the device come first, so less of it changes no verdict; bench/assess_router.py keeps the default.
# A lock that is longer than the patience isn't knocked at but waited out afterwards, once for each series.
_LIMITS = {"list_seconds": 30.0, "read_seconds": 5.0, "patience_seconds": 20.0}
# Whose pages a test reads.
_READ = {"fsync_writer"}
# The weak router refuses slowly, and it opens to the first codes of the lists: more of them waits for nothing. The
# hardened one is scanned twice.
_OWN_LIMITS = {"all_weak": {"list_seconds": 10.0, "wrong_per_account": 40, "rescan_seconds": 0.0}}


class Outcomes:
    """The outcomes by device; asking for one waits for it."""

    def __init__(self, running: dict[str, Future[Outcome]]) -> None:
        self._running = running

    def __getitem__(self, flavour: str) -> Outcome:
        return self._running[flavour].result(LONGEST_S * 2)


@contextmanager
def assessments(flavours: Iterable[str], root: rootfs.RootFilesystem, place: Path) -> Iterator[Outcomes]:
    """Assess these devices under user-mode-linux; what has not begun at the end is not begun any more."""

    def run(flavour: str) -> Outcome:
        (place / flavour).mkdir()
        device = machine.start(flavour, root, own_kernel=True)
        try:
            device.ready()
            limits = {**_LIMITS, **_OWN_LIMITS.get(flavour, {})}
            return assess(
                device, place / flavour, *_ASKED[flavour],
                timeout_s=LONGEST_S, limits=limits, pages=flavour in _READ,
            )  # fmt: skip
        finally:
            (place / flavour / "console.log").write_text(device.console(), encoding="utf-8")
            device.remove()

    wanted = set(flavours)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {flavour: pool.submit(run, flavour) for flavour in _ASKED if flavour in wanted}
        yield Outcomes(running)
        for future in running.values():
            future.cancel()
