"""A console over a hub with life in it: confirmed, candidate, held, disputed; evidence delivered; members of each role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from starlette.testclient import TestClient

from fakes.console import browsing, first_admin, quick, signed_in
from fakes.sharing import DAY, Ring, evidence, indicator, opened_ring
from sekisho.formats.stix_marking import WRITTEN
from sekisho.model.account import Role
from sekisho.model.federation import Peer, Position
from sekisho.model.indicator import Tlp
from sekisho.model.membership import Member, MemberRole, MemberState
from sekisho.model.sharing import Lane
from sekisho.web.doors import Rate
from sekisho.web.installation import office_of
from sekisho.web.office import Office
from sekisho.web.serving import Listening
from sekisho.wiring.console import Console
from sekisho.workflows.hub import add_peer, publish
from sekisho.workflows.hub.disclosing import open_finding, tell
from sekisho.workflows.sign_in import SignedIn


@dataclass
class HubConsole:
    """The hub, the office over it, and browsers of each role."""

    ring: Ring
    office: Office
    admin: SignedIn

    def __post_init__(self) -> None:
        self._known: dict[Role, SignedIn] = {}

    def browser(self, role: Role, lang: str = "en") -> TestClient:
        if role not in self._known:
            self._known[role] = signed_in(self.office, self.admin, role)
        made = browsing(self.office, self._known[role].token)
        made.cookies.set("lang", lang)
        return made

    def id_of(self, address: str) -> str:
        return self.ring.standing(address).id


def fill(ring: Ring, count: int = 6) -> None:
    """Let two members report some addresses, and one of them more; dispute one; deliver evidence."""
    ring.join("alpha", "full", "203.0.113.0/25", "198.51.100.200/32").join(
        "beta", "full", "203.0.113.128/25"
    ).join("kita", "receive-only")
    for number in range(count):
        # Others see only the first ones: these are confirmed.
        for place, member in enumerate(("alpha", "beta")[: 2 if number < 2 else 1]):
            one = indicator(
                f"198.51.100.{number + 1}", number=10 * number + place + 1, seen="handshake", tlp=Tlp.GREEN
            )
            ring.post(member, "list-in", one)
    ring.post("alpha", "list-in", {**indicator(number=900), "pattern": "[ipv4-addr:value = '8.8.8.8']"})
    publish(ring.books, b"x")
    published = next(one for one in ring.objects("beta", "list") if "198.51.100.1'" in one.get("pattern", ""))
    opinion = {
        "type": "opinion", "spec_version": "2.1", "id": f"opinion--{UUID(int=1, version=4)}",
        "created": "2026-11-18T10:00:00.000Z", "modified": "2026-11-18T10:00:00.000Z", "opinion": "strongly-disagree",
        "explanation": "<b>our own</b> sensor", "object_refs": [published["id"]], "object_marking_refs": [WRITTEN[Tlp.GREEN]],
    }  # fmt: skip
    ring.post("beta", "list-in", opinion)
    for number in range(2):
        ring.post(
            "alpha", "evidence-in", evidence("203.0.113.150", number=number + 1, number_observed=number + 1)
        )


def others(ring: Ring) -> None:
    """Let there be a maker with a finding that it was told of, and hubs elsewhere: one that is read, one that isn't any more."""
    books = ring.books
    ring.join("acme", "maker")
    embargo = ring.clock[0] + 30 * DAY
    made = open_finding(books, "acme", "Acme", "R-100", "Default password on telnet", embargo, "op")
    tell(books, made.id, "acme", "op", "mail to psirt@acme.example")
    give = {Lane.LIST: Tlp.GREEN}
    for name, url in (("de", "https://hub.example.de/"), ("kr", "")):
        member = Member(
            name, f"ハブ{name}", f"Hub {name}", MemberRole.PARTNER, MemberState.ACTIVE, name, ring.clock[0]
        )
        take = ("list", "failure") if url else ()
        terms = Peer(name, url, "/etc/token" if url else "", "", take, (), Tlp.AMBER, "", ring.clock[0])
        add_peer(books, member, terms, give, "op")
    at = ring.clock[0]
    books.peers.reach(Position("de", "list", "2026-11-18T10:00:00.000001Z", at, at))
    books.peers.reach(Position("de", "failure", "", at, 0, "timed-out", "/sharing/collections/"))
    publish(books, b"y")


@contextmanager
def hub_console(folder: Path, count: int = 6) -> Iterator[HubConsole]:
    """Make the hub and open a console over it, each in a folder of its own."""
    with opened_ring(folder / "hub") as ring:
        fill(ring, count)
        others(ring)
        with Console(folder / "data", create=True, hub=folder / "hub") as console:
            office = replace(quick(office_of(console, Listening(port=8443))), rate=Rate(1_000, 10_000))
            yield HubConsole(ring, office, first_admin(office))
