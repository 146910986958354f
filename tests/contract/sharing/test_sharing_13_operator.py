"""13, the small operator: from the invitation to a list that is loaded, what stays when the hub is away, what goes when it is taken back."""

from __future__ import annotations

import grp
import itertools
import json
import os
import shutil
import socket
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from fakes.command import typed
from fakes.feed_server import serving
from fakes.sharing import DAY, Ring, indicator, opened_ring
from sekisho.model.indicator import Tlp
from sekisho.model.line_count import day_of
from sekisho.model.sharing import rfc3339
from sekisho.wiring.hub import upkeep
from sekisho.wiring.moment import milliseconds
from sekisho.wiring.watch import Watch
from sekisho.workflows.hub import publish


def lately(ring: Ring, number: int, address: str, **more: Any) -> dict[str, Any]:
    """Return an indicator that was seen an hour ago: clients go by the real clock."""
    moment = f"{day_of(ring.clock[0] - 3_600_000)}T00:00:00.000Z"
    return indicator(address, number=number, seen="handshake", tlp=Tlp.GREEN, moment=moment, **more)


def filled(ring: Ring) -> Ring:
    ring.clock[0] = milliseconds()
    ring.join("a").join("b").join("c").join("small", "receive-only")
    # Three voices: the name may be blocked, the addresses are to be watched for.
    ring.post("c", "list-in", lately(ring, 25, "", pattern="[domain-name:value = 'c2.example.net']"))
    for place, member in enumerate("ab"):
        for number, address in enumerate(("198.51.100.7", "198.51.100.8")):
            ring.post(member, "list-in", lately(ring, 10 * place + number, address))
        name = lately(ring, 10 * place + 5, "", pattern="[domain-name:value = 'c2.example.net']")
        ring.post(member, "list-in", name)
    publish(ring.books, b"x")
    return ring


def taken_back(ring: Ring, *numbers: int) -> None:
    """Let both members take something back, and publish that."""
    ring.clock[0] += 2_000
    for place, member in enumerate("ab"):
        for number in numbers:
            (held,) = ring.books.objects.find(
                ring.books.part(ring.ids["list-in"], member),
                _one(10 * place + number),
                limit=1,
                octets=1 << 20,
            ).held
            body = json.loads(held.body) | {
                "revoked": True,
                "modified": f"{day_of(ring.clock[0] - 3_600_000)}T00:00:01.000Z",
            }
            ring.post(member, "list-in", body)
    publish(ring.books, b"y")


def _one(number: int) -> Any:
    from sekisho.ports.sharing import ObjectFilter

    return ObjectFilter((indicator(number=number)["id"],))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "watch"
    folder.mkdir()
    (folder / "watch.toml").write_text('customers = ["192.0.2.0/24"]\nbasis = "not-communication"\n')
    return folder


def joined(ring: Ring, data: Path, url: str, code: int = 0) -> dict[str, Any]:
    token = data.parent / "token"
    token.write_text(ring.tokens["small"])
    token.chmod(0o600)
    done = typed(["hub", "join", url, "--token-file", token, "--data", data, "--json"])
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["list"]
    return found


def test_what_is_taken_back_by_name_goes_and_what_is_only_gone_stays(
    ring: Ring, data: Path, tmp_path: Path
) -> None:
    filled(ring)
    with ring.served() as url:
        file = Path(joined(ring, data, url)["file"])
        assert len(json.loads(file.read_bytes())["indicators"]) == 2
        taken_back(ring, 0)
        assert joined(ring, data, url)["used"] == 1
        before = file.read_bytes()
        # A hub that lost what it had, under the same address, key and all: nothing is taken back by that.
        with opened_ring(tmp_path / "other") as other:
            other.join("small", "receive-only")
            with other.served() as empty:
                assert joined(other, data, empty, 3)["reason"] == "nothing-to-use"
        assert file.read_bytes() == before
        # All of it is taken back, each by its name: that is an answer.
        taken_back(ring, 1)
        told = joined(ring, data, url)
        assert (told["written"], told["used"], told["left_out"]) == (True, 0, {"revoked": 2, "no-address": 1})
        assert json.loads(file.read_bytes())["indicators"] == []
    with Watch(data) as watch:
        assert watch.detectors(("known_cc",), ())[1].used == {}


