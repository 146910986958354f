"""10. Clients that nobody here wrote, each in a process and an environment of its own: what members have already.

MISP and OpenCTI themselves want databases and queues that don't install here in minutes. What of them speaks TAXII and STIX does: MISP's
import module and its converter, PyMISP for feeds, OpenCTI's library with what its connector asks; beside them the
libraries of OASIS and of Cyware.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from fakes.sharing import Ring, grant, indicator, opened_ring
from fakes.stix_patterns import BAD, GOOD, nearly
from sekisho.formats.stix_pattern import fault_of
from sekisho.model.indicator import Tlp
from sekisho.model.membership import Right
from sekisho.model.sharing import Collection
from sekisho.workflows.hub import publish
from strangers import HERE, told_by

# The first run makes the environment.
pytestmark = pytest.mark.timeout(600)
OPEN = str(UUID(int=1, version=4))
PLACE, NAME = ("198.51.100.7", 23), "c2.example.net"
LIST = "List of C&C servers, written by the hub"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ring, str]]:
    """A hub with a list of two indicators and an open collection, served on loopback."""
    with opened_ring(tmp_path_factory.mktemp("strangers") / "hub") as ring:
        ring.join("a").join("b").join("small", "receive-only")
        for alias in ("open", "pushed", "cyware"):
            name = OPEN[:-1] + str(("open", "pushed", "cyware").index(alias))
            ring.books.collections.found(Collection(name, alias, alias=alias))
            grant(ring.books, Right("a", name, True, True, Tlp.GREEN), "op")
            ring.ids[alias] = name
        ring.books.forget()
        for number, member in enumerate("ab"):
            domain = indicator(number=number + 10, pattern=f"[domain-name:value = '{NAME}']")
            assert ring.post(member, "list-in", indicator(number=number + 1), domain)["success_count"] == 2
        publish(ring.books, b"x")
        with ring.served() as url:
            yield ring, url


def told(hub: tuple[Ring, str], program: str, path: str, member: str, *more: object, named: str = "") -> Any:
    """Let a stranger ask: it gets the address, sometimes a name, the member and its token, and what else it needs."""
    ring, url = hub
    words = [url + path, *([named] if named else []), member, ring.tokens[member], *map(str, more)]
    return told_by("clients", program, *words)


def at(hub: tuple[Ring, str], alias: str) -> str:
    return f"/sharing/collections/{hub[0].ids[alias]}/"


def test_10_stix2_puts_in_and_finds_again(hub: tuple[Ring, str]) -> None:
    said = told(hub, "stix_store", at(hub, "open"), "a")
    assert said["same"]
    assert said["nothing"]
    assert (said["versions"], said["found"]) == (["", "changed"], [True])
    assert said["types"] == ["indicator", "malware"]


def test_10_stix2_patterns_takes_what_the_door_takes(tmp_path: Path) -> None:
    chance = random.Random(7)
    asked = [*GOOD, *BAD, *nearly(400, chance)]
    file = tmp_path / "patterns.json"
    file.write_text(json.dumps(asked), encoding="utf-8")
    theirs = told_by("clients", "stix_patterns", str(file))
    assert len(GOOD) + 20 < sum(theirs) < len(asked) - 60
    assert [one for one, good in zip(asked, theirs, strict=True) if good != (fault_of(one) == "")] == []


def test_10_pymisp_loads_the_feed(hub: tuple[Ring, str]) -> None:
    said = told(hub, "misp_feed", "/feed/misp/", "small")
    (event,) = said["events"]
    assert all(event[name] for name in ("uuid", "info", "date", "stamp", "published", "organisation"))
    assert event["tags"] == ["tlp:amber"]
    assert event["attributes"] == [
        ["domain", NAME, True, "Network activity"],
        ["ip-dst|port", "198.51.100.7|23", True, "Network activity"],
    ]
    assert said["hashes"] == event["hashes"], "the list of hashes is the one that PyMISP would make"
    assert said["told"] == event["manifest"], "and so is the manifest"


def test_10_misp_imports_the_list_by_taxii(hub: tuple[Ring, str]) -> None:
    said = told(hub, "misp_import", at(hub, "list"), "small", "skh_" + "0" * 64)
    assert said["attributes"] == [["domain", NAME]]
    assert said["inner"] == [["ip-dst", PLACE[0]], ["port", str(PLACE[1])]]
    assert said["wrong"] == "Access was denied."


def test_10_misp_pushes_an_event_by_taxii(hub: tuple[Ring, str]) -> None:
    ring, url = hub
    event = HERE / "event.json"
    said = told_by(
        "clients", "misp_push", url, "sharing", ring.ids["pushed"], "a", ring.tokens["a"], str(event)
    )
    assert said["bound"] == 10 << 20
    assert said["errors"] == {}
    assert said["told"] == [["complete", len(said["sent"]), 0, []]]
    held = {one["type"] for one in ring.objects("a", "pushed")}
    assert (
        held
        == set(said["sent"])
        >= {"identity", "grouping", "observed-data", "indicator", "relationship", "x-misp-attribute"}
    )
    # What it says of the list lane is told object by object: that lane takes no free text and no other type.
    refused = told_by(
        "clients", "misp_push", url, "sharing", ring.ids["list-in"], "a", ring.tokens["a"], str(event)
    )
    ((status, good, bad, failures),) = refused["told"]
    assert (status, good, bad) == ("complete", 0, len(said["sent"]))
    assert all(one["message"] for one in failures)


def test_10_opencti_takes_what_its_connector_asks_for(hub: tuple[Ring, str]) -> None:
    said = told(hub, "opencti_pull", "/taxii2/", "small", named=LIST)
    assert (said["objects"], said["expectations"]) == (3, 3)
    assert said["incompatible"] == []
    assert said["taken"] == said["ids"]


def test_10_cyware_follows_discovery_pages_and_sends(hub: tuple[Ring, str], tmp_path: Path) -> None:
    """It follows the root as the discovery writes it: a path alone would lead it nowhere."""
    file = tmp_path / "envelope.json"
    objects = [indicator(number=number, tlp=Tlp.GREEN) for number in range(200, 205)]
    file.write_text(json.dumps({"objects": objects}))
    ring = hub[0]
    said = told(hub, "cyware", "/taxii2/", "a", file, named=ring.ids["cyware"])
    assert (said["discovery"], said["sent"], said["collection"]) == (200, [202, 5, 0], ring.ids["cyware"])
    assert [len(page) for page in said["pages"]] == [2, 2, 1]
    assert [one for page in said["pages"] for one in page] == [one["id"] for one in objects]
    assert ring.ids["cyware"] in said["collections"]
