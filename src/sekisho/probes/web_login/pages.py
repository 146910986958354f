"""Which settings pages open without signing in: crawled with the right, then fetched without it, and compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sekisho.formats.pages import likeness, read_page, resolve
from sekisho.model.evidence import Evidence
from sekisho.model.observation import Observation
from sekisho.model.terminal import Recipe, Terminal
from sekisho.ports import Session, Wire
from sekisho.probes.web_login.codes import nonsense, open_as, right_code
from sekisho.probes.web_login.places import Target

MOST_PAGES = 60
MOST_PUBLIC = 20
ALIKE = 0.8
SHARED_FIELDS = 0.5
REFUSED = 400
_ACTS = re.compile(
    r"log_?(?:out|off)|sign_?(?:out|off)|exit|reboot|restart|reset|factory|default|delete|remove|erase|format"
    r"|clear|apply|save|commit|upgrade|update|upload|restore|shutdown|power_?off|halt|disconnect|release|renew|wps",
    re.IGNORECASE,
)
_FILES = re.compile(
    r"\.(?:js|css|png|jpe?g|gif|svg|ico|woff2?|ttf|map|zip|gz|tar|bin|img|pdf|mp4|cfg)(?:\?|$)", re.IGNORECASE
)


async def compare_pages(terminal: Terminal, target: Target, wire: Wire) -> None:
    """Crawl as nobody and with the right, then fetch each settings page as nobody."""
    base = f"web/{target.name}/pages "

    async def public() -> dict[str, Any]:
        _, session = await open_as(target, wire, "none")
        odd = f"/{nonsense(target.name)[4:]}.html"
        seen = await _crawl(session, target, ["/", odd, *_login_paths(target)], MOST_PUBLIC)
        return {**target.attributes, "pages": seen}

    await wire.step(f"{base}public", public)
    if right_code(target.login) is None:
        return

    async def signed_in() -> dict[str, Any]:
        sign_in, session = await open_as(target, wire, "right")
        if sign_in is None or not sign_in.accepted:
            await session.close()
            return {**target.attributes, "accepted": False, "pages": [], "guarded": []}
        starts = [*target.login.guarded, *_setting_pages(terminal, target), "/"]
        seen = await _crawl(session, target, starts, MOST_PAGES)
        guarded = list(target.login.guarded)
        return {**target.attributes, "accepted": True, "pages": seen, "guarded": guarded}

    crawl = await wire.step(f"{base}signed-in", signed_in)
    for page in crawl.data.get("pages", []):
        await _fetch_as_nobody(target, wire, page["path"])


async def _fetch_as_nobody(target: Target, wire: Wire, path: str) -> None:
    async def fetch() -> dict[str, Any]:
        _, session = await open_as(target, wire, "none")
        shown = await _look(session, target, path)
        await session.close()
        return {**target.attributes, "page": {key: shown[key] for key in shown if key != "links"}}

    await wire.step(f"web/{target.name}/page {path}", fetch)


def _login_paths(target: Target) -> list[str]:
    recipe = target.login.sign_in
    return [recipe.page] if recipe is not None and recipe.page else []


def _setting_pages(terminal: Terminal, target: Target) -> list[str]:
    """Return the pages that carry the forms of this login's settings."""
    own = [one for one in terminal.settings if one.login == target.login.name]
    return [path for one in own for path in (one.write.page, one.read.page) if path]


async def _crawl(session: Session, target: Target, starts: list[str], most: int) -> list[dict[str, Any]]:
    """Follow the links on the same host, breadth first; links that sound like an act are left alone."""
    queue, seen = list(dict.fromkeys(starts)), list[dict[str, Any]]()
    known = set(queue)
    while queue and len(seen) < most:
        page = await _look(session, target, queue.pop(0))
        links = page.pop("links")
        onward = resolve(page["location"], page["path"], target.place.address) if page["location"] else ""
        for link in (*((onward,) if onward else ()), *links):
            if link not in known and not _ACTS.search(link) and not _FILES.search(link):
                known.add(link)
                queue.append(link)
        seen.append(page)
    await session.close()
    return seen