# With nothing but curl, a shell, mv, rm and chgrp: the script is the one of the manual.

MANUAL = Path(__file__).parents[3] / "docs" / "40-share" / "small-operator.md"


class Machine:
    """A small operator's machine: the manual's two files, five programs, nothing of ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        for name in ("sh", "curl", "mv", "rm", "chgrp"):
            (folder / "bin" / name).symlink_to(str(shutil.which(name)))
        script = MANUAL.read_text("utf-8").partition("```sh\n")[2].partition("```")[0]
        assert script.startswith("#!/bin/sh\n")
        (folder / "fetch.sh").write_text(script)
        (folder / "fetch.sh").chmod(0o700)

    def invited(self, member: str, token: str) -> None:
        (self.folder / "curl.conf").write_text(f'user = "{member}:{token}"\n')

    def cron(self, form: str, file: str, hub: str, *command: str, group: str = "") -> int:
        """Do what cron does at its minute; return the exit code. The hub hears of a token by the file alone."""
        line = f"{f'GROUP={group} ' if group else ''}{self.folder}/fetch.sh {form} {self.folder}/{file} {' '.join(command)}"
        env = {
            "PATH": str(self.folder / "bin"),
            "HOME": str(self.folder),
            "HUB": hub,
            "CONFIG": f"{self.folder}/curl.conf",
        }
        done = subprocess.run(["/bin/sh", "-c", line], env=env, cwd=self.folder, capture_output=True, timeout=60, check=False)  # fmt: skip
        self.said = done.stderr.decode()
        return done.returncode

    def text(self, file: str) -> str:
        return (self.folder / file).read_text("utf-8")

    def stale(self, file: str) -> str:
        beside = self.folder / f"{file}.stale"
        return beside.read_text().strip() if beside.exists() else ""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    folder = tmp_path / "operator"
    folder.mkdir()
    return Machine(folder)


def test_13_with_curl_and_cron_from_the_invitation_to_a_list_and_back(
    ring: Ring, machine: Machine, tmp_path: Path
) -> None:
    filled(ring)
    machine.invited("small", ring.tokens["small"])
    with ring.served() as url:
        for form, words in {"watch.unbound": 'local-zone: "c2.example.net." always_nxdomain', "watch.suricata": "198.51.100.7 23",
                            "watch.rpz": "c2.example.net CNAME .", "watch.csv": "address,198.51.100.8"}.items():  # fmt: skip
            assert machine.cron(form, form, url) == 0, machine.said
            assert words in machine.text(form)
            assert "# entries 3" in machine.text(form).replace(";", "#")
        assert {one.name for one in machine.folder.iterdir() if one.suffix in (".new", ".stale")} == set()
        # Unchanged: a 304, and what would load it isn't run.
        assert machine.cron("watch.txt", "list", url, f"{machine.folder}/bin/mv", "no", "where") == 1
        assert machine.cron("watch.txt", "list", url, f"{machine.folder}/bin/mv", "no", "where") == 0
        # Taken back at the hub: gone at the next fetch. All of it: an empty list is a list.
        taken_back(ring, 0)
        assert machine.cron("watch.txt", "list", url) == 0
        assert "198.51.100.7" not in machine.text("list")
        assert "198.51.100.8" in machine.text("list")
        before = machine.text("list")
        # A hub that lost what it had, one that says no, and a page that is no list: the last good one stays.
        with opened_ring(tmp_path / "other") as other:
            other.join("small", "receive-only")
            other.tokens["small"], own = ring.tokens["small"], other.tokens["small"]
            machine.invited("small", own)
            with other.served() as empty:
                assert machine.cron("watch.txt", "list", empty) == 1
                assert machine.stale("list") == "older than what is here"
            machine.invited("small", "skh_" + "0" * 64)
            assert machine.cron("watch.txt", "list", url) == 1
            assert "401" in machine.said
            machine.invited("small", ring.tokens["small"])
        assert machine.text("list") == before
        assert machine.cron("watch.txt", "list", url) == 0  # 304: well again
        assert machine.stale("list") == ""
        taken_back(ring, 1, 5)
        assert machine.cron("watch.txt", "list", url) == 0
        assert "entries 0" in machine.text("list")
        last = machine.text("list")
    assert machine.cron("watch.txt", "list", url) == 1  # the hub is down
    assert machine.stale("list") == "out of reach"
    with serving({"feed/watch.txt": b"<html>Please sign in</html>"}) as portal:
        assert machine.cron("watch.txt", "list", portal.address.rstrip("/")) == 1
        assert "not a list" in machine.said
    assert machine.text("list") == last


def test_13_a_list_is_read_by_the_group_that_loads_it_and_by_nobody_else(
    ring: Ring, machine: Machine
) -> None:
    lines = [one for one in MANUAL.read_text("utf-8").splitlines() if one.startswith("*/5 * * * * ")]
    own = {"block.rpz": "GROUP=bind", "block.unbound": "GROUP=unbound"}  # by their packages, and not as root
    assert {
        form for form, group in own.items() if any(f" {group} " in line and form in line for line in lines)
    } == set(own)
    filled(ring)
    machine.invited("small", ring.tokens["small"])
    mine = os.getgroups() if os.getuid() else [one.gr_gid for one in grp.getgrall()]
    other = max(mine, key=lambda one: (one != os.getegid(), one))
    with ring.served() as url:
        assert machine.cron("watch.rpz", "list", url, group=grp.getgrgid(other).gr_name) == 0, machine.said
        there = (machine.folder / "list").stat()
        assert (stat.S_IMODE(there.st_mode), there.st_gid) == (0o640, other)
        before = machine.text("list")
        taken_back(ring, 0)
        assert machine.cron("watch.rpz", "list", url, group="nobody-is-called-so") == 1
    assert (machine.text("list"), machine.stale("list")) == (before, "can't be given to nobody-is-called-so")


NAMED = """options {{ directory "{0}"; listen-on port {1} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; pid-file none;
session-keyfile none; managed-keys-directory "{0}"; dnssec-validation no; empty-zones-enable no;
max-cache-size 16m; recursion yes; forward only; forwarders {{ 127.0.0.1 port 9; }}; allow-recursion {{ 127.0.0.1; }};
response-policy {{ zone "hub.rpz"; }} qname-wait-recurse no; }};
zone "." {{ type primary; file "{0}/root.zone"; }}; zone "hub.rpz" {{ type primary; file "{0}/hub.rpz"; }}; controls {{ }};
"""


def asked_of(port: int, name: str) -> int:
    """Return the code of a resolver's answer (0: it is there, 3: there is no such name); -1 for none."""
    question = b"\x12\x34\x01\x00\x00\x01" + bytes(6) + b"".join(bytes([len(one)]) + one.encode() for one in name.split("."))  # fmt: skip
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.settimeout(1)
        try:
            wire.sendto(question + b"\x00\x00\x01\x00\x01", ("127.0.0.1", port))
            return wire.recv(512)[3] & 15
        except OSError:
            return -1


