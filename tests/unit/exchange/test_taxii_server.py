"""The TAXII server, endpoint by endpoint; numbers are sections of TAXII 2.1."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from fakes.hub import ALICE, BOB, MEDIA, NOW, Hub, address, indicator
from sekisho.exchange.taxii import Caller
from sekisho.model.sharing import Rights, rfc3339

OBJECTS = "/first/collections/both/objects/"


@pytest.fixture
def hub() -> Hub:
    return Hub()


def ids(told: Any) -> list[str]:
    return [one["id"] for one in told.get("objects", [])]


def test_discovery_and_roots_4_1_4_2(hub: Hub) -> None:
    assert hub.get("/taxii2/") == {"title": "Hub", "default": "/first/", "api_roots": ["/first/", "/other/"]}
    assert hub.get("/first/") == {
        "title": "Root", "description": "words", "versions": [MEDIA], "max_content_length": 10 << 20,
    }  # fmt: skip
    found = hub.ask("/taxii2/")
    assert found.headers == {"Content-Type": MEDIA, "Content-Length": str(len(found.body))}


def test_collections_5_1_5_2(hub: Hub) -> None:
    told = hub.get("/first/collections/")["collections"]
    assert [(one["id"], one["can_read"], one["can_write"]) for one in told] == [
        ("both", True, True), ("read", True, False), ("write", False, True),
    ]  # fmt: skip
    assert told[0]["media_types"] == ["application/stix+json;version=2.1"]
    assert hub.get("/first/collections/both/") == told[0] == hub.get("/first/collections/both-alias/")
    assert hub.get("/other/collections/") == {}
    assert hub.get("/first/collections/", Caller("carol")) == {}


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/first/collections/{}/", "GET"),
        ("/first/collections/{}/manifest/", "GET"),
        ("/first/collections/{}/objects/", "GET"),
        ("/first/collections/{}/objects/", "POST"),
        ("/first/collections/{}/objects/x/", "GET"),
        ("/first/collections/{}/objects/x/", "DELETE"),
        ("/first/collections/{}/objects/x/versions/", "GET"),
    ],
)
def test_without_a_right_it_is_as_if_it_were_not_there_3_6(hub: Hub, path: str, method: str) -> None:
    answers = [
        hub.ask(path.format(name), method=method, body=b"{")
        for name in ("hidden", "nonesuch", "hidden-alias", "")
    ]
    answers.append(hub.ask(path.format("both").replace("first", "other"), method=method))
    assert {one.status for one in answers} == {404}
    assert len(set(map(msgspec.json.encode, answers))) == 1


def test_rights_5(hub: Hub) -> None:
    hub.post(indicator(), collection="write")
    name = indicator()["id"]
    for path in ("objects/", "manifest/", f"objects/{name}/", f"objects/{name}/versions/"):
        assert hub.ask(f"/first/collections/write/{path}").status == 403
    assert hub.ask("/first/collections/read/objects/", method="POST", body=b"{}").status == 403
    for one in ("read", "write"):
        assert hub.ask(f"/first/collections/{one}/objects/{name}/", method="DELETE").status == 403


def test_nobody_signed_in(hub: Hub) -> None:
    for path in ("/taxii2/", OBJECTS, "/nonesuch/"):
        found = hub.ask(path, None)
        assert found.status == 401
        assert found.headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/taxii2",
        "taxii2/",
        "/first/x/",
        "/first/collections/both/x/",
        "/first/status/x/",
        OBJECTS[:-1],
        OBJECTS + "a/b/",
        "//taxii2/",
    ],
)
def test_no_such_address(hub: Hub, path: str) -> None:
    found = hub.ask(path)
    assert found.status == 404
    told = json.loads(found.body)
    assert told["title"]
    assert told["http_status"] == "404"


def test_methods(hub: Hub) -> None:
    for path, allow in (("/taxii2/", "GET"), (OBJECTS, "GET, POST"), (OBJECTS + "x/", "GET, DELETE")):
        found = hub.ask(path, method="PUT")
        assert (found.status, found.headers["Allow"]) == (405, allow)


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (MEDIA, 200), ("application/taxii+json; version=2.1", 200), ('application/taxii+json;version="2.1"', 200),
        ("application/taxii+json", 200), ("*/*", 200), ("text/html, application/taxii+json;q=0.5", 200),
        ("application/taxii+json;version=2.0", 406), ("application/vnd.oasis.taxii+json;version=2.0", 406),
        ("application/json", 406), ("", 406), (MEDIA + ";q=0", 406), ("application/stix+json;version=2.1", 406),
    ],
)  # fmt: skip
def test_what_is_accepted_3_2(hub: Hub, accept: str, status: int) -> None:
    assert hub.ask("/taxii2/", headers={"accept": accept}).status == status


@pytest.mark.parametrize("kind", ["", "application/json", "application/taxii+json;version=2.0", "*/*"])
def test_what_is_sent_5_5(hub: Hub, kind: str) -> None:
    assert hub.ask(OBJECTS, method="POST", body=b"{}", headers={"content-type": kind}).status == 415


def test_objects_come_back_as_they_went_in_5_4(hub: Hub) -> None:
    body = json.dumps(indicator(x_number=1.0, x_text="文\u2028", x_deep={"a": [{"b": 1e-9}]}))
    text = '{"objects": [ ' + body.replace("1.0", "1.00") + " ]}"
    assert hub.ask(OBJECTS, method="POST", body=text.encode()).status == 202
    found = hub.ask(OBJECTS)
    assert body.replace("1.0", "1.00").encode() in found.body
    assert json.loads(found.body) == {"more": False, "objects": [json.loads(body)]}


def test_status_4_3_and_adding_5_5(hub: Hub) -> None:
    bad = indicator(2) | {"pattern": None}
    told = hub.post(indicator(1), bad, "text", address(3), indicator(1), indicator(1, name="other"))
    assert (told["status"], told["total_count"], told["success_count"], told["failure_count"]) == (
        "complete",
        6,
        3,
        3,
    )
    assert [one["id"] for one in told["successes"]] == [
        indicator(1)["id"],
        address(3)["id"],
        indicator(1)["id"],
    ]
    assert [one["id"] for one in told["failures"]] == [bad["id"], "unknown", indicator(1)["id"]]
    assert all(one["message"] and one["version"] for one in told["failures"])
    assert hub.get(f"/first/status/{told['id']}/") == told
    assert hub.ask(f"/first/status/{told['id']}/", BOB).status == 404
    assert hub.ask(f"/other/status/{told['id']}/").status == 404
    assert ids(hub.get(OBJECTS)) == [indicator(1)["id"], address(3)["id"]]


def test_the_same_a_hundred_times(hub: Hub) -> None:
    first = hub.post(indicator(), address())
    before = hub.get("/first/collections/both/manifest/")
    for _ in range(100):
        assert hub.post(address(), indicator())["success_count"] == 2
    assert hub.get("/first/collections/both/manifest/") == before
    assert first["successes"][1]["version"] == before["objects"][1]["date_added"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"\xff", 400), (b"\xef\xbb\xbf{}", 400), (b'{"objects":[NaN]}', 400), (b"[" * 100_000, 422),
        (b'{"objects":' + b"[" * 100_000, 400), (b"[]", 422), (b"{}", 422), (b'{"objects":[]}', 422), (b'{"objects":"x"}', 422),
        (b'{"objects":[1],"objects":[2]}', 400), (b'{"objects":[1,2,3,4]}', 413), (b" " * 200_001, 413),
    ],
)  # fmt: skip
def test_bodies_that_are_refused(body: bytes, status: int) -> None:
    hub = Hub(octets=200_000, objects=3)
    found = hub.ask(OBJECTS, method="POST", body=body)
    assert found.status == status
    assert hub.get(OBJECTS) == {}


def test_one_object_too_large() -> None:
    told = Hub(object_octets=600).post(indicator(name="x" * 700), indicator(2))
    assert (told["success_count"], told["failure_count"]) == (1, 1)


def test_filters_3_4(hub: Hub) -> None:
    hub.post(indicator(1, 1), indicator(2, 1), address(3), indicator(1, 3), indicator(1, 2))
    one, two, three = indicator(1)["id"], indicator(2)["id"], address(3)["id"]
    assert ids(hub.get(OBJECTS)) == [two, three, one]
    assert ids(hub.get(OBJECTS, **{"match[type]": "ipv4-addr"})) == [three]
    assert ids(hub.get(OBJECTS, **{"match[type]": "ipv4-addr,indicator,x"})) == [two, three, one]
    assert ids(hub.get(OBJECTS, **{"match[id]": f"{two},{three}", "match[type]": "indicator"})) == [two]
    for version, days in (("first", [1]), ("last", [3]), ("all", [1, 3, 2]), ("first,last", [1, 3]),
                          ("2026-01-02T00:00:00Z", [2]), ("2026-01-02T00:00:00.0Z,first", [1, 2])):  # fmt: skip
        told = hub.get(OBJECTS, **{"match[version]": version, "match[id]": one})
        assert [obj["modified"][9] for obj in told["objects"]] == [str(day) for day in days]
    assert hub.get(OBJECTS, **{"match[spec_version]": "2.0"}) == {}
    assert len(ids(hub.get(OBJECTS, **{"match[spec_version]": "2.0,2.1"}))) == 3
    dates = [
        obj["date_added"]
        for obj in hub.get("/first/collections/both/manifest/", **{"match[version]": "all"})["objects"]
    ]
    assert dates == sorted(set(dates))
    assert ids(hub.get(OBJECTS, added_after=dates[2])) == [one]
    # Newest among what was added since: section 3.4, "matching the remainder of the request".
    assert hub.get(OBJECTS, added_after=dates[3])["objects"][0]["modified"] == "2026-01-02T00:00:00.000Z"
    assert hub.get(OBJECTS, added_after=dates[4]) == {}


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=a", "limit=", "limit=1&limit=2", "limit=１", "added_after=x", "added_after=", "next=", "next=x",
     "next=%00", "match[version]=new", "match[version]=last,", "match[type]=", "match[nonesuch]=1", "match=1", "match[id]=" + "a," * 200,
     "match[spec_version]=x", "a=%ff", "x=" + "y" * 9000, "&".join(f"a{n}=1" for n in range(50))],
)  # fmt: skip
def test_filters_that_are_refused(hub: Hub, query: str) -> None:
    assert hub.ask(OBJECTS, query=query).status == 400


def test_one_object_5_6_and_its_versions_5_8(hub: Hub) -> None:
    hub.post(indicator(1, 1), indicator(1, 3), indicator(2))
    path = OBJECTS + indicator(1)["id"] + "/"
    assert [one["modified"][9] for one in hub.get(path)["objects"]] == ["3"]
    assert len(hub.get(path, **{"match[version]": "all"})["objects"]) == 2
    assert hub.get(path, **{"match[version]": "2020-01-01T00:00:00Z"}) == {}
    assert hub.ask(path, **{"match[type]": "indicator"}).status == 400
    assert hub.ask(OBJECTS + indicator(9)["id"] + "/").status == 404
    told = hub.get(path + "versions/")
    assert told == {"more": False, "versions": ["2026-01-01T00:00:00.000Z", "2026-01-03T00:00:00.000Z"]}
    first = hub.get(path + "versions/", limit=1)
    assert hub.get(path + "versions/", limit=1, next=first["next"])["versions"] == told["versions"][1:]
    assert hub.ask(OBJECTS + "x/versions/").status == 404


def test_deleting_5_7(hub: Hub) -> None:
    hub.post(indicator(1, 1), indicator(1, 2), indicator(1, 3), indicator(2))
    path = OBJECTS + indicator(1)["id"] + "/"
    for bad in ("added_after=2026-01-01T00:00:00Z", "match[id]=x", "match[version]=x"):
        assert hub.ask(path, method="DELETE", query=bad).status == 400
    assert hub.ask(path, method="DELETE", query="match[spec_version]=2.0").status == 404
    assert hub.ask(path, method="DELETE", query="match[version]=first").status == 200
    assert hub.get(path + "versions/")["versions"][0].startswith("2026-01-02")
    assert hub.ask(path, method="DELETE").status == 200
    assert hub.ask(path).status == hub.ask(path, method="DELETE").status == 404
    assert ids(hub.get(OBJECTS)) == [indicator(2)["id"]]


def test_pages_and_headers_3_3_3_4(hub: Hub) -> None:
    hub.post(*(indicator(number) for number in range(1, 6)))
    found = hub.ask(OBJECTS, limit=2)
    told = json.loads(found.body)
    assert found.headers["X-TAXII-Date-Added-First"] < found.headers["X-TAXII-Date-Added-Last"]
    # Without next: the last date goes on, and nothing is missed.
    by_date = hub.get(OBJECTS, limit=9, added_after=found.headers["X-TAXII-Date-Added-Last"])
    by_mark = hub.get(OBJECTS, limit=9, next=told["next"])
    assert by_date == by_mark
    assert ids(told) + ids(by_mark) == [indicator(number)["id"] for number in range(1, 6)]
    assert "next" not in by_mark
    assert "X-TAXII-Date-Added-First" not in hub.ask(OBJECTS, added_after=rfc3339(NOW * 2)).headers


def test_a_page_has_a_bound_of_its_own() -> None:
    hub = Hub(page=3)
    hub.post(*(indicator(number) for number in range(1, 6)))
    assert len(ids(hub.get(OBJECTS))) == len(ids(hub.get(OBJECTS, limit=1000))) == 3


def test_next_opens_nothing(hub: Hub) -> None:
    hub.post(*(indicator(number) for number in range(1, 6)))
    mark = hub.get(OBJECTS, limit=1)["next"]
    assert hub.ask(OBJECTS, BOB, next=mark).status == 400
    assert hub.ask(OBJECTS, next=mark, **{"match[type]": "indicator"}).status == 400
    assert hub.ask("/first/collections/both/manifest/", next=mark).status == 400
    assert hub.ask("/first/collections/read/objects/", next=mark).status == 400
    for at in range(len(mark)):
        changed = mark[:at] + ("A" if mark[at] != "A" else "B") + mark[at + 1 :]
        assert hub.ask(OBJECTS, next=changed).status == 400
        assert hub.ask(OBJECTS, next=mark[:at] or "=").status == 400
    hub.server = hub.again()
    assert ids(hub.get(OBJECTS, limit=1, next=mark)) == [indicator(2)["id"]]
    gone = Caller(ALICE.name, {"both": Rights(write=True)})
    assert hub.ask(OBJECTS, gone, next=mark).status == 403
    hub.stores.drop("both")
    assert hub.ask(OBJECTS, next=mark).status == 404
