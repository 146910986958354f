"""Rules as Sekisho writes them, loaded into real programs: what they stop, what they let pass, and that the undo undoes."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fakes.containing import ON_RECORD, REMOTE, hole, rule
from sekisho.model.containment import TCP, Endpoint, Kind, Match, Rule, RuleText, Scope
from sekisho.reports.containment.rule_texts import texts

from .containing import CLIENT4, FAR4, FAR6, OTHER4, Street, soon
from .network import inside

pytestmark = pytest.mark.lab
GOBGP_A = """[global.config]
  as = 64500
  router-id = "198.51.100.5"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "{there}"
    peer-as = {peer}
  [neighbors.timers.config]
    connect-retry = 1
    idle-hold-time-after-reset = 1
  [neighbors.ebgp-multihop.config]
    enabled = true
    multihop-ttl = 5
{families}"""
FAMILIES = ("ipv4-unicast", "ipv6-unicast", "ipv4-flowspec", "ipv6-flowspec")


@pytest.fixture(scope="module")
def street() -> Iterator[Street]:
    with Street("cont") as found:
        yield found


@pytest.fixture
def own_street() -> Iterator[Street]:
    """One for tests whose daemons want a port of their own."""
    with Street("conto") as found:
        yield found


def only(made: Rule, file: int = 0) -> RuleText:
    return texts(made)[file]


# --- nftables


def test_nftables_drops_that_and_nothing_else(street: Street) -> None:
    street.echo(street.far, (4444, 80), FAR4, OTHER4, FAR6)
    every = [(host, port) for host in (FAR4, OTHER4, FAR6) for port in (4444, 80)]
    assert all(street.reaches(*one) for one in every)
    match = Match(remotes=(REMOTE, Endpoint(FAR6, 80, TCP)))
    text = only(rule(Kind.NFTABLES, match))
    street.command(street.router, "nft", "-f", "-", text=text.apply)
    assert [one for one in every if not street.reaches(*one)] == [(FAR4, 4444), (FAR6, 80)]
    street.command(street.router, "nft", "-f", "-", text=text.apply)  # again: the same
    assert not street.reaches(FAR4, 4444)
    assert "counter packets 0" not in street.command(street.router, "nft", "list", "ruleset").split("drop")[0]
    street.command(street.router, "nft", "-f", "-", text=text.undo)
    assert street.command(street.router, "nft", "list", "ruleset") == ""
    assert all(street.reaches(*one) for one in every)


def test_nftables_ends_by_itself_and_stops_one_line_only(street: Street) -> None:
    street.ip(street.client, "addr add 198.51.100.6/24 dev port")
    street.echo(street.far, (81,), FAR4, OTHER4)
    match = Match(Scope.LINE, remotes=(Endpoint(FAR4),))
    text = only(rule(Kind.NFTABLES, match, seconds=2, lines=(CLIENT4,)))
    street.command(street.router, "nft", "-f", "-", text=text.apply)
    begin = time.monotonic()
    assert not street.reaches(FAR4, 81, source=CLIENT4)
    assert street.reaches(FAR4, 81, source="198.51.100.6")
    assert street.reaches(OTHER4, 81, source=CLIENT4)
    time.sleep(max(0.0, 3.1 - (time.monotonic() - begin)))
    assert street.reaches(FAR4, 81, source=CLIENT4)
    street.command(street.router, "nft", "-f", "-", text=text.undo)


def test_a_virtual_patch_lets_the_managers_through(street: Street) -> None:
    street.echo(street.client, (7547,), CLIENT4)
    settings = msgspec.structs.replace(ON_RECORD, managers=(f"{OTHER4}/32",))
    made = rule(
        Kind.NFTABLES, Match(Scope.CUSTOMERS, hole=hole("tr064-7547")), settings, lines=("198.51.100.0/24",)
    )
    text = only(made)

    def asked(source: str) -> bool:
        return street.reaches(CLIENT4, 7547, source=source, at=street.far)

    assert asked(FAR4)
    street.command(street.router, "nft", "-f", "-", text=text.apply)
    assert not asked(FAR4)
    assert asked(OTHER4)
    street.command(street.router, "nft", "-f", "-", text=text.undo)
    assert asked(FAR4)


# --- BGP


def gobgpd(street: Street, folder: Path, there: str, peer: int) -> None:
    families = "".join(
        f'  [[neighbors.afi-safis]]\n    [neighbors.afi-safis.config]\n      afi-safi-name = "{one}"\n'
        for one in FAMILIES
    )
    folder.mkdir()
    file = folder / "gobgpd.toml"
    file.write_text(GOBGP_A.format(there=there, peer=peer, families=families))
    street.start(street.client, "gobgpd", "-f", str(file), "--pprof-disable", "-p", log=folder / "log")
    soon(lambda: "64500" in street.command(street.client, "gobgp", "global", code=None))


def announced(street: Street, text: str) -> None:
    street.command(street.client, "sh", "-e", text=text)


def frr(street: Street, folder: Path) -> None:
    """bgpd of FRR in the far namespace, alone: it keeps what it is told and puts nothing into a kernel."""
    shutil.chown(folder, "frr", "frr")
    file = folder / "bgpd.conf"
    afi = "".join(
        f" address-family {one}\n  neighbor {CLIENT4} activate\n exit-address-family\n"
        for one in ("ipv4 unicast", "ipv6 unicast", "ipv4 flowspec", "ipv6 flowspec")
    )
    file.write_text(
        f"router bgp 64501\n bgp router-id 203.0.113.7\n no bgp ebgp-requires-policy\n no bgp default ipv4-unicast\n"
        f" neighbor {CLIENT4} remote-as 64500\n neighbor {CLIENT4} ebgp-multihop 5\n neighbor {CLIENT4} timers connect 1\n{afi}"
    )
    street.start(
        street.far, "/usr/lib/frr/bgpd", "-f", str(file), "-i", str(folder / "pid"), "--vty_socket", str(folder), "-n", "-S",
        "-A", "127.0.0.1", "-P", "2605", "-Z", "-p", "179", log=folder.with_suffix(".log"),
    )  # fmt: skip


def test_flowspec_and_black_hole_reach_frr(own_street: Street, tmp_path: Path) -> None:
    street = own_street
    folder = Path(tempfile.mkdtemp(prefix="sekisho-frr-"))  # its own user has to get there
    frr(street, folder)
    gobgpd(street, tmp_path / "gobgp", FAR4, 64501)

    def shown(what: str) -> str:
        return street.command(
            street.far,
            "vtysh",
            "--vty_socket",
            str(folder),
            "-d",
            "bgpd",
            "-c",
            f"show bgp {what}",
            code=None,
        )

    try:
        soon(lambda: "Establ" in street.command(street.client, "gobgp", "neighbor", code=None), 30)
        remotes = Match(remotes=(REMOTE, Endpoint("2001:db8:9::7", 23, TCP)))
        flow, hole_ = only(rule(Kind.FLOWSPEC, remotes)), only(rule(Kind.RTBH, remotes))
        announced(street, flow.apply)
        announced(street, hole_.apply)
        soon(lambda: "203.0.113.7/32" in shown("ipv4 flowspec detail"))
        said = shown("ipv4 flowspec detail")
        assert "4444" in said
        assert "FS:rate 0" in said
        soon(lambda: "2001:db8:9::7/128" in shown("ipv6 flowspec detail"))
        soon(lambda: "blackhole" in shown("ipv4 unicast 203.0.113.7/32"))
        assert "no-export" in shown("ipv4 unicast 203.0.113.7/32")
        soon(lambda: "blackhole" in shown("ipv6 unicast 2001:db8:9::7/128"))
        one_line = only(
            rule(Kind.FLOWSPEC, Match(Scope.LINE, remotes=(Endpoint(OTHER4, 80, TCP),)), lines=(CLIENT4,))
        )
        patch = only(
            rule(Kind.FLOWSPEC, Match(Scope.CUSTOMERS, hole=hole("netis-53413")), lines=("198.51.100.0/24",))
        )
        announced(street, one_line.apply + patch.apply)
        soon(lambda: "198.51.100.0/24" in shown("ipv4 flowspec detail"))
        assert f"{CLIENT4}/32" in shown("ipv4 flowspec detail")
        assert "53413" in shown("ipv4 flowspec detail")
        announced(street, one_line.undo + patch.undo)
        announced(street, flow.undo)
        announced(street, hole_.undo)
        soon(lambda: not any(one in shown("ipv4 flowspec detail") for one in ("203.0.113", "198.51.100")))
        soon(lambda: "2001:db8:9::7" not in shown("ipv6 flowspec detail"))
        soon(lambda: "not in table" in shown("ipv4 unicast 203.0.113.7/32"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_exabgp_s_text_reaches_gobgpd(own_street: Street, tmp_path: Path) -> None:
    street = own_street
    gobgpd(street, tmp_path / "gobgp", FAR4, 64501)
    pipe = tmp_path / "commands"
    os.mkfifo(pipe)
    file = tmp_path / "exabgp.conf"
    file.write_text(
        f"""process sekisho {{ run /bin/cat {pipe}; encoder text; }}