UNBOUND = """server:
  interface: 127.0.0.1@{1}
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "{0}"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  module-config: "iterator"
  local-zone: "example.net." redirect
  local-data: "example.net. A 192.0.2.1"
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@9
include: "{0}/hub.conf"
"""


def set_up(machine: Machine, name: str) -> tuple[list[str], int]:
    """Write a resolver's settings; it asks nobody beyond this machine. Return how it is started, and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    zone = "$TTL 1\n@ SOA a. b. 1 1 1 1 1\n@ NS a.\na. A 127.0.0.1\n*.example.net. A 192.0.2.1\n"
    (machine.folder / "root.zone").write_text(zone)
    text = {"named": NAMED, "unbound": UNBOUND}[name].format(machine.folder, port)
    settings = machine.folder / f"{name}.conf"
    settings.write_text(text)
    program = str(shutil.which(name, path="/usr/sbin:/usr/bin:/sbin"))
    words = {"named": ["-g", "-n", "1", "-c"], "unbound": ["-d", "-c"]}[name]
    return [program, *words, str(settings)], port


@pytest.mark.parametrize(
    ("name", "form", "file"),
    [
        ("named", "block.rpz", "hub.rpz"),
        ("unbound", "block.unbound", "hub.conf"),
        ("named", "watch.rpz", "hub.rpz"),
        ("unbound", "watch.unbound", "hub.conf"),
    ],
)
def test_13_a_resolver_that_loads_the_list_answers_by_it(
    ring: Ring, machine: Machine, name: str, form: str, file: str
) -> None:
    """BIND and Unbound, with a name space of their own: the name is there, is not while it may be blocked, and is again.

    A name that is only to be watched for is there all the time, and in the resolver's log.
    """
    filled(ring)
    for place, member in enumerate("ab"):
        ring.post(
            member, "list-in", lately(ring, 40 + place, "", pattern="[domain-name:value = 'w.example.net']")
        )
    publish(ring.books, b"x")
    machine.invited("small", ring.tokens["small"])
    command, port = set_up(machine, name)
    with ring.served() as url:
        assert machine.cron(form, file, url) == 0
        log = machine.folder / "log"
        with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as running:
            try:

                def until(asked: str, code: int) -> bool:
                    end = time.monotonic() + 30
                    while asked_of(port, asked) != code and time.monotonic() < end:
                        time.sleep(0.05)
                    return asked_of(port, asked) == code

                assert until("www.example.net", 0), log.read_text()[-2000:]
                assert until("c2.example.net", 3), log.read_text()[-2000:]
                assert asked_of(port, "deep.c2.example.net") == 3
                # Unbound asks on for what it only logs: here nobody is there to answer (2), which is not "no such name" (3).
                there = 2 if form == "watch.unbound" else 0
                assert [asked_of(port, one) for one in ("w.example.net", "deep.w.example.net")] == [there] * 2
                assert ("w.example.net" in log.read_text()) == form.startswith("watch")
                taken_back(ring, 5)
                assert machine.cron(form, file, url, f"kill -HUP {running.pid}") == 0, machine.said
                assert until("c2.example.net", 0), log.read_text()[-2000:]
            finally:
                running.terminate()
                running.wait(20)


def test_a_feed_never_goes_back_in_time(ring: Ring) -> None:
    """Taken back, disputed, over by age, before and after it is written anew: a secondary takes each change."""

    def feed(form: str = "block") -> tuple[int, str]:
        text = ring.ask("small", "GET", f"/feed/{form}.rpz").body.decode()
        return int(text.partition("localhost. root.localhost. ")[2].split()[0]), text.partition(
            "NS localhost."
        )[2]

    filled(ring)
    seen = [feed()]
    assert "c2.example.net" in seen[0][1]
    for step in (2_000, 100_000, 100_000):
        ring.clock[0] += step
        name = lately(ring, 25, "", pattern="[domain-name:value = 'c2.example.net']")
        moment = rfc3339(ring.clock[0] * 1000)
        ring.post("c", "list-in", name | {"modified": moment, "revoked": step == 100_000 and len(seen) > 2})
        seen.append(feed())  # what is due and not written yet
        ring.clock[0] += 2_000
        publish(ring.books, b"z")
        seen.append(feed())
    assert "c2.example.net" not in feed()[1]
    assert "c2.example.net CNAME rpz-passthru." in feed("watch")[1]
    ring.clock[0] += 20 * DAY  # over by its own time, and nobody has looked
    seen.append(feed())
    assert feed("watch")[1].strip() == ""
    serials = [serial for serial, _ in seen]
    assert serials == sorted(serials)
    for (before, old), (after, new) in itertools.pairwise(seen):
        assert after > before or old == new
    upkeep(ring.desk, b"q", whole=True)
    assert feed()[0] >= serials[-1] > serials[0] > 1_700_000_000


def test_what_was_seen_again_stays_in_the_list_until_it_is_written_anew(ring: Ring) -> None:
    filled(ring)
    ring.clock[0] += DAY  # what the hub keeps of a sight is its day
    again = lately(ring, 0, "198.51.100.7")
    ring.post(
        "a",
        "list-in",
        again | {"id": indicator(number=90)["id"], "valid_from": rfc3339(ring.clock[0] * 1000)},
    )
    assert ring.standing("198.51.100.7").published == 0
    assert "198.51.100.7" in ring.ask("small", "GET", "/feed/watch.txt").body.decode()
