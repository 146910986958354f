"""One running lab device: its network, its disk, its process, and its power cord.

Two kinds share the disk layout and the first process: a chroot in a network namespace (starts in well under a second;
cutting it loses nothing that was written) and user-mode-linux (a kernel of its own, so a cut loses what was not synced).
All that another process needs in order to cut and restore a device lies in one file, so a command line can do it too.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from .disk import write_disk, write_image
from .flavours import FLAVOURS, Flavour
from .network import DEVICE_ENVIRONMENT, LAN4, LAN_MAC, WAN_MAC, Network
from .rootfs import RootFilesystem

READY_S = 40.0
# What user-mode-linux itself says when it loses its hold on a guest's task and kills that (Linux 6.1,
# arch/um/os-Linux/skas): the emulator's end, not the device's. No service of the lab's devices says such words.
_EMULATOR_DIED = (
    "put_fp_registers returned -",
    "save_fp_registers returned -",
    "ptrace set fp regs failed, errno = ",
    "put_fp_registers failed, pid = ",
    "wait_stub_done : failed to wait for SIGTRAP",
)
# How fast this processor could compute the parity of disks is measured in each start, for half of the kernel's own time.
_NO_BENCHMARKS = "initcall_blacklist=raid6_select_algo,calibrate_xor_blocks"
_STARTED_AGAIN = 3
# What this process started, by device; a power driver's command line starts its own.
_STARTED: dict[str, list[int]] = {}
_POWER_ON, _UP = "lab: power on", "lab: up"
# SNMPv1 GetRequest for sysDescr.0 with community "public" (RFC 1157), asked until the daemon answers.
_SNMP_GET = bytes.fromhex("302602010004067075626c6963a019020101020100020100300e300c06082b060102010101000500")


class MachineTrouble(RuntimeError):
    """A device did not start, or not all of its services came up; the message carries its own last words."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A device of the lab; every field is plain data, kept in ``machine.json`` of its directory.

    :ivar name: unique on this host; also the stem of its namespaces' names
    :ivar owner: process id of the session that made it: when that is gone, ``sweep`` clears the device away
    """

    name: str
    flavour_name: str
    own_kernel: bool
    root: str
    preload: str
    owner: int

    @property
    def flavour(self) -> Flavour:
        """What kind of device it is."""
        return FLAVOURS[self.flavour_name]

    @property
    def network(self) -> Network:
        """Its namespaces."""
        return Network(self.name)

    @property
    def directory(self) -> Path:
        """Where its disk, images and log lie."""
        return runtime_directory() / self.name

    @property
    def images(self) -> dict[str, Path]:
        """Its update images by name (newer, older, other_key …); empty when the device has no updater."""
        return {
            path.stem: path
            for path in sorted((self.directory / "images").glob("*.*"))
            if path.suffix in (".swu", ".bin")
        }

    def restore(self) -> None:
        """Give it power: start its process, and return without waiting for its services."""
        if self.running():
            return
        command = self._uml_command() if self.own_kernel else self._chroot_command()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "TMPDIR": "/tmp",
            **DEVICE_ENVIRONMENT,
        }
        self._note(_POWER_ON)
        with (self.directory / "console.log").open("ab") as console:
            process = subprocess.Popen(
                command,
                env={**environment, "LAB_KIND": "uml" if self.own_kernel else "chroot"},
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True,
            )  # fmt: skip
        (self.directory / "pid").write_text(f"{process.pid} {_start_time(process.pid)}")
        # It outlives this object, and its end is seen in the process table: no warning about that is wanted.
        process.returncode = 0
        _STARTED.setdefault(self.name, []).append(process.pid)

    def cut(self) -> None:
        """Take its power away: kill exactly its own process group, and return when nothing of it is left."""
        if self.running():
            pid = self._pid()
            os.killpg(pid, signal.SIGKILL)
            deadline = time.monotonic() + 10
            while _group_alive(pid):
                if time.monotonic() > deadline:
                    raise MachineTrouble(f"{self.name}: process group {pid} does not end")
                time.sleep(0.01)
        self._collect()

    def reset(self) -> None:
        """Press its reset button: it starts with the disk that it left the factory with, the first software included.

        :raises MachineTrouble: when it is a chroot, which has no other disk than the one it writes to
        """
        if not self.own_kernel:
            raise MachineTrouble(f"{self.name} has no reset button: it has no kernel of its own")
        self.cut()
        write_image(self.directory)
        self.restore()

    def running(self) -> bool:
        """Say whether its process lives (a pid that another process got meanwhile is not it)."""
        pid = self._pid()
        if pid <= 0 or f"{pid} {_start_time(pid)}" != (self.directory / "pid").read_text():
            return False
        # Its first process is looked at first: the whole process table is long, and this is asked often.
        return _alive(Path(f"/proc/{pid}/stat"), pid) or _group_alive(pid)

    def ready(self, timeout_s: float = READY_S) -> float:
        """Wait for every service, not for the first one; return the seconds that it took.

        An emulator that dies by itself before the device is up is started again, three times at most. That is harmless
        for what a power cut is to show: nobody writes a setting while the device starts, and what lies on its disk is
        what the first cut left; starting replays the journal, and doing so twice gives the same. A device that
        is silent without its emulator's last words is not started again.

        :raises MachineTrouble: when one stays silent, or the emulator dies each time
        """
        begin = time.monotonic()
        for time_again in range(1, _STARTED_AGAIN + 2):
            silent = self._silent_port(timeout_s)
            died = self._emulator_died()
            if not died:
                break
            if time_again > _STARTED_AGAIN:
                raise MachineTrouble(
                    f"{self.name}: the emulator died {time_again} times\n{self.console()[-1500:]}"
                )
            self._note(f"lab: the emulator died by itself, start {time_again} of {_STARTED_AGAIN}: {died}")
            with emulator_log().open("a", encoding="utf-8") as log:
                log.write(f"{self.name} ({self.flavour_name}): {died}\n")
            self.cut()
            self.restore()
        if silent:
            raise MachineTrouble(f"{self.name}: {silent} is silent\n{self.console()[-1500:]}")
        self._note(_UP)
        return time.monotonic() - begin

    def remove(self) -> None:
        """Cut it and clear all of it away."""
        self.cut()
        self.network.remove()
        shutil.rmtree(self.directory, ignore_errors=True)

    def run(self, argv: list[str], timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run a command as the tester, inside the lab; its outcome is data, whatever it is."""
        return subprocess.run(
            self.network.command(argv), capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def console(self) -> str:
        """Return what its first process and kernel said."""
        return (self.directory / "console.log").read_text(encoding="utf-8", errors="replace")

    def _note(self, words: str) -> None:
        with (self.directory / "console.log").open("a", encoding="utf-8") as console:
            console.write(f"{words}\n")

    def _silent_port(self, timeout_s: float) -> str:
        """Wait for all services; return the one that stays silent, or that is waited for when the emulator dies."""
        begin = time.monotonic()
        for port in (port for service in self.flavour.services for port in service.ports):
            with self.network.inside():
                while not _answers(port):
                    late = time.monotonic() - begin > timeout_s
                    if late or not self.running() or self._emulator_died():
                        return port
                    time.sleep(0.02)
        return ""

    def _emulator_died(self) -> str:
        """Return the emulator's own last words in this start, as long as the device was not up; empty: none."""
        last_start = self.console().rpartition(_POWER_ON)[2]
        if not self.own_kernel or _UP in last_start:
            return ""
        return next(
            (line for line in last_start.splitlines() if any(words in line for words in _EMULATOR_DIED)), ""
        )

    def _collect(self) -> None:
        """Collect what this process started of it and somebody ended: nothing stays in the process table."""
        if left := [pid for pid in _STARTED.pop(self.name, []) if not _collected(pid)]:
            _STARTED[self.name] = left

    def _pid(self) -> int:
        with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
            return int((self.directory / "pid").read_text().split()[0])
        return 0

    def _chroot_command(self) -> list[str]:
        mount = self.directory / "root"
        mount.mkdir(exist_ok=True)
        script = (
            f"mount --bind {self.root} {mount} && mount -o remount,bind,ro {mount}"
            f" && mount --bind {self.directory}/data {mount}/data && exec chroot {mount} /usr/sbin/lab-init"
        )
        isolate = [
            "unshare",
            "--mount",
            "--uts",
            "--pid",
            "--fork",
            "--kill-child",
            "--propagation",
            "private",
        ]
        return ["ip", "netns", "exec", self.network.device, *isolate, "sh", "-c", script]

    def _uml_command(self) -> list[str]:
        vectors = [
            f"vec{number}:transport=tap,ifname=d-{side},mac={mac},depth=64"
            for number, (side, mac) in enumerate((("lan", LAN_MAC), ("wan", WAN_MAC)))
        ]
        return [
            "ip", "netns", "exec", self.network.switch, "env", f"LD_PRELOAD={self.preload}", "linux.uml", "mem=160M", f"ubd0r={self.root}",
            f"ubd1={self.directory}/data.img", "root=/dev/ubda", "ro", "rootfstype=ext4", "init=/usr/sbin/lab-init",
            "con0=null,fd:1", "con=null", "ssl=null", *vectors, "quiet", _NO_BENCHMARKS, "LAB_KIND=uml",
            f"umid={self.name}", f"uml_dir={self.directory}/uml", *(f"{key}={value}" for key, value in DEVICE_ENVIRONMENT.items()),
        ]  # fmt: skip


def runtime_directory() -> Path:
    """Return the directory under which every running device has one of its own."""
    return Path(tempfile.gettempdir()) / "sekisho-lab"


def emulator_log() -> Path:
    """Return the file with one line for each time an emulator died by itself and was started again."""
    return runtime_directory() / "emulator.log"


def start(flavour_name: str, root: RootFilesystem, *, own_kernel: bool) -> Machine:
    """Make a device and switch it on; ``ready`` says when it is up.

    :param own_kernel: True for user-mode-linux, False for a chroot
    """
    image = root.image if own_kernel else root.directory
    machine = Machine(
        "sk" + secrets.token_hex(3), flavour_name, own_kernel, str(image), str(root.preload), os.getpid()
    )
    machine.directory.mkdir(parents=True)
    try:
        (machine.directory / "machine.json").write_text(json.dumps(asdict(machine)))
        write_disk(machine.flavour, machine.directory, as_image=own_kernel)
        machine.network.create(own_kernel=own_kernel)
        machine.restore()
    except BaseException:
        machine.remove()
        raise
    return machine


def find(name: str) -> Machine:
    """Return the running device of that name, from any process.

    :raises MachineTrouble: when there is none
    """
    try:
        return Machine(**json.loads((runtime_directory() / name / "machine.json").read_text()))
    except FileNotFoundError as error:
        known = ", ".join(sorted(path.name for path in runtime_directory().glob("sk*"))) or "none"
        raise MachineTrouble(f"No lab device is called {name} (running: {known})") from error


def sweep() -> list[str]:
    """Clear away devices whose session is gone (killed, or the machine went down); return their names."""
    swept = []
    for path in runtime_directory().glob("*/machine.json"):
        machine = find(path.parent.name)
        if not Path(f"/proc/{machine.owner}").exists():
            machine.remove()
            swept.append(machine.name)
    return swept


def _answers(port: str) -> bool:
    transport, _, number = port.partition("/")
    with socket.socket(
        socket.AF_INET, socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    ) as probe:
        probe.settimeout(0.2)  # short: a first packet sent too early is repeated only after a second
        try:
            probe.connect((LAN4, int(number)))
            if transport == "udp":
                probe.send(_SNMP_GET)
                return bool(probe.recv(512))
        except OSError:
            return False
    return True


def _start_time(pid: int) -> str:
    """Return the kernel's start time of a process: together with its id it names one process for good."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return "gone"


def _collected(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:  # a fork of the process that started it
        return True


def _group_alive(group: int) -> bool:
    """Say whether any process of the group does more than wait to be collected."""
    return any(_alive(path, group) for path in Path("/proc").glob("[0-9]*/stat"))


def _alive(stat: Path, group: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        fields = stat.read_text().rpartition(")")[2].split()
        return int(fields[2]) == group and fields[0] not in "ZX"
    return False
