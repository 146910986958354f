"""1. Rights: every member × collection × verb equals a table; without a right it is as if it were not there."""

from __future__ import annotations

import itertools
from uuid import UUID

import pytest

from fakes.sharing import Got, Ring, evidence, grant, indicator
from sekisho.errors import DescriptionError
from sekisho.model.indicator import Tlp
from sekisho.model.membership import Member, MemberRole, MemberState, Right
from sekisho.model.sharing import Collection
from sekisho.workflows.hub import enter, revoke, rotate, set_state

NOTHING = "c0ffee00-0000-4000-8000-000000000000"
OBJECTS = {
    "list-in": indicator(), "evidence-in": evidence(),
    "failure": {"type": "incident", "spec_version": "2.1", "id": f"incident--{UUID(int=1, version=4)}",
                "created": "2026-11-18T10:00:00.000Z", "modified": "2026-11-18T10:00:00.000Z", "name": "回線断"},
}  # fmt: skip
# member → collection → what it may: r, w.
TABLE = {
    "full": {"list": "r", "list-in": "w", "evidence": "r", "evidence-in": "w", "failure": "rw", "open": "rw"},
    "reads": {"list": "r", "list-in": "w", "evidence": "r", "evidence-in": "", "failure": "r", "open": ""},
    "other": {"list": "r", "list-in": "w", "evidence": "r", "evidence-in": "w", "failure": "rw", "open": "r"},
    "maker": {"list": "", "list-in": "", "evidence": "", "evidence-in": "", "failure": "", "open": "w"},
    "partner": {"list": "r", "list-in": "w", "evidence": "", "evidence-in": "", "failure": "r", "open": ""},
    "gone": {"list": "", "list-in": "", "evidence": "", "evidence-in": "", "failure": "", "open": ""},
}


@pytest.fixture
def peopled(ring: Ring) -> Ring:
    ring.books.collections.found(
        Collection(str(UUID(int=9, version=4)), "Open", "", "open", unmarked=Tlp.GREEN)
    )
    ring.books.forget()
    ring.ids = {one.alias: one.id for one in ring.books.visible()}
    for name, role, *networks in (
        ("full", "full"), ("reads", "receive-only", "203.0.113.0/24"), ("other", "full"), ("maker", "maker"),
        ("partner", "partner"), ("gone", "full"),
    ):  # fmt: skip
        ring.join(name, role, *networks)
    for name, read, write in (("full", True, True), ("other", True, False), ("maker", False, True)):
        grant(ring.books, Right(name, ring.ids["open"], read, write, Tlp.GREEN), "op")
    set_state(ring.books, "gone", MemberState.SUSPENDED, "op", "test")
    return ring


def wanted(member: str, right: str, verb: str) -> int:
    if member == "gone":
        return 401
    if not right:
        return 404
    if verb == "list":
        return 200
    if verb == "add":
        return 202 if "w" in right else 403
    if verb in {"get", "manifest"}:
        return 200 if "r" in right else 403
    if verb == "versions":  # of an object that was never there
        return 404 if "r" in right else 403
    return 404 if right == "rw" else 403  # delete


def test_all_answers_equal_the_table(peopled: Ring) -> None:
    missing = f"indicator--{UUID(int=77, version=4)}"
    count = 0
    for (member, rights), verb in itertools.product(
        TABLE.items(), ("list", "get", "manifest", "versions", "add", "delete")
    ):
        for alias, right in rights.items():
            path, method, body = {
                "list": ((), "GET", b""), "get": (("objects",), "GET", b""), "manifest": (("manifest",), "GET", b""),
                "versions": (("objects", missing, "versions"), "GET", b""),
                "add": (("objects",), "POST", {"objects": [OBJECTS.get(alias, indicator())]}),
                "delete": (("objects", missing), "DELETE", b""),
            }[verb]  # fmt: skip
            got = peopled.ask(member, method, peopled.at(alias, *path), body)
            assert got.status == wanted(member, right, verb), (member, alias, verb, got)
            count += 1
            if right == "" and member != "gone":
                # The same octets as for a collection that never was.
                never = peopled.ask(
                    member, method, peopled.at(alias, *path).replace(peopled.ids[alias], NOTHING), body
                )
                assert (got.status, got.body) == (never.status, never.body)
    assert count == 216


def test_a_status_is_the_senders_alone(peopled: Ring) -> None:
    told = peopled.post("full", "list-in", indicator())
    path = f"/sharing/status/{told['id']}/"
    assert peopled.ask("full", "GET", path).json == told
    other = peopled.ask("other", "GET", path)
    never = peopled.ask("other", "GET", f"/sharing/status/{UUID(int=5, version=4)}/")
    assert (other.status, other.body) == (404, never.body)


