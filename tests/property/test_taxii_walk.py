"""Walks through a TAXII collection against a plain oracle: each object once, filters as written, writes in between."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.hub import NOW, Hub, address, indicator
from sekisho.model.sharing import rfc3339

OBJECTS = "/first/collections/both/objects/"
MANY = settings(max_examples=150, deadline=None)
JSON = st.recursive(
    st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
ADDED = st.one_of(
    st.builds(indicator, st.integers(1, 4), st.integers(1, 4)), st.builds(address, st.integers(1, 3))
)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "match[type]": st.lists(st.sampled_from(["indicator", "ipv4-addr", "x"]), min_size=1, max_size=3).map(",".join),
        "match[id]": st.lists(st.sampled_from([indicator(1)["id"], indicator(2)["id"], address(1)["id"]]), min_size=1).map(",".join),
        "match[version]": st.lists(
            st.sampled_from(["all", "first", "last", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00.000Z"]), min_size=1
        ).map(",".join),
        "added_after": st.integers(NOW, NOW + 20).map(rfc3339),
    },
)  # fmt: skip


class Plain:
    """Versions in the order of adding, asked by plain words."""

    def __init__(self) -> None:
        self.held: list[tuple[str, dict[str, Any]]] = []

    def learn(self, manifest: Any, one: dict[str, Any]) -> None:
        version = one.get("modified")
        if not any(old["id"] == one["id"] and old.get("modified") == version for _, old in self.held):
            self.held.append((manifest["date_added"], one))

    def asked(self, filters: dict[str, str]) -> list[dict[str, Any]]:
        def among(name: str, value: str) -> bool:
            return name not in filters or value in filters[name].split(",")

        some = [
            (added, one)
            for added, one in self.held
            if among("match[type]", one["type"]) and among("match[id]", one["id"]) and added > filters.get("added_after", "")
        ]  # fmt: skip
        wanted = filters.get("match[version]", "last").split(",")
        found = []
        for added, one in some:
            versions = sorted(other.get("modified", at) for at, other in some if other["id"] == one["id"])
            mine = one.get("modified", added)
            if (
                "all" in wanted
                or ("last" in wanted and mine == versions[-1])
                or ("first" in wanted and mine == versions[0])
                or mine in [word.replace("00Z", "00.000Z") for word in wanted if len(word) == 20] + wanted
            ):
                found.append(one)
        return found


@MANY
@given(
    sent=st.lists(st.lists(ADDED, min_size=1, max_size=5), min_size=1, max_size=5),
    filters=FILTERS,
    limit=st.integers(1, 7),
)
def test_filters_and_pages_are_those_of_the_oracle(
    sent: list[list[dict[str, Any]]], filters: dict[str, str], limit: int
) -> None:
    hub, plain = Hub(), Plain()
    for objects in sent:
        for one in objects:
            hub.post(one)
            last = hub.get("/first/collections/both/manifest/", **{"match[version]": "all"})["objects"][-1]
            plain.learn(last, one)
    for way in ("next", "added_after"):
        walked: list[dict[str, Any]] = []
        asked: dict[str, Any] = dict(filters)
        while True:
            answer = hub.ask(OBJECTS, limit=limit, **asked)
            told = json.loads(answer.body)
            walked += told.get("objects", [])
            if not told.get("more"):
                break
            if way == "next":
                asked["next"] = told["next"]
            else:
                asked["added_after"] = answer.headers["X-TAXII-Date-Added-Last"]
        if way == "next":
            assert walked == plain.asked(filters)
        elif filters.get("match[version]") == "all":
            # Other versions are relative to what was added since, so only this filter can be walked by dates alone.
            assert walked == plain.asked(filters)


@MANY
@given(
    before=st.lists(ADDED, min_size=1, max_size=12),
    between=st.lists(st.lists(ADDED, max_size=3), max_size=12),
    limit=st.integers(1, 4),
)
def test_what_was_there_comes_once_whatever_is_added_meanwhile(
    before: list[dict[str, Any]], between: list[list[dict[str, Any]]], limit: int
) -> None:
    hub = Hub()
    hub.post(*before)
    path = "/first/collections/both/manifest/"
    there = [tuple(one.values()) for one in hub.get(path, **{"match[version]": "all"})["objects"]]
    asked: dict[str, Any] = {"limit": limit, "match[version]": "all"}
    walked: list[tuple[str, ...]] = []
    writes = iter(between)
    while True:
        told = hub.get(path, **asked)
        walked += [tuple(one.values()) for one in told["objects"]]
        if not told["more"]:
            break
        asked["next"] = told["next"]
        if some := next(writes, []):
            hub.post(*some)
    assert walked[: len(there)] == there
    assert len(walked) == len(set(walked))


@MANY
@given(
    extra=st.dictionaries(
        st.from_regex(r"x_[a-z]{1,6}", fullmatch=True), JSON.filter(lambda value: value not in ([], {}))
    )
)
def test_unknown_properties_come_back_octet_for_octet(extra: dict[str, Any]) -> None:
    extra = {name: value for name, value in extra.items() if not name.endswith(("_ref", "_refs"))}
    hub = Hub()
    text = json.dumps(indicator(**extra))
    found = hub.ask(OBJECTS, method="POST", body=f'{{"objects":[{text}]}}'.encode())
    assert json.loads(found.body)["success_count"] == 1, found
    assert hub.ask(OBJECTS).body == f'{{"more":false,"objects":[{text}]}}'.encode()


@settings(max_examples=300, deadline=None)
@given(method=st.sampled_from(["GET", "POST", "DELETE"]), path=st.sampled_from([OBJECTS, OBJECTS + "x/", "/first/collections/both/manifest/"]),
       query=st.text(max_size=60), body=st.binary(max_size=60), kind=st.text(max_size=30))  # fmt: skip
def test_nothing_that_comes_in_breaks_it(method: str, path: str, query: str, body: bytes, kind: str) -> None:
    hub = Hub()
    for headers in ({}, {"accept": kind}, {"content-type": kind}):
        found = hub.ask(path, method=method, query=query, body=body, headers=headers)
        assert found.status < 500
        json.loads(found.body)