neighbor {CLIENT4} {{
  router-id 203.0.113.7; local-address {FAR4}; local-as 64501; peer-as 64500; outgoing-ttl 5;
  family {{ ipv4 unicast; ipv4 flow; ipv6 flow; }}
  api {{ processes [ sekisho ]; }}
}}
"""
    )
    street.start(
        street.far, "env", "exabgp.daemon.user=root", "exabgp.daemon.drop=false", "exabgp.api.cli=false", "exabgp", str(file),
        log=tmp_path / "exabgp.log",
    )  # fmt: skip
    with pipe.open("w") as commands:
        soon(lambda: "Establ" in street.command(street.client, "gobgp", "neighbor", code=None), 30)
        remotes = Match(remotes=(REMOTE, Endpoint("2001:db8:9::7", 23, TCP)))
        text = only(rule(Kind.FLOWSPEC, remotes), 1)

        def table(family: str) -> str:
            return street.command(street.client, "gobgp", "global", "rib", "-a", family, code=None)

        commands.write(text.apply)
        commands.flush()
        soon(
            lambda: (
                "[destination: 203.0.113.7/32][protocol: ==tcp][destination-port: ==4444]"
                in table("ipv4-flowspec")
            )
        )
        assert "discard" in table("ipv4-flowspec")
        soon(lambda: "[destination: 2001:db8:9::7/128/0]" in table("ipv6-flowspec"))
        commands.write(text.undo)
        commands.flush()
        soon(lambda: "203.0.113.7" not in table("ipv4-flowspec"))
        soon(lambda: "2001:db8:9::7" not in table("ipv6-flowspec"))


# --- RADIUS


def test_freeradius_takes_the_change_of_authorization(street: Street, tmp_path: Path) -> None:
    """FreeRADIUS as the dynamic authorization server: Debian has no access server that could be one."""
    detail = tmp_path / "requests"
    file = tmp_path / "radiusd.conf"
    file.write_text(
        f"""prefix = /usr
