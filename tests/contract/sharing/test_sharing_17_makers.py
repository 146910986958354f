"""Makers are told of their own models by counts, tell members what they advise, and disclosure waits for a person."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

import pytest

from fakes.command import typed
from fakes.sharing import DAY, Got, Ring, opened_ring
from sekisho.errors import ConflictError, DescriptionError
from sekisho.exchange.advisories import AdvisoryFault, read_csaf
from sekisho.model.audit import Act
from sekisho.model.indicator import Tlp
from sekisho.model.membership import MemberState, Right
from sekisho.wiring.hub import upkeep
from sekisho.workflows.hub import set_state
from sekisho.workflows.hub.advising import advise
from sekisho.workflows.hub.disclosing import answered, decide_finding, open_finding, set_embargo, tell
from sekisho.workflows.hub.model_figures import release_models
from sekisho.workflows.hub.models import claim

CSAF: dict[str, Any] = {
    "document": {
        "category": "csaf_vex", "csaf_version": "2.0", "title": "Default password in R100",
        "distribution": {"tlp": {"label": "GREEN"}},
        "publisher": {"category": "vendor", "name": "Acme", "namespace": "https://acme.example"},
        "tracking": {
            "id": "ACME-2026-1", "status": "final", "version": "1", "initial_release_date": "2026-11-01T00:00:00Z",
            "current_release_date": "2026-11-01T00:00:00Z",
            "revision_history": [{"date": "2026-11-01T00:00:00Z", "number": "1", "summary": "first\nversion"}],
        },
    },
    "product_tree": {
        "branches": [
            {"category": "vendor", "name": "Acme", "branches": [
                {"category": "product_name", "name": "R-100", "branches": [
                    {"category": "product_version", "name": "1.0", "product": {"name": "Acme R-100 1.0", "product_id": "p1"}},
                    {"category": "product_version", "name": "1.1", "product": {"name": "Acme R-100 1.1", "product_id": "p2"}},
                ]},
            ]},
        ],
        "full_product_names": [{"name": "C200", "product_id": "p3"}],
    },
    "vulnerabilities": [
        {"cve": "CVE-2026-1234", "product_status": {"known_affected": ["p1"], "fixed": ["p2"], "known_not_affected": ["p3"]}},
    ],
}  # fmt: skip


def csaf(**more: Any) -> bytes:
    """Return the advisory with some of its values changed; the names are paths with double underscores."""
    made = copy.deepcopy(CSAF)
    for path, value in more.items():
        *way, last = path.split("__")
        place = made
        for name in way:
            place = place[int(name)] if name.isdecimal() else place[name]  # type: ignore[index]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return json.dumps(made).encode()


@pytest.fixture
def peopled(ring: Ring) -> Ring:
    for name in "abcd":
        ring.join(name, "receive-only" if name == "d" else "full")
    ring.join("acme", "maker").join("other", "maker").join("hub2", "partner")
    claim(ring.books, "acme", "Acme", "", "op")
    claim(ring.books, "other", "Other", "X1", "op")
    ring.books.forget()
    return ring


def seen(ring: Ring, who: str, devices: int, **more: Any) -> Got:
    row = {"vendor": "ACME", "model": "R100", "finding": "default-password", "devices": devices, **more}
    return ring.ask(who, "POST", "/models/", {"reports": [row]})


def cells(ring: Ring, maker: str = "acme") -> Any:
    release_models(ring.books)
    return ring.ask(maker, "GET", "/me/models.json").json["models"]


def test_a_maker_is_told_of_its_own_models_in_figures_of_enough_members(peopled: Ring) -> None:
    for who, count in (("a", 10), ("b", 12)):
        assert seen(peopled, who, count).json == {"taken": 1}
    assert cells(peopled) == []  # two members are fewer than three
    seen(peopled, "c", 11, ports=["tcp/23"])
    (cell,) = cells(peopled)
    assert (cell["vendor"], cell["model"], cell["devices"], cell["ports"]) == ("acme", "r100", 35, [])
    assert cells(peopled, "other") == []
    for who, count in (("a", 10), ("b", 12), ("c", 11)):  # said again it replaces, and adds nothing
        more = (
            {"ports": ["udp/1900"], "cves": ["CVE-2026-1234"]} if who != "c" else {"cves": ["CVE-2026-9999"]}
        )
        seen(peopled, who, count, **{**more, "ports": ["tcp/23", *more.get("ports", ())]})
    (cell,) = cells(peopled)
    assert (cell["devices"], cell["ports"], cell["cves"]) == (35, ["tcp/23"], [])
    assert not {name for name in ("a", "b", "c") if f'"{name}"' in json.dumps(cell)}


def test_a_figure_follows_no_single_member(peopled: Ring) -> None:
    for who, count in (("a", 8), ("b", 9), ("c", 10)):
        seen(peopled, who, count)
    assert [one["devices"] for one in cells(peopled)] == [25]
    for count in (13, 28, 400):  # who comes to it later, and how it changes
        seen(peopled, "d", count)
        assert [one["devices"] for one in cells(peopled)] == [25]
    seen(peopled, "d", 13)
    seen(peopled, "a", 9)
    assert [one["devices"] for one in cells(peopled)] == [25]  # two
    seen(peopled, "b", 8)
    assert [one["devices"] for one in cells(peopled)] == [25]  # three, but nearly all by one
    seen(peopled, "a", 18)
    seen(peopled, "b", 19)
    (one,) = cells(peopled)
    assert one["devices"] == 60
    # Who leaves takes nothing out of it.
    set_state(peopled.books, "d", MemberState.SUSPENDED, "op", "test")
    peopled.books.forget()
    assert cells(peopled) == [one]
    set_state(peopled.books, "c", MemberState.SUSPENDED, "op", "test")
    peopled.books.forget()
    assert cells(peopled) == []


def test_all_firmwares_together_stay_together(peopled: Ring) -> None:
    for at, who in enumerate("abc"):
        seen(peopled, who, 20, firmware=f"3.{at}")
    assert [(one["firmware"], one["devices"]) for one in cells(peopled)] == [("", 60)]
    for who in "bc":
        seen(peopled, who, 20, firmware="3.0")
    seen(peopled, "d", 20, firmware="3.0")
    assert [(one["firmware"], one["devices"]) for one in cells(peopled)] == [("", 120)]


def test_what_one_member_could_take_out_of_a_figure_is_none(peopled: Ring) -> None:
    for who, count in (("a", 1), ("b", 1), ("c", 1_000)):
        seen(peopled, who, count)
    assert cells(peopled) == []
    for who in "abc":
        seen(peopled, who, 5, finding="open-telnet")  # 15 devices are fewer than 20
    assert cells(peopled) == []
    set_state(peopled.books, "c", MemberState.SUSPENDED, "op", "test")
    for who in "abd":
        seen(peopled, who, 20, finding="infected")
    assert [one["finding"] for one in cells(peopled)] == ["infected"]
    peopled.join("e", group="a")
    seen(peopled, "e", 20, finding="weak-code")
    for who in "ab":
        seen(peopled, who, 20, finding="weak-code")  # a and e are one group
    assert "weak-code" not in [one["finding"] for one in cells(peopled)]


def test_no_difference_tells_what_was_left_out(peopled: Ring) -> None:
    for who in "abc":
        seen(peopled, who, 20, firmware="1.0")
    seen(peopled, "d", 7, firmware="2.0")
    assert [(one["firmware"], one["devices"]) for one in cells(peopled)] == [("1.0", 60)]
    for at, who in enumerate("abc"):
        seen(peopled, who, 20, finding="infected", firmware=f"3.{at}")
    assert [(one["firmware"], one["devices"]) for one in cells(peopled) if one["finding"] == "infected"] == [
        ("", 60)
    ]


def test_what_was_seen_ages_out(peopled: Ring) -> None:
    for who in "abc":
        seen(peopled, who, 20)
    peopled.clock[0] += 181 * DAY
    assert cells(peopled) == []
    upkeep(peopled.desk, b"x", whole=True)
    assert peopled.books.models.reports() == ()


TELLING = [
    {"subscriber": "u1"}, {"model": "R100 203.0.113.7"}, {"model": "00-11-22-33-44-55"}, {"model": "0011.2233.4455"},
    {"model": "tel 0312345678"}, {"vendor": "a@b.example"}, {"firmware": "1234567"}, {"finding": "Default Password"},
    {"devices": 0}, {"devices": -5}, {"devices": "5"}, {"ports": ["203.0.113.7"]}, {"cves": ["x"]},
    {"model": "03-1234-5678"}, {"model": "tel 03 (1234) 5678"}, {"firmware": "090-1234-5678"}, {"model": "090.1234.5678"},
    {"vendor": "yamada taro tokyo chiyoda 1-2-3"}, {"ports": ["tcp/70000"]},
    {"ports": ["tcp/1"] * 21}, {"vendor": ""}, {"model": "-"},
]  # fmt: skip


def test_there_is_no_place_for_a_subscriber(peopled: Ring) -> None:
    for more in TELLING:
        assert seen(peopled, "a", **{"devices": 5, **more}).status == 422, more
    assert peopled.books.models.reports() == ()
    for name, firmware in (
        ("WRC-1167GST2", "V1.02_10.2.88"),
        ("DS-2CD2032-I", "5.4.5 build 17"),
    ):  # what devices are called
        assert seen(peopled, "a", 5, model=name, firmware=firmware).status == 200


def test_who_may_report_and_who_may_advise(peopled: Ring) -> None:
    assert [seen(peopled, who, 5).status for who in ("a", "d", "acme", "hub2")] == [200, 200, 403, 404]
    assert seen(peopled, "", 5).status == 401
    posted = [peopled.ask(who, "POST", "/advisories/", csaf()).status for who in ("acme", "a", "hub2")]
    assert posted == [200, 403, 404]
    for path in ("/me/models.json", "/me/findings.json", "/advisories/", "/advisories/x.json"):
        assert peopled.ask("hub2", "GET", path).status == 404
    assert peopled.ask("a", "POST", "/models/", b"{").status == 422
    assert peopled.ask("a", "POST", "/models/", {"reports": []}).status == 422


def listed(ring: Ring, who: str, **query: Any) -> list[str]:
    return [
        one["advisory"]["name"] for one in ring.ask(who, "GET", "/advisories/", **query).json["advisories"]
    ]


def test_an_advisory_reaches_members_by_their_models_as_it_came(peopled: Ring) -> None:
    body = csaf()
    made = peopled.ask("acme", "POST", "/advisories/", body).json["advisory"]
    assert listed(peopled, "a") == []
    assert listed(peopled, "a", all=1) == ["ACME-2026-1"]
    assert listed(peopled, "a", vendor="acme", model="r 100") == ["ACME-2026-1"]
    assert listed(peopled, "a", vendor="acme", model="r 200") == []
    seen(peopled, "a", 5)
    (found,) = peopled.ask("a", "GET", "/advisories/").json["advisories"]
    assert sorted((one["version"], one["status"], one["issue"]) for one in found["models"]) == [
        ("1.0", "known_affected", "CVE-2026-1234"), ("1.1", "fixed", "CVE-2026-1234"),
    ]  # fmt: skip
    got = peopled.ask("a", "GET", f"/advisories/{made['id']}.json")
    assert (got.body, got.headers["etag"]) == (body, f'"{made["digest"]}"')
    # Sent again it changes nothing; another content under the same version is refused; a newer version takes its place.
    assert peopled.ask("acme", "POST", "/advisories/", body).status == 200
    assert peopled.ask("acme", "POST", "/advisories/", csaf(document__title="Other")).status == 409
    peopled.clock[0] += 1000
    newer = peopled.ask("acme", "POST", "/advisories/", csaf(document__tracking__version="2")).json[
        "advisory"
    ]
    (found,) = peopled.ask("a", "GET", "/advisories/").json["advisories"]
    assert found["advisory"]["id"] == newer["id"]
    assert [one.act for one in peopled.books.audit.entries()].count("advisory") == 2


def test_an_advisory_goes_no_further_than_its_marking(peopled: Ring) -> None:
    peopled.ask("acme", "POST", "/advisories/", csaf(document__distribution__tlp__label="AMBER"))
    assert listed(peopled, "a", all=1) == ["ACME-2026-1"]
    for right in peopled.books.members.rights("a"):
        peopled.books.members.grant(
            Right("a", right.collection, right.read, right.write, Tlp.GREEN),
            Act("op", "hub", "grant", "a", 1),
        )
    assert listed(peopled, "a", all=1) == []
    assert listed(peopled, "acme", all=1) == ["ACME-2026-1"]
    (one,) = peopled.books.advisories.advisories()
    assert peopled.ask("a", "GET", f"/advisories/{one.id}.json").status == 404


def test_no_maker_speaks_of_anothers_model(peopled: Ring) -> None:
    with pytest.raises(DescriptionError):
        advise(peopled.books, "other", csaf(), "op")
    with pytest.raises(DescriptionError):
        advise(peopled.books, "a", csaf(), "op")
    with pytest.raises(DescriptionError):
        advise(peopled.books, "acme", csaf(), "op", "finding-none")
    with pytest.raises(DescriptionError):
        claim(peopled.books, "a", "Acme", "R1", "op")
    advise(peopled.books, "acme", csaf(), "op")
    with pytest.raises(ConflictError):
        advise(peopled.books, "acme", csaf(document__title="x"), "op")


def test_of_a_model_that_is_nobodys_a_maker_says_nothing(peopled: Ring) -> None:
    """What isn't entered as this maker's isn't its own: neither another vendor's name, nor one that it publishes under."""
    other = csaf(product_tree__branches__0__name="Cisco")
    listed = csaf(document__publisher__name="Cisco")  # the full product name C200 is the publisher's
    for octets in (other, listed):
        with pytest.raises(DescriptionError, match="entered as this maker"):
            advise(peopled.books, "acme", octets, "op")
    claim(peopled.books, "acme", "Cisco", "R-100", "op")
    advise(peopled.books, "acme", other, "op")


BAD = {
    "path": {"document__tracking__id": "../../x"}, "hidden": {"document__tracking__id": ".x"},
    "no category": {"document__category": None}, "version": {"document__csaf_version": "2.1"}, "no id": {"document__tracking__id": ""},
    "draft": {"document__tracking__status": "draft"}, "no marking": {"document__distribution": None},
    "red": {"document__distribution__tlp__label": "RED"}, "odd marking": {"document__distribution__tlp__label": "BLUE"},
    "publisher": {"document__publisher__category": "friend"}, "number": {"document__tracking__version": "v1"},
    "date": {"document__tracking__current_release_date": "today"}, "history": {"document__tracking__revision_history": []},
    "no product": {"vulnerabilities__0__product_status": {"fixed": ["p9"]}},
    "both": {"vulnerabilities__0__product_status": {"fixed": ["p1"], "known_affected": ["p1"]}},
    "twice": {"product_tree__full_product_names": [{"name": "C", "product_id": "p1"}]},
    "cve": {"vulnerabilities__0__cve": "CVE-1"}, "empty": {"vulnerabilities": []},
    "title": {"document__title": "\x1b[31mred"}, "two lines": {"document__title": "a\nb"}, "branch": {"product_tree__branches": [{"category": "vendor"}]},
    "relation": {"product_tree__relationships": [{"category": "installed_on", "product_reference": "p9",
                 "relates_to_product_reference": "p1", "full_product_name": {"name": "x", "product_id": "p8"}}]},
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_advisory(what: str) -> None:
    with pytest.raises(AdvisoryFault):
        read_csaf(csaf(**BAD[what]))


def test_a_title_may_have_blanks_of_full_width() -> None:
    assert read_csaf(csaf(document__title="既定の\u3000パスワード")).title == "既定の\u3000パスワード"


def test_a_name_given_twice_smuggles_no_marking() -> None:
    for twice in ('"label": "AMBER", "label": "GREEN"', '"label": "AMBER", "\\u006cabel": "GREEN"'):
        octets = csaf().replace(b'"label": "GREEN"', twice.encode())
        assert twice.encode() in octets
        with pytest.raises(AdvisoryFault, match="twice"):
            read_csaf(octets)
    with pytest.raises(AdvisoryFault, match="JSON"):  # a number too long to be read
        read_csaf(b'{"document": ' + b"1" * 5_000 + b"}")


def test_what_is_no_document_at_all() -> None:
    deep: dict[str, Any] = {"category": "vendor", "name": "x"}
    for _ in range(40):
        deep = {"category": "vendor", "name": "x", "branches": [deep]}
    for octets in (b"", b"[]", b"{}", b'{"document": 1}', b"\xff", b"[" * 100_000, b" " * (9 << 20),
                   csaf(product_tree__branches=[deep])):  # fmt: skip
        with pytest.raises(AdvisoryFault):
            read_csaf(octets)


def test_products_of_all_kinds_are_named() -> None:
    more = [{"category": "installed_on", "product_reference": "p3", "relates_to_product_reference": "p1",
             "full_product_name": {"name": "C200 on R-100", "product_id": "p4"}}]  # fmt: skip
    said = read_csaf(
        csaf(
            product_tree__relationships=more,
            vulnerabilities__0__product_status={"known_affected": ["p3", "p4"]},
        )
    ).said
    assert {(one.vendor, one.model, one.version) for one in said} == {
        ("Acme", "C200", ""),
        ("Acme", "R-100", "1.0"),
    }


def test_disclosure_waits_for_a_person(peopled: Ring) -> None:
    books = peopled.books
    found = open_finding(
        books, "acme", "Acme", "R100", "既定のパスワード", peopled.clock[0] + 90 * DAY, "佐藤"
    )
    advise(books, "acme", csaf(), "op", found.id)

    def findings(who: str) -> Any:
        return peopled.ask(who, "GET", "/me/findings.json").json["findings"]

    assert [findings(who) for who in ("acme", "a", "other")] == [[], [], []]
    with pytest.raises(DescriptionError):
        decide_finding(
            books, found.id, "佐藤", publish=True, reason="x", before_embargo=True
        )  # the maker knows nothing
    tell(books, found.id, "acme", "佐藤", "mail")
    peopled.clock[0] += DAY
    tell(books, found.id, "a", "佐藤", "phone")
    answered(books, found.id, "acme", "佐藤", "直す")
    with pytest.raises(DescriptionError):
        answered(books, found.id, "b", "佐藤", "?")
    assert listed(peopled, "a", all=1) == ["ACME-2026-1"]
    assert listed(peopled, "b", all=1) == []
    (mine,) = findings("acme")
    assert [(one["kind"], one["whom"]) for one in mine["steps"]] == [
        ("opened", ""),
        ("told", "acme"),
        ("answered", "acme"),
    ]
    assert "佐藤" not in json.dumps(mine, ensure_ascii=False)
    # The end of the embargo publishes nothing; before it, only with the word for it.
    with pytest.raises(DescriptionError):
        decide_finding(books, found.id, "佐藤", publish=True, reason="x")
    set_embargo(books, found.id, peopled.clock[0] + DAY, "佐藤", "maker is ready")
    peopled.clock[0] += 2 * DAY
    upkeep(peopled.desk, b"x", whole=True)
    assert (findings("b"), listed(peopled, "b", all=1)) == ([], [])
    decide_finding(books, found.id, "佐藤", publish=False, reason="still waiting")
    assert findings("b") == []
    decide_finding(books, found.id, "佐藤", publish=True, reason="fixed")
    (public,) = findings("b")
    assert public["finding"]["state"] == "published"
    assert [one["whom"] for one in public["steps"]] == [""] * 4
    assert listed(peopled, "b", all=1) == ["ACME-2026-1"]
    with pytest.raises(DescriptionError):
        decide_finding(books, found.id, "佐藤", publish=False, reason="too late")
    acts = [one.act for one in books.audit.entries() if one.object == found.id]
    assert acts == ["finding-opened", "finding-told", "finding-told", "finding-answered", "finding-embargo",
                    "finding-decided", "finding-decided"]  # fmt: skip
    assert books.audit.verify("").whole
    with pytest.raises(ConflictError):  # two people at the same time: the second looks again
        books.disclosures.step(found, books.disclosures.steps(found.id)[0], Act("x", "hub", "x", "x", 1))


def test_the_operators_commands(tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    with opened_ring(hub) as ring:
        for name in "abc":
            ring.join(name)
            ring.clock[0] = int(time.time() * 1000)
            seen(ring, name, 20, ports=["tcp/23"])
        ring.join("acme", "maker")
    file = tmp_path / "a.json"
    file.write_bytes(csaf())

    def said(*words: object, code: int = 0) -> Any:
        done = typed(["hub", *words, "--hub", hub, "--json"])
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def shown(*words: object) -> str:
        both = [typed(["--lang", lang, "hub", *words, "--hub", hub]) for lang in ("ja", "en")]
        assert [one.returncode for one in both] == [0, 0], both
        return both[0].stdout + both[1].stdout

    said("product", "acme", "Acme")
    said("product", "a", "Acme", code=2)
    assert said("models", "--maker", "acme")["models"][0]["devices"] == 60
    assert "tcp/23" in shown("models")
    found = said(
        "finding", "open", "acme", "Acme", "R100", "--title", "既定のパスワード", "--embargo", "2100-01-01"
    )["finding"]["id"]
    said("advisory", file, "--maker", "acme", "--finding", found)
    file.write_bytes(b"{}")
    said("advisory", file, "--maker", "acme", code=2)
    assert "ACME-2026-1" in shown("advisories", "--vendor", "acme")
    assert said("advisories", "--member", "a")["advisories"] == []
    said("advisories", "--member", "nobody", code=2)
    said("finding", "tell", found, "acme", "--text", "mail")
    said("finding", "answered", found, "acme", "--text", "直す")
    said("finding", "decide", found, "publish", "--reason", "x", code=2)
    said("finding", "embargo", found, "2026-01-01", "--reason", "直った")
    assert (
        said("finding", "decide", found, "publish", "--reason", "直った")["finding"]["state"] == "published"
    )
    assert len(said("advisories", "--member", "a")["advisories"]) == 1
    assert "直った" in shown("finding", "show", found)
    assert "既定のパスワード" in shown("finding", "list")
