"""What bgpd of FRR writes down of BGP (MRT) while three programs speak it, read as facts of an accident.

ExaBGP speaks AS numbers of two octets, GoBGP of four: FRR writes both kinds of records.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import pytest

from sekisho.formats.mrt import ESTABLISHED, read_mrt
from sekisho.formats.route_files import OwnRoutes, read_routes
from sekisho.model.timeline import What
from sekisho.workflows.import_alarms import import_alarms

from .containing import CLIENT4, FAR4, OTHER4, Street, soon

pytestmark = pytest.mark.lab
NET, NET6 = "192.0.2.0/24", "2001:db8:5::/48"
WIDE = 4_200_000_001
OWN = OwnRoutes((NET, NET6), (64_500, WIDE))
COLLECTOR = """router bgp 64999
 bgp router-id 203.0.113.7
 no bgp ebgp-requires-policy
 neighbor {a} remote-as 64501
 neighbor {b} remote-as 64502
 neighbor {a} ebgp-multihop 5
 neighbor {b} ebgp-multihop 5
 neighbor {a} timers connect 1
 neighbor {b} timers connect 1
 address-family ipv6 unicast
  neighbor {a} activate
 exit-address-family
dump bgp all-et {folder}/all.mrt
dump bgp updates {folder}/updates.mrt
dump bgp routes-mrt {folder}/table.mrt 1
"""
GOBGP = """[global.config]
  as = 64501
  router-id = "198.51.100.5"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "{far}"
    peer-as = 64999
  [neighbors.timers.config]
    connect-retry = 1
  [neighbors.ebgp-multihop.config]
    enabled = true
    multihop-ttl = 5
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv6-unicast"
"""
EXABGP = """process sekisho {{ run /bin/cat {pipe}; encoder text; }}
neighbor {far} {{
  router-id 203.0.113.8; local-address {near}; local-as 64502; peer-as 64999;
  capability {{ asn4 disable; }}
  family {{ ipv4 unicast; }}
  api {{ processes [ sekisho ]; }}
}}
"""


class Speaking:
    """The collector and its two peers."""

    def __init__(self, street: Street, folder: Path, exabgp: TextIO) -> None:
        self.street, self.folder, self._exabgp = street, folder, exabgp

    def wide(self, *words: str) -> None:
        """Let GoBGP announce or withdraw."""
        self.street.command(self.street.client, "gobgp", "global", "rib", *words)

    def narrow(self, words: str) -> None:
        """Let ExaBGP announce or withdraw."""
        self._exabgp.write(words + "\n")
        self._exabgp.flush()

    def seen(self, told: Callable[[str], bool], prefix: str = NET) -> float:
        """Wait until the collector's table is so; return when it was."""
        family = "ipv6" if ":" in prefix else "ipv4"
        soon(lambda: told(self.show(f"show bgp {family} unicast {prefix}")))
        return time.time()

    def show(self, what: str) -> str:
        return self.street.command(
            self.street.far, "vtysh", "--vty_socket", str(self.folder), "-d", "bgpd", "-c", what, code=None
        )


@pytest.fixture
def speaking(tmp_path: Path) -> Iterator[Speaking]:
    folder = Path(tempfile.mkdtemp(prefix="sekisho-frr-"))  # its own user has to get there
    shutil.chown(folder, "frr", "frr")
    with Street("mrt") as street:
        file = folder / "bgpd.conf"
        file.write_text(COLLECTOR.format(a=CLIENT4, b=OTHER4, folder=folder))
        street.start(
            street.far, "/usr/lib/frr/bgpd", "-f", str(file), "-i", str(folder / "pid"), "--vty_socket", str(folder), "-n", "-S",
            "-A", "127.0.0.1", "-P", "2605", "-Z", "-l", FAR4, "-p", "179", log=tmp_path / "bgpd.log",
        )  # fmt: skip
        pipe, conf, gobgp = tmp_path / "commands", tmp_path / "exabgp.conf", tmp_path / "gobgpd.toml"
        os.mkfifo(pipe)
        conf.write_text(EXABGP.format(pipe=pipe, far=FAR4, near=OTHER4))
        gobgp.write_text(GOBGP.format(far=FAR4))
        street.start(
            street.client, "gobgpd", "-f", str(gobgp), "--pprof-disable", "-p", log=tmp_path / "gobgpd.log"
        )
        street.start(
            street.far, "env", "exabgp.daemon.user=root", "exabgp.daemon.drop=false", "exabgp.api.cli=false", "exabgp", str(conf),
            log=tmp_path / "exabgp.log",
        )  # fmt: skip
        with pipe.open("w") as exabgp:
            found = Speaking(street, folder, exabgp)
            soon(lambda: found.show("show bgp neighbors").count("BGP state = Established") == 2, 30)
            yield found
    shutil.rmtree(folder, ignore_errors=True)