logdir = {tmp_path}
raddbdir = {tmp_path}
run_dir = {tmp_path}
modconfdir = {tmp_path}
libdir = /usr/lib/freeradius
max_requests = 256
thread pool {{ start_servers = 1 }}
client lab {{
  ipaddr = 127.0.0.1
  secret = testing123
}}
modules {{
  detail seen {{
    filename = {detail}
    permissions = 0600
  }}
  always ok {{
    rcode = ok
  }}
  always reject {{
    rcode = reject
  }}
}}
server coa {{
  listen {{
    type = coa
    ipaddr = 127.0.0.1
    port = 3799
  }}
  recv-coa {{
    seen
    if (&User-Name == "user@isp.example" && &Filter-Id =~ /^(garden|normal)$/) {{
      ok
    }}
    else {{
      reject
    }}
  }}
  send-coa {{
    ok
  }}
}}
"""
    )
    street.start(
        street.far,
        "freeradius",
        "-f",
        "-d",
        str(tmp_path),
        "-n",
        "radiusd",
        "-l",
        "stdout",
        log=tmp_path / "log",
    )

    def sent(said: str) -> str:
        asked = tmp_path / "asked"
        asked.write_text(said)
        words = (
            "radclient",
            "-x",
            "-r",
            "2",
            "-t",
            "2",
            "-f",
            str(asked),
            "127.0.0.1:3799",
            "coa",
            "testing123",
        )
        return street.command(street.far, *words, code=None)

    made = rule(Kind.COA, lines=(CLIENT4,), user="user@isp.example")
    soon(lambda: "CoA-ACK" in sent(only(made).apply), 20)
    seen = detail.read_text()
    for attribute in (
        'User-Name = "user@isp.example"',
        f"Framed-IP-Address = {CLIENT4}",
        'Filter-Id = "garden"',
    ):
        assert attribute in seen
    assert "CoA-ACK" in sent(only(made).undo)
    assert 'Filter-Id = "normal"' in detail.read_text()
    assert "CoA-NAK" in sent(only(rule(Kind.COA, lines=(CLIENT4,), user="other")).apply)
    sent(only(rule(Kind.COA, lines=("2001:db8:5::/56",), user="user@isp.example")).apply)
    assert "Delegated-IPv6-Prefix = 2001:db8:5::/56" in detail.read_text()
    hostile = "a'b\\c%{User-Name}$(id)\"x"
    sent(only(rule(Kind.COA, lines=(CLIENT4,), user=hostile)).apply)
    last = detail.read_text().split("\n\n")[-2]
    assert 'User-Name = "a\'b\\\\c%{User-Name}$(id)\\"x"' in last
    assert last.count("Filter-Id") == 1


# --- DNS


def test_bind_answers_nxdomain_for_that_name_only(street: Street, tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="sekisho-bind-"))
    try:
        settings = msgspec.structs.replace(
            ON_RECORD, rpz=msgspec.structs.replace(ON_RECORD.rpz, names=("cc.lab.example",))
        )
        made = rule(Kind.RPZ, Match(names=("cc.lab.example",)), settings)
        zone, loading = texts(made)
        name = f"{made.proposal.id}.rpz.sekisho.invalid"
        (folder / f"{name}.zone").write_text(zone.apply)
        (folder / "lab.zone").write_text(
            "$TTL 60\n@ IN SOA localhost. root.localhost. 1 60 60 60 60\n@ IN NS localhost.\n"
            "cc IN A 203.0.113.7\nsub.cc IN A 203.0.113.9\nwww IN A 203.0.113.8\n"
        )
        lines = loading.apply.splitlines()
        policy = next(line.removeprefix("// ") for line in lines if line.startswith("// response-policy"))
        (folder / "named.conf").write_text(
            f'options {{ directory "{folder}"; listen-on port 53 {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion yes;\n'
            f" pid-file none; session-keyfile none; dnssec-validation no; {policy} }};\ncontrols {{ }};\n"
            f'zone "lab.example" {{ type primary; file "lab.zone"; }};\n{lines[0]}\n'
        )
        street.command(street.far, "named-checkconf", "-z", str(folder / "named.conf"))
        daemon = street.start(
            street.far, "named", "-g", "-n", "1", "-c", str(folder / "named.conf"), log=tmp_path / "named.log"
        )

        def asked(host: str) -> str:
            return street.command(
                street.far, "dig", "+tries=1", "+time=1", "@127.0.0.1", host, "A", code=None
            )

        soon(lambda: "203.0.113.8" in asked("www.lab.example"))
        assert "status: NXDOMAIN" in asked("cc.lab.example")
        assert "203.0.113.9" in asked("sub.cc.lab.example")
        (folder / f"{name}.zone").write_text(zone.undo)
        daemon.terminate()
        daemon.wait(10)
        street.start(
            street.far,
            "named",
            "-g",
            "-n",
            "1",
            "-c",
            str(folder / "named.conf"),
            log=tmp_path / "named2.log",
        )
        soon(lambda: "203.0.113.7" in asked("cc.lab.example"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# --- virtual patches


def test_modsecurity_refuses_the_known_path(street: Street, tmp_path: Path) -> None:
    made = [
        only(rule(Kind.MODSECURITY, Match(hole=hole(name)), id=f"r-{name}"))
        for name in ("hg532-37215", "realtek-52869", "tr064-7547")
    ]
    late = rule(Kind.MODSECURITY, Match(hole=hole()), id="r-late")
    over = msgspec.structs.replace(late.proposal, expires=int(time.time() * 1000) - 1000)

    def serve(port: int, rules: str) -> None:
        root = tmp_path / str(port)
        root.mkdir()
        (root / "rules.conf").write_text(f"SecRuleEngine On\nSecRequestBodyAccess On\n{rules}")
        (root / "nginx.conf").write_text(
            f"load_module /usr/lib/nginx/modules/ngx_http_modsecurity_module.so;\ndaemon off; master_process off; pid {root}/pid;\n"
            f"error_log {root}/error.log;\nevents {{}}\nhttp {{ access_log off; client_body_temp_path {root}/b; proxy_temp_path {root}/p;\n"
            f" fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;\n"
            f" server {{ listen {FAR4}:{port}; modsecurity on; modsecurity_rules_file {root}/rules.conf;\n"
            f"  location / {{ return 200 ok; }} }} }}\n"
        )
        street.start(street.far, "nginx", "-c", str(root / "nginx.conf"), "-p", str(root), log=root / "log")
        soon(lambda: answer(port, "GET", "/") == 200)

    def answer(port: int, method: str, path: str) -> int:
        with inside(street.client):
            one = socket.socket()
        with one:
            one.settimeout(2)
            try:
                one.connect((FAR4, port))
                one.sendall(f"{method} {path} HTTP/1.0\r\nHost: x\r\nContent-Length: 2\r\n\r\nab".encode())
                return int(one.recv(64).split()[1])
            except (OSError, IndexError):
                return 0

    now = int(time.time() * 1000) + 3_600_000
    live = "".join(
        texts(msgspec.structs.replace(one, proposal=msgspec.structs.replace(one.proposal, expires=now)))[
            0
        ].apply
        for one in (
            rule(Kind.MODSECURITY, Match(hole=hole(name)), id=f"r-{name}")
            for name in ("hg532-37215", "realtek-52869", "tr064-7547")
        )
    )
    serve(8181, live)
    for path in (
        "/ctrlt/DeviceUpgrade_1", "/ctrlt//DeviceUpgrade_1", "/x/../ctrlt/DeviceUpgrade_1", "/CTRLT/deviceupgrade_1",
        "/ctrlt/%44eviceUpgrade_1", "/picsdesc.xml", "/wanipcn.xml", "/UD/act?1",
    ):  # fmt: skip
        assert answer(8181, "POST", path) == 403, path
    for path in ("/", "/ctrlt/", "/rootDesc.xml", "/index.html?x=/UD/act"):
        assert answer(8181, "POST", path) == 200, path
    serve(8182, texts(msgspec.structs.replace(late, proposal=over))[0].apply)
    assert answer(8182, "POST", "/ctrlt/DeviceUpgrade_1") == 200  # expired
    undone = "".join(one.undo for one in made)
    serve(8183, live + undone)
    assert answer(8183, "POST", "/ctrlt/DeviceUpgrade_1") == 200
