"""Security advisories and VEX documents in CSAF 2.0 (OASIS): checked in structure, and what they say of each product.

The check is our own: required properties, their kinds and words, product ids that are defined once and exist where they
are used, no product both affected and not. CVSS vectors, CWE names and the other profiles' mandatory tests aren't looked
at, and no signature is. What else a document has stays in it: members get it octet by octet as it came.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from sekisho.formats.written_text import one_line
from sekisho.model.indicator import Tlp

_MOST_OCTETS = 8 << 20
_MOST_PRODUCTS = 20_000
_MOST_ISSUES = 2_000
_MOST_ROWS = 50_000
_DEEPEST = 30
_LONGEST = 400
_VERSION = re.compile(
    r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){0,3}(-[0-9A-Za-z.-]{1,40})?(\+[0-9A-Za-z.-]{1,40})?"
)
_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_PUBLISHERS = frozenset({"coordinator", "discoverer", "other", "translator", "user", "vendor"})
_TLP = {"WHITE": Tlp.CLEAR, "GREEN": Tlp.GREEN, "AMBER": Tlp.AMBER, "RED": Tlp.RED}
_AFFECTED = ("first_affected", "known_affected", "last_affected")
_FIXED = ("first_fixed", "fixed")
_OTHER = ("known_not_affected", "recommended", "under_investigation")
_STATUSES = (*_AFFECTED, *_FIXED, *_OTHER)
# What can't be said of a product at the same time.
_APART = (
    frozenset(_AFFECTED),
    frozenset(_FIXED),
    frozenset({"known_not_affected"}),
    frozenset({"under_investigation"}),
)
_LEVELS = {"vendor": 0, "product_name": 1, "product_family": 1, "product_version": 2}


class AdvisoryFault(ValueError):
    """Why a document is no advisory that can be passed on; names the place."""


class Said(msgspec.Struct, frozen=True):
    """What is said of one product: names as the document writes them."""

    vendor: str
    model: str
    version: str
    issue: str
    status: str


class Csaf(msgspec.Struct, frozen=True):
    """What a document says of itself and of products."""

    name: str
    version: str
    title: str
    category: str
    status: str
    released: str
    publisher: str
    tlp: Tlp
    said: tuple[Said, ...]


def read_csaf(octets: bytes) -> Csaf:
    """Check a document.

    :raises AdvisoryFault: it is none, or can't be passed on, and why
    """
    if len(octets) > _MOST_OCTETS:
        raise AdvisoryFault(f"at most {_MOST_OCTETS} octets")
    try:
        # msgspec refuses what is no JSON; the other one shows a name given twice, of which readers keep either.
        msgspec.json.decode(octets)
        whole = json.loads(octets, object_pairs_hook=_once)
    except AdvisoryFault:
        raise
    except (msgspec.DecodeError, RecursionError, ValueError) as fault:
        raise AdvisoryFault(f"no JSON: {str(fault)[:120]}") from None
    document = _part(_object(whole, "document"), "document")
    tracking = _part(document, "tracking")
    publisher = _part(document, "publisher")
    _word(document, "csaf_version", {"2.0"})
    _word(publisher, "category", _PUBLISHERS)
    if _word(tracking, "status", {"draft", "final", "interim"}) == "draft":
        raise AdvisoryFault("tracking.status: a draft isn't passed on")
    version = _text(tracking, "version")
    released = _text(tracking, "current_release_date")
    for name, form, text in (
        ("version", _VERSION, version),
        ("current_release_date", _MOMENT, released),
        ("initial_release_date", _MOMENT, _text(tracking, "initial_release_date")),
    ):
        if not form.fullmatch(text):
            raise AdvisoryFault(f"tracking.{name}: {text[:40]}")
    for number, one in enumerate(_list(tracking, "revision_history", least=1)):
        entry = _object(one, f"revision_history[{number}]")
        if not all(
            isinstance(entry.get(name), str) and entry[name] for name in ("date", "number", "summary")
        ):
            raise AdvisoryFault(f"revision_history[{number}]: date, number and summary")
    products = _products(whole, _text(publisher, "name"))
    return Csaf(
        _name(tracking), version, _text(document, "title"), _text(document, "category"),
        _text(tracking, "status"), released, _text(publisher, "name"), _marking(document), _said(whole, products),
    )  # fmt: skip


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise AdvisoryFault("a property is given twice")
    return found


def _name(tracking: Mapping[str, Any]) -> str:
    """Return the document's id, which readers make a file name of: nothing that leads somewhere else."""
    name = _text(tracking, "id")
    if name[0] in ". " or name[-1] == " " or set(name) & set("/\\"):
        raise AdvisoryFault("tracking.id: nothing that could be a path")
    return name


def _marking(document: Mapping[str, Any]) -> Tlp:
    """Return the marking; without one nobody could tell whom it may reach."""
    if "distribution" not in document or "tlp" not in _part(document, "distribution"):
        raise AdvisoryFault("distribution.tlp: without a marking it isn't passed on")
    level = _TLP[_word(_part(_part(document, "distribution"), "tlp"), "label", set(_TLP))]
    if level is Tlp.RED:
        raise AdvisoryFault("distribution.tlp: TLP:RED isn't passed on")
    return level


