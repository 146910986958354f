"""Logs of real servers: FreeRADIUS, ISC dhcpd and Kea hand out addresses to real clients, and we say who had them.

The DHCP servers and their client stand at the two ends of a veth pair between two network namespaces of this test.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sekisho.model.assignment import Answer, Outcome
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.model.tallies import Counting
from sekisho.plugins import units
from sekisho.stores.assignments import AssignmentStore

pytestmark = [pytest.mark.lab]
WAIT_S = 15
MAC = "02:00:5e:00:00:07"


def now() -> int:
    return int(time.time() * 1000)


def stored(folder: Path, kind: str, *logs: Path) -> tuple[AssignmentStore, Counting]:
    """Read the logs as `sekisho assignments add` does, the reader chosen by the file itself."""
    label = Label((Purpose.NOTICE,), LegalBasis.NOT_COMMUNICATION, Stage.ASSIGNMENT, now() + 86_400_000)
    store, tally = AssignmentStore(folder / "assignments", now, lambda: label), Counting()
    for log in logs:
        content = log.read_bytes()
        knowing = [
            name
            for name, unit in units("assignment_readers").items()
            if unit.detect(content[:65_536], log.name)
        ]
        assert knowing == [kind], content[:500]
        with log.open("rb") as source:
            store.add_statements(units("assignment_readers")[kind].read(source, tally, {"source": log.name}))
    assert not tally.counted().rejected, tally.counted()
    return store, tally


def who(store: AssignmentStore, address: str, moment: int) -> Answer:
    return next(store.look_up([(address, 0, moment)]))


def until(true: Any, what: str, log: Path | None = None) -> None:
    end = time.monotonic() + WAIT_S
    while not true():
        if time.monotonic() > end:
            pytest.fail(f"{what}: {log.read_text(errors='replace')[-2000:] if log and log.exists() else ''}")
        time.sleep(0.05)


def holds(file: Path, *words: str) -> bool:
    text = file.read_text(errors="replace")
    return all(word in text for word in words)


@contextmanager
def running(
    command: list[str], log: Path, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server, and stop it."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


RADIUSD = """prefix = /usr
logdir = {folder}
run_dir = {folder}
name = lab
libdir = /usr/lib/freeradius
pidfile = {folder}/lab.pid
max_requests = 1024
log {{
  destination = files
  file = {folder}/radius.log
}}
client lab {{
  ipaddr = 127.0.0.1
  secret = testing123
}}
thread pool {{
  start_servers = 1
  max_servers = 2
  min_spare_servers = 1
  max_spare_servers = 1
}}
modules {{
  detail {{
    filename = {folder}/detail
    permissions = 0600
    header = "%t"
  }}
}}
server lab {{
  listen {{
    type = acct
    ipaddr = 127.0.0.1
    port = {port}
  }}
  accounting {{
    detail
  }}
}}
"""


def test_freeradius(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "radiusd.conf").write_text(RADIUSD.format(folder=tmp_path, port=port))
    detail, out = tmp_path / "detail", tmp_path / "out"

    def send(**attributes: str) -> int:
        """Return the moment at which the server had it on its disk."""
        words = "\n".join(f"{name.replace('_', '-')}={value}" for name, value in attributes.items()) + "\n"
        done = subprocess.run(
            ["radclient", "-r", "20", "-t", "0.5", f"127.0.0.1:{port}", "acct", "testing123"],
            input=words, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr + out.read_text(errors="replace")
        return now()

    nas = {"NAS_IP_Address": "192.0.2.250", "NAS_Port": "1"}
    one = nas | {"Acct_Session_Id": '"s1"', "User_Name": '"line-1@isp.example"', "Framed_IP_Address": "198.51.100.7",
                 "Delegated_IPv6_Prefix": "2001:db8:0:100::/56", "Framed_IPv6_Prefix": "2001:db8:ff:1::/64"}  # fmt: skip
    two = nas | {"Acct_Session_Id": '"s2"', "User_Name": r'"li\"ne-2"', "Framed_IP_Address": "198.51.100.8"}
    with running(["freeradius", "-f", "-d", str(tmp_path), "-n", "radiusd"], out):
        begin = send(Acct_Status_Type="Start", **one)
        send(Acct_Status_Type="Start", **two)
        send(Acct_Status_Type="Interim-Update", Acct_Session_Time="1", **two)
        time.sleep(1.2)
        end = send(Acct_Status_Type="Stop", Acct_Session_Time="3600", Acct_Delay_Time="2", **one)
        time.sleep(1.2)
        send(Acct_Status_Type="Accounting-Off", **nas)
        until(lambda: b"Accounting-Off" in detail.read_bytes(), "the detail file", out)
    store, tally = stored(tmp_path, "radius_detail", detail)
    assert tally.rows == 9  # three networks of line-1 twice, line-2 twice, one reset
    for address in ("198.51.100.7", "2001:db8:0:1ff::5", "2001:db8:ff:1::9"):
        answer = who(store, address, begin - 1_800_000)
        assert (answer.outcome, answer.account, answer.because) == (
            Outcome.FOUND,
            "line-1@isp.example",
            "",
        ), address
        assert who(store, address, end + 60_000).outcome is not Outcome.FOUND
    answer = who(store, "198.51.100.8", begin)
    assert (answer.account, answer.because) == ('li"ne-2', "")  # the reset closed it: no longer open
    assert who(store, "198.51.100.8", end + 3_600_000).outcome is not Outcome.FOUND
    assert who(store, "198.51.100.99", begin).outcome is Outcome.GAP


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


@pytest.fixture
def wire() -> Iterator[tuple[list[str], list[str]]]:
    """Two namespaces and a veth pair; return how to run something in the server's and in the client's."""
    server, client = f"sk-srv-{os.getpid()}", f"sk-cli-{os.getpid()}"
    made = []
    try:
        for name in (server, client):
            ip("netns", "add", name)
            made.append(name)
            for what in ("all", "default"):
                subprocess.run(
                    [
                        "ip",
                        "netns",
                        "exec",
                        name,
                        "sh",
                        "-c",
                        f"echo 0 > /proc/sys/net/ipv6/conf/{what}/accept_dad",
                    ],
                    check=False,
                )
        ip("-n", server, "link", "add", "s0", "type", "veth", "peer", "name", "c0", "netns", client)
        ip("-n", client, "link", "set", "c0", "address", MAC)
        for name, device in ((server, "s0"), (client, "c0")):
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "link", "set", device, "up")
        # Servers and clients of DHCPv6 start only when a link-local address is ready.
        ip("-n", server, "addr", "add", "fe80::5e:1/64", "dev", "s0", "nodad")
        ip("-n", client, "addr", "add", "fe80::5e:7/64", "dev", "c0", "nodad")
        ip("-n", server, "addr", "add", "192.168.77.1/24", "dev", "s0")
        ip("-n", server, "addr", "add", "fd5e:c1a5:0:9::1/64", "dev", "s0", "nodad")
        yield ["ip", "netns", "exec", server], ["ip", "netns", "exec", client]
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def lease4(client: list[str], log: Path) -> None:
    done = subprocess.run(
        [*client, "busybox", "udhcpc", "-i", "c0", "-n", "-q", "-f", "-t", "15", "-T", "1", "-s", "/bin/true"],
        capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip
    said = log.read_text(errors="replace")[-2000:] if log.exists() else ""
    assert done.returncode == 0, done.stdout + done.stderr + said


@contextmanager
def lease6(client: list[str], folder: Path) -> Iterator[None]:
    """Ask for an address and a delegated prefix with a real client, and keep it until the end."""
    command = [
        *client,
        "dhclient",
        "-6",
        "-N",
        "-P",
        "-d",
        "-sf",
        "/bin/true",
        "-lf",
        str(folder / "client6"),
        "-pf",
        str(folder / "client6.pid"),
        "c0",
    ]
    with running(command, folder / "client6.log"):
        yield


DHCPD4 = """authoritative;
default-lease-time 600;
max-lease-time 600;
subnet 192.168.77.0 netmask 255.255.255.0 { range 192.168.77.50 192.168.77.60; }
"""
DHCPD6 = """default-lease-time 600;
subnet6 fd5e:c1a5:0:9::/64 {
  range6 fd5e:c1a5:0:9::100 fd5e:c1a5:0:9::1ff;
  prefix6 fd5e:c1a5:100:: fd5e:c1a5:1ff:: /56;
}
"""


def leased(text: str, words: str) -> str:
    """Return what follows the last of ``words``."""
    return text.rpartition(words)[2].split()[0]


def test_isc_dhcpd(tmp_path: Path, wire: tuple[list[str], list[str]]) -> None:
    server, client = wire
    for family, config in (("4", DHCPD4), ("6", DHCPD6)):
        conf, leases, out = (
            tmp_path / f"dhcpd{family}.conf",
            tmp_path / f"dhcpd{family}.leases",
            tmp_path / f"out{family}",
        )
        conf.write_text(config)
        leases.touch()
        command = [
            *server,
            "dhcpd",
            f"-{family}",
            "-f",
            "-cf",
            str(conf),
            "-lf",
            str(leases),
            "--no-pid",
            "s0",
        ]
        with running(command, out):
            if family == "4":
                lease4(client, out)
            else:
                with lease6(client, tmp_path):
                    until(partial(holds, leases, "iaprefix", "iaaddr"), "a prefix", out)
    four, six = (tmp_path / f"dhcpd{family}.leases" for family in "46")
    store, tally = stored(tmp_path, "dhcpd_leases", four, six)
    assert tally.rows >= 3
    address = leased(four.read_text(), "\nlease ")
    answer = who(store, address, now())
    assert answer.outcome is Outcome.FOUND
    assert MAC in answer.account
    assert who(store, address, now() + 700_000).outcome is not Outcome.FOUND
    prefix = leased(six.read_text(), "iaprefix ")
    assert prefix.endswith("/56")
    for target in (leased(six.read_text(), "iaaddr "), prefix.replace("::/56", "::99")):
        answer = who(store, target, now())
        assert answer.outcome is Outcome.FOUND, target
        assert answer.account.startswith("duid:00:0")


def kea(folder: Path, family: str) -> dict[str, Any]:
    """Return the configuration of a Kea server."""
    subnet: dict[str, Any] = (
        {"subnet": "192.168.77.0/24", "pools": [{"pool": "192.168.77.50 - 192.168.77.60"}]}
        if family == "4"
        else {
            "subnet": "fd5e:c1a5:0:9::/64", "interface": "s0",
            "pools": [{"pool": "fd5e:c1a5:0:9::100 - fd5e:c1a5:0:9::1ff"}],
            "pd-pools": [{"prefix": "fd5e:c1a5:100::", "prefix-len": 40, "delegated-len": 56}],
        }
    )  # fmt: skip
    identity: dict[str, Any] = (
        {}
        if family == "4"
        else {"server-id": {"type": "EN", "enterprise-id": 2495, "identifier": "5e01", "persist": False}}
    )
    return {
        f"Dhcp{family}": identity
        | {
            "interfaces-config": {"interfaces": ["s0"]},
            "lease-database": {
                "type": "memfile",
                "persist": True,
                "name": str(folder / f"kea{family}.csv"),
                "lfc-interval": 0,
            },
            "valid-lifetime": 600,
            **({"preferred-lifetime": 500} if family == "6" else {}),
            f"subnet{family}": [subnet],
            "loggers": [
                {"name": f"kea-dhcp{family}", "severity": "INFO", "output_options": [{"output": "stdout"}]}
            ],
        }
    }


def test_kea(tmp_path: Path, wire: tuple[list[str], list[str]]) -> None:
    server, client = wire
    places = {
        "KEA_PIDFILE_DIR": str(tmp_path),
        "KEA_LOCKFILE_DIR": str(tmp_path),
        "KEA_LOGGER_DESTINATION": "stdout",
    }
    for family in "46":
        conf, out, leases = (
            tmp_path / f"kea{family}.json",
            tmp_path / f"kea{family}.out",
            tmp_path / f"kea{family}.csv",
        )
        conf.write_text(json.dumps(kea(tmp_path, family)))
        with running([*server, f"kea-dhcp{family}", "-c", str(conf)], out, places):
            until(partial(holds, out, f"DHCP{family}_STARTED"), "Kea", out)
            if family == "4":
                lease4(client, out)
                until(partial(holds, leases, MAC), "a lease", out)
            else:
                with lease6(client, tmp_path):
                    until(partial(holds, leases, ",56,", ",128,"), "two leases", out)
    four, six = (tmp_path / f"kea{family}.csv" for family in "46")
    store, tally = stored(tmp_path, "kea_leases", four, six)
    assert tally.rows >= 3
    address = four.read_text().splitlines()[1].split(",")[0]
    answer = who(store, address, now())
    assert answer.outcome is Outcome.FOUND
    assert MAC in answer.account
    assert who(store, address, now() + 700_000).outcome is not Outcome.FOUND
    rows = [line.split(",") for line in six.read_text().splitlines()[1:]]
    assert {row[6] for row in rows} == {"0", "2"}
    for row in rows:
        answer = who(
            store, row[0].replace("::", "::") if row[6] == "0" else row[0].removesuffix("::") + "::99", now()
        )
        assert (answer.outcome, answer.account) == (Outcome.FOUND, row[1])
