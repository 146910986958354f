"""Two namespaces over a veth pair: known traffic on it, real exporters beside it, and what passed as tcpdump saw it.

::

    sender namespace  port0 198.18.81.1 fd5e:c1a5:81::1 ---- port1 198.18.81.2 fd5e:c1a5:81::2  receiver of the traffic

Exporters watch ``port0`` and send to addresses of the sender's own loopback, one each, so that every exporter has an
address of its own, as on a real network.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Self

import msgspec

from sekisho.workflows.receive import Receiving, last_told

from .network import _run, inside

HERE4, THERE4 = "198.18.81.1", "198.18.81.2"
HERE6, THERE6 = "fd5e:c1a5:81::1", "fd5e:c1a5:81::2"
Flow = tuple[str, str, int, int, int]  # source, destination, ports, protocol
Volume = tuple[int, int]  # packets, octets from the IP header on

# fprobe reads the kernel's buffer only when a block of it is full: packets of one more flow push the others out.
FILLER = 9000
MARKER = b"payload-of-a-customer."
TRAFFIC = """
import socket, sys, threading
FILLER = 9000
MARKER = b"payload-of-a-customer."
tcp, udp = range(8001, 8004), range(9001, 9004)

def serve(host):
    kept = [socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET) for port in tcp]
    kept += [socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) for _ in udp]
    kept.append(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM))
    for one, port in zip(kept[len(tcp):], (*udp, FILLER)):
        one.bind((host, port))
    for one in kept[:len(tcp)]:
        threading.Thread(target=echo, args=(one,), daemon=True).start()
    return kept

def echo(listener):
    while True:
        with listener.accept()[0] as one:
            while data := one.recv(65536):
                one.sendall(data)