def test_frr_s_dumps_tell_what_happened_to_ones_own_prefixes(speaking: Speaking, tmp_path: Path) -> None:
    s = speaking
    s.wide("add", NET, "aspath", "64500")
    s.wide("add", NET6, "-a", "ipv6", "aspath", str(WIDE))
    s.narrow(f"announce route {NET} next-hop {OTHER4} as-path [ 64502 64500 ]")
    s.narrow(
        f"announce route 198.51.100.128/25 next-hop {OTHER4} as-path [ 64502 64777 ]"
    )  # nobody asked for it
    s.seen(lambda told: told.count("64500") == 2)
    s.seen(lambda told: str(WIDE) in told, NET6)
    s.wide("del", NET)
    s.seen(lambda told: told.count("64500") == 1)
    s.narrow(f"withdraw route {NET} next-hop {OTHER4}")
    lost = s.seen(lambda told: "64500" not in told)
    s.narrow(f"announce route {NET} next-hop {OTHER4} as-path [ 64502 {WIDE} ]")
    back = s.seen(lambda told: str(WIDE) in told)
    s.wide("add", NET, "aspath", "64666")
    s.wide("del", NET6, "-a", "ipv6")
    foreign = s.seen(lambda told: "64666" in told)
    soon(lambda: NET6 not in s.show("show bgp ipv6 unicast"))
    for name in ("all.mrt", "updates.mrt"):
        octets = (s.folder / name).read_bytes()
        alarms, left = read_routes(io.BytesIO(octets), OWN)
        assert left == (), name
        found = {(one.fields["event"], one.fields["prefix"]): one for one in alarms}
        # ExaBGP speaks of IPv4 alone: of IPv6 the file knows one peer, and what it lost all have lost.
        assert set(found) == {("route-lost", NET), ("foreign-origin", NET), ("route-lost", NET6)}, name
        one = found["route-lost", NET]
        assert one.begin
        assert one.end
        assert abs(one.begin.timestamp() - lost) < 3
        assert abs(one.end.timestamp() - back) < 3
        assert found["foreign-origin", NET].fields["origin"] == "64666"
        assert abs((found["foreign-origin", NET].begin or datetime.now(UTC)).timestamp() - foreign) < 3
    left_out: Counter[str] = Counter()
    records = list(read_mrt(io.BytesIO((s.folder / "all.mrt").read_bytes()), left_out))
    assert {one.peer.number for one in records} == {64_501, 64_502}
    assert sum(one.state == ESTABLISHED for one in records) == 2
    assert left_out["other-messages"] >= 4, "OPEN and KEEPALIVE of both"
    rules = tmp_path / "rules.toml"
    rules.write_text(
        f'[routes]\nprefixes = ["{NET}"]\norigins = [64500, {WIDE}]\n[[rules]]\nwhat = "down"\nmatch = {{ event = "route-lost" }}\n'
        'service = "internet"\narea = "東京都"\nusers = "12000"\n'
    )
    facts = import_alarms(s.folder / "updates.mrt", "routes", rules, UTC, datetime.now(UTC)).facts
    # All within a second or two: what begins stands before what ends.
    assert facts[0].what is What.DOWN
    assert sorted(one.what for one in facts) == [What.DOWN, What.NOTE, What.RESTORED]


def test_frr_s_table_tells_what_each_peer_had_before(speaking: Speaking) -> None:
    s = speaking
    s.wide("add", NET, "aspath", f"64500 {WIDE}")
    s.wide("add", NET6, "-a", "ipv6", "aspath", str(WIDE))
    s.narrow(f"announce route {NET} next-hop {OTHER4} as-path [ 64502 64500 ]")
    s.seen(lambda told: "64500" in told and str(WIDE) in told)
    s.seen(lambda told: str(WIDE) in told, NET6)

    def table() -> list[tuple[str, int, tuple[int, ...]]]:
        file = s.folder / "table.mrt"
        left: Counter[str] = Counter()
        octets = file.read_bytes() if file.exists() else b""
        found = [one for one in read_mrt(io.BytesIO(octets), left) if one.update and one.of_table]
        return sorted(
            (str(one.update.announced[0]), one.peer.number, one.update.origins) for one in found if one.update
        )

    wanted = [(NET, 64_501, (WIDE,)), (NET, 64_502, (64_500,)), (NET6, 64_501, (WIDE,))]
    soon(lambda: table() == wanted, 75)