def _products(whole: Mapping[str, Any], publisher: str) -> dict[str, tuple[str, str, str]]:
    """Return vendor, model and version of each product id."""
    tree = _part(whole, "product_tree") if "product_tree" in whole else {}
    found: dict[str, tuple[str, str, str]] = {}
    _branches(_list(tree, "branches"), ("", "", ""), found, 1)
    for one in _list(tree, "full_product_names"):
        _product(_object(one, "full_product_names"), (publisher, _text(one, "name"), ""), found)
    for one in _list(tree, "relationships"):
        there = _object(one, "relationships")
        for name in ("product_reference", "relates_to_product_reference"):
            if _text(there, name) not in found:
                raise AdvisoryFault(f"relationships: no product {there[name][:80]}")
        _product(_part(there, "full_product_name"), found[there["relates_to_product_reference"]], found)
    for one in _list(tree, "product_groups"):
        _known(_object(one, "product_groups").get("product_ids"), found, "product_groups")
    return found


def _branches(
    branches: Iterable[Any], above: tuple[str, str, str], found: dict[str, tuple[str, str, str]], depth: int
) -> None:
    if depth > _DEEPEST:
        raise AdvisoryFault("branches: too deep")
    for one in branches:
        there = _object(one, "branches")
        names = list(above)
        name, category = _text(there, "name"), _text(there, "category")
        if category in _LEVELS:
            names[_LEVELS[category]] = name
        place = (names[0], names[1], names[2])
        if "product" in there:
            _product(_part(there, "product"), place, found)
        _branches(_list(there, "branches"), place, found, depth + 1)


def _product(
    one: Mapping[str, Any], place: tuple[str, str, str], found: dict[str, tuple[str, str, str]]
) -> None:
    name, identifier = _text(one, "name"), _text(one, "product_id")
    if identifier in found:
        raise AdvisoryFault(f"product_id {identifier[:80]} is defined twice")
    if len(found) >= _MOST_PRODUCTS:
        raise AdvisoryFault(f"at most {_MOST_PRODUCTS} products")
    found[identifier] = place if place[1] else (place[0], name, place[2])


def _said(whole: Mapping[str, Any], products: Mapping[str, tuple[str, str, str]]) -> tuple[Said, ...]:
    issues = _list(whole, "vulnerabilities")
    if len(issues) > _MOST_ISSUES:
        raise AdvisoryFault(f"at most {_MOST_ISSUES} vulnerabilities")
    rows: dict[Said, None] = {}
    for number, one in enumerate(issues):
        there = _object(one, f"vulnerabilities[{number}]")
        if "cve" in there and not _CVE.fullmatch(_text(there, "cve")):
            raise AdvisoryFault(f"vulnerabilities[{number}].cve")
        issue = there.get("cve", f"#{number + 1}")
        statuses = _part(there, "product_status") if "product_status" in there else {}
        said: dict[str, set[str]] = {}
        for status in _STATUSES:
            for identifier in _known(
                statuses.get(status, []), products, f"vulnerabilities[{number}].{status}"
            ):
                said.setdefault(identifier, set()).add(status)
        for identifier, words in said.items():
            if sum(bool(words & group) for group in _APART) > 1:
                raise AdvisoryFault(
                    f"vulnerabilities[{number}]: {identifier[:80]} is {' and '.join(sorted(words))}"
                )
            rows |= {Said(*products[identifier], issue, status): None for status in sorted(words)}
            if len(rows) > _MOST_ROWS:
                raise AdvisoryFault(f"at most {_MOST_ROWS} statements about products")
    return tuple(rows)


def _known(found: Any, products: Mapping[str, Any], where: str) -> list[str]:
    if not isinstance(found, list):
        raise AdvisoryFault(f"{where}: no list")
    for one in found:
        if not isinstance(one, str) or one not in products:
            raise AdvisoryFault(f"{where}: no product {str(one)[:80]}")
    return found


def _object(one: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(one, dict):
        raise AdvisoryFault(f"{where}: no object")
    return one


def _part(one: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return _object(one.get(name), name)


def _list(one: Mapping[str, Any], name: str, least: int = 0) -> list[Any]:
    found = one.get(name, [])
    if not isinstance(found, list) or len(found) < max(least, int(name in one)):
        raise AdvisoryFault(f"{name}: no list with anything in it")
    return found


def _text(one: Mapping[str, Any], name: str) -> str:
    found = one.get(name)
    if not isinstance(found, str) or not found or len(found) > _LONGEST or one_line(found) != found:
        raise AdvisoryFault(f"{name}: a text of 1 to {_LONGEST} signs")
    return found


def _word(one: Mapping[str, Any], name: str, words: Iterable[str]) -> str:
    found = _text(one, name)
    if found not in words:
        raise AdvisoryFault(f"{name}: one of {', '.join(sorted(words))}")
    return found