def send(host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for number in range(12):
        with socket.create_connection((host, tcp[number % 3])) as one:
            want = 500 * (number + 1)
            one.sendall((MARKER * want)[:want])
            one.shutdown(socket.SHUT_WR)
            while data := one.recv(65536):
                want -= len(data)
            assert want == 0, want
    for number in range(10):
        with socket.socket(family, socket.SOCK_DGRAM) as one:
            for size in range(number + 1):
                one.sendto((MARKER * 9)[:10 * size + number], (host, udp[number % 3]))

def fill(host):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        for _ in range(1500):
            one.sendto(b"f" * 200, (host, FILLER))

if sys.argv[1] == "serve":
    kept = serve(sys.argv[2]) + serve(sys.argv[3])
    print("ready", flush=True)
    sys.stdin.read()
else:
    send(sys.argv[2]); send(sys.argv[3]); fill(sys.argv[2])
"""


class Wire:
    """The two namespaces, made and removed; ``here`` is where exporters, sender and collector run."""

    def __init__(self, name: str) -> None:
        self.here, self.there = f"{name}-here", f"{name}-there"
        self._running: list[subprocess.Popen[str]] = []
        self._aliases = 0

    def __enter__(self) -> Self:
        self._delete()
        for namespace in (self.here, self.there):
            _run(["ip", "netns", "add", namespace])
            _run(
                ["ip", "netns", "exec", namespace, "sysctl", "-q", "-w", "net.ipv6.conf.default.accept_dad=0"]
            )
            _run(["ip", "-n", namespace, "link", "set", "lo", "up"])
        _run(
            [
                "ip",
                "-n",
                self.here,
                "link",
                "add",
                "port0",
                "type",
                "veth",
                "peer",
                "name",
                "port1",
                "netns",
                self.there,
            ]
        )
        for namespace, port, four, six in (
            (self.here, "port0", HERE4, HERE6),
            (self.there, "port1", THERE4, THERE6),
        ):
            # Whole segments on the wire: what an exporter counts must be what another one counts.
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
                    "gro",
                    "off",
                ]
            )
            _run(["ip", "-n", namespace, "address", "add", f"{four}/24", "dev", port])
            _run(["ip", "-n", namespace, "address", "add", f"{six}/64", "dev", port, "nodad"])
            _run(["ip", "-n", namespace, "link", "set", port, "up"])
        server = self.start([sys.executable, "-c", TRAFFIC, "serve", THERE4, THERE6], self.there)
        assert server.stdout is not None
        assert server.stdout.readline().strip() == "ready"
        return self

    def __exit__(self, *_: object) -> None:
        for one in reversed(self._running):
            stop(one)
        self._delete()

    def _delete(self) -> None:
        for namespace in (self.here, self.there):
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, timeout=30, check=False)

    def address(self) -> str:
        """Return a new address of the sender's loopback: whoever sends to it, sends from it."""
        self._aliases += 1
        made = f"198.18.82.{self._aliases}"
        _run(["ip", "-n", self.here, "address", "add", f"{made}/32", "dev", "lo"])
        return made

    def command(self, argv: list[str], namespace: str = "") -> list[str]:
        return ["ip", "netns", "exec", namespace or self.here, *argv]

    def start(self, argv: list[str], namespace: str = "", **more: object) -> subprocess.Popen[str]:
        """Start a program in a namespace; it ends with the wire. ``ip netns exec`` becomes the program."""
        made = subprocess.Popen(
            self.command(argv, namespace),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            **more,  # type: ignore[call-overload]
        )
        self._running.append(made)
        return made

    def send(self) -> None:
        """Send the known traffic."""
        _run(self.command([sys.executable, "-c", TRAFFIC, "send", THERE4, THERE6]))

    def inside(self) -> contextlib.AbstractContextManager[None]:
        """Let the current thread's new sockets belong to the sender's namespace."""
        return inside(self.here)


def stop(process: subprocess.Popen[str], how: signal.Signals = signal.SIGTERM) -> None:
    """End a program and wait; harmless when it has ended."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


def until(holds: Callable[[], bool], seconds: float = 15.0, what: str = "") -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"did not come in time: {what}"
        time.sleep(0.05)


def softflowd(wire: Wire, target: str, version: int, folder: Path) -> subprocess.Popen[str]:
    """Exports flows that were idle for a second."""
    timeouts = ("tcp=1", "tcp.rst=1", "tcp.fin=1", "udp=1", "general=1", "maxlife=60", "expint=1")
    return wire.start(
        ["softflowd", "-d", "-i", "port0", "-n", target, "-v", str(version), "-p", str(folder / f"soft{version}.pid"),
         "-c", str(folder / f"soft{version}.ctl"), *(word for one in timeouts for word in ("-t", one)), "tcp or udp"]
    )  # fmt: skip


@contextlib.contextmanager
def open_vswitch(wire: Wire, targets: dict[str, str], folder: Path) -> Iterator[None]:
    """Put a bridge of Open vSwitch (its user-space datapath) between the sender and ``port0``.

    It exports each packet (sFlow), each packet where it enters and again where it leaves (IPFIX, summed up for a second) and each flow (NetFlow v5)
    of the bridge to ``targets``: ``ovs 5``, ``ovs 10`` and ``ovs sflow``.
    """
    socket_path, more = folder / "db.sock", {"OVS_RUNDIR": str(folder), "OVS_LOGDIR": str(folder)}
    environment = {**os.environ, **more}
    database = folder / "conf.db"
    _run(["ovsdb-tool", "create", str(database), "/usr/share/openvswitch/vswitch.ovsschema"])
    control = ["ovs-vsctl", f"--db=unix:{socket_path}", "--timeout=10"]
    wire.start(
        ["ovsdb-server", str(database), f"--remote=punix:{socket_path}", "--no-chdir"], env=environment
    )
    until(socket_path.exists, what="ovsdb-server")
    _run([*control, "--no-wait", "init"])
    switch = wire.start(["ovs-vswitchd", f"unix:{socket_path}", "--no-chdir"], env=environment)
    commands = [
        "-- add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 port0",
        f'-- --id=@n create netflow targets="{targets["ovs 5"]}" active_timeout=1 -- set bridge br0 netflow=@n',
        (
            f'-- --id=@i create ipfix targets="{targets["ovs 10"]}" sampling=1 cache_active_timeout=1 '
            "-- set bridge br0 ipfix=@i"
        ),
        (
            f'-- --id=@s create sflow targets="{targets["ovs sflow"]}" agent=lo sampling=1 header=128 polling=0'
            " -- set bridge br0 sflow=@s"
        ),
    ]
    for command in commands:
        _run([*control, *shlex.split(command, posix=False)])
    for four in (f"{HERE4}/24", f"{HERE6}/64"):
        _run(["ip", "-n", wire.here, "address", "del", four, "dev", "port0"])
    _run(wire.command(["ethtool", "-K", "br0", "tx", "off", "tso", "off", "gso", "off", "gro", "off"]))
    _run(["ip", "-n", wire.here, "address", "add", f"{HERE4}/24", "dev", "br0"])
    _run(["ip", "-n", wire.here, "address", "add", f"{HERE6}/64", "dev", "br0", "nodad"])
    _run(["ip", "-n", wire.here, "link", "set", "br0", "up"])
    yield
    stop(switch)


def fprobe(wire: Wire, target: str) -> subprocess.Popen[str]:
    """Exports flows that were idle for a second; with its log on stdout it stays in the foreground."""
    return wire.start(
        [
            "fprobe",
            "-i",
            "port0",
            "-f",
            "ip",
            "-n",
            "5",
            "-s",
            "1",
            "-d",
            "1",
            "-e",
            "60",
            "-q",
            "10000",
            "-l",
            "2:lab",
            target,
        ]
    )


def pmacctd(wire: Wire, target: str, kind: str, folder: Path) -> subprocess.Popen[str]:
    """``kind`` is ``nfprobe 9``, ``nfprobe 10`` or ``sfprobe``; exports all when interrupted."""
    plugin, _, version = kind.partition(" ")
    lines = [
        "daemonize: false",
        "pcap_interface: port0",
        "pcap_filter: tcp or udp",
        "aggregate: src_host, dst_host, src_port, dst_port, proto, tos",
        f"plugins: {plugin}[a]",
        f"{plugin}_receiver: {target}",
    ]
    if plugin == "nfprobe":
        lines += [
            f"nfprobe_version: {version}",
            "nfprobe_timeouts: tcp=1:tcp.rst=1:tcp.fin=1:udp=1:icmp=1:general=1:maxlife=60:expint=1",
        ]
    else:
        lines += ["sampling_rate: 1", "sfprobe_agentip: 198.18.81.1"]
    config = folder / f"pmacctd-{plugin}{version}.conf"
    config.write_text("\n".join([*lines, ""]))
    return wire.start(["pmacctd", "-f", str(config)], start_new_session=True)


def seen_by_tcpdump(capture: Path) -> dict[Flow, Volume]:
    """Return packets and octets of each TCP and UDP flow of a capture of an Ethernet: the oracle, packet by packet."""
    found: dict[Flow, Volume] = defaultdict(lambda: (0, 0))
    data = capture.read_bytes()
    order = "<" if data[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    at = 24
    while at + 16 <= len(data):
        size = struct.unpack_from(f"{order}I", data, at + 8)[0]
        packet, at = data[at + 16 + 14 : at + 16 + size], at + 16 + size
        if packet[0] >> 4 == 4:
            head, octets, protocol, ends = (
                (packet[0] & 15) * 4,
                struct.unpack_from("!H", packet, 2)[0],
                packet[9],
                packet[12:20],
            )
        else:
            head, octets, protocol, ends = (
                40,
                40 + struct.unpack_from("!H", packet, 4)[0],
                packet[6],
                packet[8:40],
            )
        half = len(ends) // 2
        ports = struct.unpack_from("!HH", packet, head)
        flow = (str(ip_address(ends[:half])), str(ip_address(ends[half:])), *ports, protocol)
        packets, total = found[flow]
        found[flow] = packets + 1, total + octets
    return dict(found)


RECEIVER = """
import msgspec, sys
from sekisho.workflows.receive import Receiving, receive_until_told
receive_until_told(msgspec.json.decode(sys.argv[1], type=Receiving))
"""


def receiver(wire: Wire, receiving: Receiving) -> subprocess.Popen[str]:
    """Start a receiver process in the sender's namespace and wait until it listens."""
    made = wire.start([sys.executable, "-c", RECEIVER, msgspec.json.encode(receiving).decode()])

    def listens() -> bool:
        told = last_told(receiving.place())
        return told is not None and told.process == made.pid

    until(listens, what="the receiver")
    return made


def nfcapd(wire: Wire, program: str, folder: Path, datagrams: list[bytes]) -> dict[str, int]:
    """Send datagrams to a collector of nfdump and return its flows, packets and octets."""
    folder.mkdir()
    address = wire.address()
    made = wire.start(
        [program, "-w", str(folder), "-b", address, "-p", "2055", "-t", "3600", "-B", "10000000"]
    )
    until(lambda: ":2055" in _run_out(wire.command(["ss", "-ulnH", f"src {address}"])), what=program)
    with wire.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for one in datagrams:
            out.sendto(one, (address, 2055))
    time.sleep(0.3)
    stop(made)
    (file,) = folder.glob("nfcapd.2*")
    words = dict(
        line.split(": ", 1)
        for line in _run_out(["nfdump", "-I", "-r", str(file)]).splitlines()
        if ": " in line
    )
    return {"flows": int(words["Flows"]), "packets": int(words["Packets"]), "octets": int(words["Bytes"])}


def _run_out(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