async def _look(session: Session, target: Target, path: str) -> dict[str, Any]:
    reading = await session.run(Recipe(path=path))
    page = read_page(reading.value or "", path, target.place.address)
    return {
        "path": path,
        "status": reading.status,
        "digest": reading.digest,
        "length": reading.length,
        "location": reading.location,
        "failure": reading.failure,
        "title": page.title,
        "login_form": page.login_form,
        "fields": list(page.fields),
        "sketch": list(page.sketch),
        "links": list(page.links),
    }


def observe_pages(evidence: Evidence) -> Iterator[Observation]:
    """Derive ``page.guarded``: the page as nobody sees it against the signed-in one and the public ones."""
    for crawl in evidence.under("web/"):
        if not crawl.step.endswith("/pages signed-in"):
            continue
        name = crawl.step.removeprefix("web/").removesuffix("/pages signed-in")
        front = evidence.record(f"web/{name}/pages public")
        public = front.data.get("pages", []) if front is not None else []
        declared = set(crawl.data.get("guarded", []))
        for page in crawl.data.get("pages", []):
            record = evidence.record(f"web/{name}/page {page['path']}")
            if record is None or not (
                page["fields"] or page["path"] in declared or not _linked(page, public)
            ):
                continue
            value, how = _guarded(page, record.data.get("page"), public)
            keep = ("login", "interface", "role", "address", "port", "declared")
            attributes = {key: crawl.data[key] for key in keep}
            attributes |= {"path": page["path"], "how": how, "form": bool(page["fields"])}
            attributes["listed"] = page["path"] in declared
            subject = f"page {crawl.data['interface']} {page['path']}"
            pointers = (evidence.point(record), evidence.point(crawl))
            yield Observation("page.guarded", subject, value, attributes, pointers)


def _linked(page: dict[str, Any], public: list[dict[str, Any]]) -> bool:
    """Tell whether nobody's own crawl came to the very same page: then it is meant for everybody."""
    return any(one["path"] == page["path"] and _like(one, page) >= ALIKE for one in public)


def _guarded(
    page: dict[str, Any], bare: dict[str, Any] | None, public: list[dict[str, Any]]
) -> tuple[bool | None, str]:
    """Compare contents, never the status: devices answer 200 with the login page and 401 with the real one."""
    if bare is None or bare["failure"]:
        return None, bare["failure"] if bare else "not-fetched"
    if page["failure"] or (not page["sketch"] and not page["length"]):
        return None, "signed-in-empty"
    if page["status"] >= REFUSED:
        return None, "shut-to-all"
    others = [one for one in public if one["path"] != page["path"] and not one["failure"]]
    baseline = [one for one in others if one["login_form"]] or others
    to_right = _like(bare, page)
    to_front = max((_like(bare, one) for one in baseline), default=0.0)
    right_to_front = max((_like(page, one) for one in baseline), default=0.0)
    entrance = any(one["login_form"] and one["fields"] == page["fields"] for one in public)
    if page["login_form"] and (entrance or right_to_front >= ALIKE):
        return None, "sign-in-page"
    if bare["login_form"] and not page["login_form"]:
        return True, "login-form"
    shared = set(page["fields"]) & set(bare["fields"])
    if page["fields"] and len(shared) > SHARED_FIELDS * len(page["fields"]):
        return False, "same-fields"
    if to_right >= ALIKE and to_right > to_front:
        return False, "same-page"
    if to_right >= ALIKE and right_to_front >= ALIKE:
        return None, "not-distinguishable"
    return True, "front-page" if to_front >= ALIKE else "other-page"


def _like(one: dict[str, Any], other: dict[str, Any]) -> float:
    if one["digest"] and one["digest"] == other["digest"]:
        return 1.0
    return likeness(one["sketch"], other["sketch"])
