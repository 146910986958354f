"""The lab's network: private namespaces with a LAN and a WAN, a tester on both sides, and a place for one device.

::

    tester namespace            switch namespace              device
    lan 192.168.77.10 .11  ---- br-lan ---------------- lan 192.168.77.1   fd5e:c1a5:0:1::1
    wan 198.18.77.1        ---- br-wan ---------------- wan 198.18.77.2    fd5e:c1a5:0:2::2

Interfaces are created inside their namespaces, so nothing of a lab can clash with another lab or with the host.
A source address decides the tester's side: packets from a LAN address leave by ``lan``, whatever their target, so
"from the LAN to the WAN address" can be asked like any other question. 198.18.0.0/15 is kept for such benches (RFC 2544).
"""

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_interface

LAN4, WAN4 = "192.168.77.1", "198.18.77.2"
LAN6, WAN6 = "fd5e:c1a5:0:1::1", "fd5e:c1a5:0:2::2"
TESTER_LAN4 = ("192.168.77.10", "192.168.77.11")
TESTER_LAN6 = ("fd5e:c1a5:0:1::10", "fd5e:c1a5:0:1::11")
TESTER_WAN4, TESTER_WAN6 = "198.18.77.1", "fd5e:c1a5:0:2::1"
LAN_MAC, WAN_MAC = "52:54:00:5e:00:01", "52:54:00:5e:00:02"

# What the device's first process reads (device/lab-init).
DEVICE_ENVIRONMENT = {
    "LAB_LAN4": f"{LAN4}/24", "LAB_WAN4": f"{WAN4}/24", "LAB_LAN6": f"{LAN6}/64", "LAB_WAN6": f"{WAN6}/64",
    "LAB_GATEWAY4": TESTER_WAN4, "LAB_GATEWAY6": TESTER_WAN6,
}  # fmt: skip

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class NetworkTrouble(RuntimeError):
    """A namespace could not be made, entered or removed."""


@dataclass(frozen=True, slots=True)
class Network:
    """The three namespaces of one lab, named after it."""

    name: str

    @property
    def tester(self) -> str:
        """The namespace in which the assessor runs."""
        return f"{self.name}-lab"

    @property
    def switch(self) -> str:
        """The namespace of the two bridges; under user-mode-linux also the device's process runs here."""
        return f"{self.name}-sw"

    @property
    def device(self) -> str:
        """The namespace of a chroot device; empty when the device has a kernel of its own."""
        return f"{self.name}-dut"

    def create(self, *, own_kernel: bool) -> None:
        """Make the namespaces, bridges, addresses and the device's two ports.

        :param own_kernel: True makes two taps for a device with a kernel of its own, False two ports in its namespace
        """
        for namespace in (self.tester, self.switch, self.device):
            _run(["ip", "netns", "add", namespace])
        # The switch only forwards frames: without addresses of its own it never shows up in a scan.
        _sysctl(self.switch, "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        _sysctl(self.tester, "net.ipv6.conf.default.accept_dad=0")
        _ip(
            self.switch, [line for side in ("lan", "wan") for line in self._side(side, own_kernel=own_kernel)]
        )
        # Quick to ask again for a device that is just coming up: the usual second would be added to every start.
        ports = [(version, port) for version in (4, 6) for port in ("lan", "wan")]
        _sysctl(
            self.tester, *(f"net.ipv{version}.neigh.{port}.retrans_time_ms=50" for version, port in ports)
        )
        _ip(self.tester, [f"link set {port} up" for port in ("lo", "lan", "wan")])
        _ip(self.tester, _addresses(24, (TESTER_LAN4, LAN4), ((TESTER_WAN4,), WAN4)), "-4")
        _ip(self.tester, _addresses(64, (TESTER_LAN6, LAN6), ((TESTER_WAN6,), WAN6)), "-6")
        self._disable_offload()

    def _side(self, side: str, *, own_kernel: bool) -> list[str]:
        mac = LAN_MAC if side == "lan" else WAN_MAC
        veth = f"link add d-{side} type veth peer name {side} address {mac} netns {self.device}"
        return [
            f"link add br-{side} type bridge forward_delay 0 mcast_snooping 0",
            f"link add t-{side} type veth peer name {side} netns {self.tester}",
            f"tuntap add d-{side} mode tap" if own_kernel else veth,
            *(f"link set {port}-{side} master br-{side} up" for port in "td"),
            f"link set br-{side} up",
        ]

    def _disable_offload(self) -> None:
        # A tap carries the tester's unsegmented frames to a kernel that drops them: large uploads would hang.
        for namespace, ports in ((self.tester, ("lan", "wan")), (self.switch, ("t-lan", "t-wan"))):
            for port in ports:
                _run(
                    [
                        "ip",
                        "netns",
                        "exec",
                        namespace,
                        "ethtool",
                        "-K",
                        port,
                        "tx",
                        "off",
                        "tso",
                        "off",
                        "gso",
                        "off",
                    ]
                )

    def remove(self) -> None:
        """Remove the namespaces and all that is in them; what is gone already is no error."""
        for namespace in (self.tester, self.switch, self.device):
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, timeout=30, check=False)

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the command line that runs ``argv`` as the tester."""
        return ["ip", "netns", "exec", self.tester, *argv]

    def inside(self) -> contextlib.AbstractContextManager[None]:
        """Let the current thread (and threads that it starts) be the tester: its new sockets belong to the lab."""
        return inside(self.tester)


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Let the current thread be in a namespace: its new sockets belong there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        _enter(there)
        yield
    finally:
        _enter(home)
        os.close(home)
        os.close(there)


def _addresses(prefix_length: int, *sides: tuple[Sequence[str], str]) -> list[str]:
    """Return the tester's commands for LAN and WAN: (own addresses, the device's address) each, in that order."""
    commands = []
    for port, table, (own, gateway) in zip(("lan", "wan"), (101, 102), sides, strict=True):
        nodad = "nodad" if prefix_length == 64 else ""
        for address in own:
            commands.append(f"address add {address}/{prefix_length} dev {port} {nodad}")
            commands.append(f"rule add from {address} table {table}")
        network = ip_interface(f"{gateway}/{prefix_length}").network
        commands.append(f"route add {network} dev {port} table {table}")
        commands.append(f"route add default via {gateway} dev {port} table {table}")
    return commands


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, _CLONE_NEWNET) != 0:
        raise NetworkTrouble(f"Cannot enter the network namespace: {os.strerror(ctypes.get_errno())}")


def _ip(namespace: str, commands: Sequence[str], family: str = "-4") -> None:
    _run(["ip", family, "-n", namespace, "-batch", "-"], "\n".join(commands))


def _sysctl(namespace: str, *settings: str) -> None:
    _run(["ip", "netns", "exec", namespace, "sysctl", "-q", "-w", *settings])


def _run(command: list[str], text: str = "") -> None:
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise NetworkTrouble(f"{' '.join(command)}: {done.stderr.strip()} {text}")