def test_a_token_ends_with_the_next_request(peopled: Ring) -> None:
    path = "/sharing/collections/"
    assert peopled.ask("full", "GET", path).status == 200
    new = rotate(peopled.books, peopled.tokens["full"], 1, 30, "op")
    assert peopled.ask("full", "GET", path).status == 200
    assert peopled.ask(new, "GET", path).status == 200
    peopled.clock[0] += 3_600_001
    assert peopled.ask("full", "GET", path).status == 401
    assert revoke(peopled.books, new, "op")
    assert not revoke(peopled.books, new, "op")
    assert peopled.ask(new, "GET", path).status == 401
    set_state(peopled.books, "other", MemberState.LEFT, "op", "left")
    assert peopled.ask("other", "GET", path).status == 401


def test_basic_and_bearer_and_what_is_neither(peopled: Ring) -> None:
    def status(header: str) -> int:
        return peopled.ask("", "GET", "/taxii2/", headers={"authorization": header}).status

    assert status(peopled.basic("full")) == 200
    token = peopled.tokens["full"]
    for header in (
        "",
        "Basic x",
        "Basic",
        "Bearer",
        f"Bearer {token[:-1]}",
        f"Bearer {token}0",
        f"Digest {token}",
        "Bearer \u00e9",
    ):
        assert status(header) == 401, header
    wrong = peopled.basic("other").split()[1]
    assert status(f"Basic {wrong[:-4]}AAAA") == 401
    peopled.tokens["other"] = token  # the name beside the token must be its member
    assert status(peopled.basic("other")) == 401


def test_client_credentials_end_with_their_token(peopled: Ring) -> None:
    def asked(body: bytes) -> Got:
        return peopled.ask("", "POST", "/oauth2/token", body, {"authorization": peopled.basic("full")})

    assert asked(b"grant_type=password").status == 400
    got = asked(b"grant_type=client_credentials").json
    assert (got["token_type"], got["expires_in"]) == ("Bearer", 600)
    short = got["access_token"]
    assert (
        peopled.ask(short, "GET", "/sharing/collections/").json
        == peopled.ask("full", "GET", "/sharing/collections/").json
    )
    digest, ends, seal = short.removeprefix("ska_").split(".")
    for forged in (
        f"{digest}.{int(ends) + 1}.{seal}",
        f"{digest}.{ends}.{seal[:-1]}0"[:-1],
        f"{digest}.{ends}",
        f"..{seal}",
        "é",
    ):
        assert (
            peopled.ask("", "GET", "/taxii2/", headers={"authorization": f"Bearer ska_{forged}"}).status
            == 401
        )
    # It gives no other one.
    assert peopled.ask(short, "POST", "/oauth2/token", b"grant_type=client_credentials").status == 401
    assert revoke(peopled.books, peopled.tokens["full"], "op")
    assert peopled.ask(short, "GET", "/taxii2/").status == 401
    peopled.tokens["full"] = peopled.tokens["other"]
    later = peopled.ask("other", "POST", "/oauth2/token", b"grant_type=client_credentials").json[
        "access_token"
    ]
    peopled.clock[0] += 600_000
    assert peopled.ask(later, "GET", "/taxii2/").status == 401
    assert peopled.ask("other", "GET", "/taxii2/").status == 200


def test_no_token_is_kept(peopled: Ring, tmp_path: object) -> None:
    held = peopled.books.tokens.of("full")
    assert peopled.tokens["full"] not in str(held)
    for entry in peopled.books.audit.entries():
        assert peopled.tokens["full"] not in str(entry)


def test_a_full_member_needs_its_proofs_and_roles_have_their_places(ring: Ring) -> None:
    naked = Member("x", "甲", "X", MemberRole.FULL, MemberState.ACTIVE, "x", 1)
    with pytest.raises(DescriptionError):
        enter(ring.books, naked, "op")
    with pytest.raises(DescriptionError):
        enter(ring.books, Member("hub", "甲", "X", MemberRole.MAKER, MemberState.ACTIVE, "x", 1), "op")
    ring.join("small", "receive-only")
    for alias, read, write in (("list", False, True), ("list-in", True, False), ("evidence-in", False, True)):
        with pytest.raises(DescriptionError):
            grant(ring.books, Right("small", ring.ids[alias], read, write, Tlp.GREEN), "op")
