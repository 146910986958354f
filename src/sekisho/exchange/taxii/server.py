"""Every endpoint of TAXII 2.1 (sections 4 and 5), as a function of a request, who asks, and the stores.

Whoever has no right to a collection gets the same answer as for one that was never there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from sekisho.errors import ConflictError
from sekisho.exchange.taxii import adding, media, query
from sekisho.exchange.taxii.messages import (
    STIX,
    TAXII,
    Answer,
    Caller,
    Description,
    Limits,
    Refusal,
    Request,
    Root,
    answer,
    raw,
)
from sekisho.model.sharing import Collection, Held, Rights, Sent, Sight, rfc3339
from sekisho.ports.sharing import (
    EVERY,
    LAST,
    CollectionStore,
    Doorkeeper,
    ObjectPage,
    ObjectStore,
    SentStore,
    Versions,
)

_SIGN_IN = {"WWW-Authenticate": 'Basic realm="TAXII", charset="UTF-8"'}
_OBJECTS = frozenset({"id", "type", "version", "spec_version"})
_ONE = frozenset({"version", "spec_version"})
_VERSIONS = frozenset({"spec_version"})


class _Place(msgspec.Struct, frozen=True):
    """A collection as somebody asks for it in a root."""

    root: Root
    collection: Collection
    rights: Rights
    caller: Caller
    request: Request
    object: str = ""


class TaxiiServer:
    """The server. ``clock`` gives microseconds of the epoch, ``fresh`` a new id, ``key`` seals the marks of paging.

    Without a ``doorkeeper`` everything in a collection is for all who may read it. With one each object has an owner and
    a marking: nobody is shown what is marked above his ceiling, and nobody deletes what another sent.
    """

    def __init__(
        self,
        description: Description,
        collections: CollectionStore,
        objects: ObjectStore,
        sent: SentStore,
        *,
        clock: Callable[[], int],
        fresh: Callable[[], str],
        key: bytes,
        limits: Limits | None = None,
        doorkeeper: Doorkeeper | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self._doorkeeper = doorkeeper
        self._description = description
        self._roots = {one.name: one for one in description.roots}
        self._collections = collections
        self._objects = objects
        self._sent = sent
        self._clock = clock
        self._fresh = fresh
        self._marks = query.Marks(key)

    def answer(self, request: Request, caller: Caller | None) -> Answer:
        """Answer a request; ``caller`` is None when nobody has signed in.

        :raises StoreError: the stores refuse
        """
        if caller is None:
            return Refusal(401, headers=_SIGN_IN).answer()
        try:
            media.accepted(request.headers.get("accept"))
            return self._routed(request, caller)
        except Refusal as refusal:
            return refusal.answer()

    def _routed(self, request: Request, caller: Caller) -> Answer:
        parts = request.path.split("/")
        if parts[0] or parts[-1]:
            raise Refusal(404)  # addresses end with a slash (section 3.1)
        match parts[1:-1]:
            case ["taxii2"]:
                return self._only(request, {"GET": lambda: answer(self._discovery(request.origin))})
            case [name] if name in self._roots:
                return self._only(request, {"GET": lambda: answer(self._root(self._roots[name]))})
            case [name, "status", identifier] if name in self._roots:
                return self._only(request, {"GET": lambda: self._status(name, identifier, caller)})
            case [name, "collections", *rest] if name in self._roots:
                return self._collected(self._roots[name], rest, request, caller)
        raise Refusal(404)

    def _collected(self, root: Root, rest: list[str], request: Request, caller: Caller) -> Answer:
        if not rest:
            told = [_described(one, rights) for one, rights in self._visible(root, caller)]
            return self._only(request, {"GET": lambda: answer({"collections": told} if told else {})})
        place = self._place(root, rest[0], request, caller)
        if rest[1:] and not (place.rights.read or place.rights.write):
            raise Refusal(404)  # it was announced, and nothing more
        match rest[1:]:
            case []:
                told_one = _described(place.collection, place.rights)
                return self._only(request, {"GET": lambda: answer(told_one)})
            case ["manifest"]:
                return self._only(request, {"GET": lambda: self._manifest(place)})
            case ["objects"]:
                return self._only(
                    request, {"GET": lambda: self._page(place), "POST": lambda: self._add(place)}
                )
            case ["objects", identifier]:
                one = msgspec.structs.replace(place, object=identifier)
                return self._only(
                    request, {"GET": lambda: self._page(one), "DELETE": lambda: self._delete(one)}
                )
            case ["objects", identifier, "versions"]:
                one = msgspec.structs.replace(place, object=identifier)
                return self._only(request, {"GET": lambda: self._history(one)})
        raise Refusal(404)

    def _only(self, request: Request, methods: dict[str, Callable[[], Answer]]) -> Answer:
        done = methods.get(request.method)
        if done is None:
            raise Refusal(405, headers={"Allow": ", ".join(methods)})
        return done()

    def _discovery(self, origin: str) -> dict[str, Any]:
        said = self._description
        roots = [f"{(said.address or origin).rstrip('/')}/{one.name}/" for one in said.roots]
        told: dict[str, Any] = {"title": said.title}
        told |= {name: text for name in ("description", "contact") if (text := getattr(said, name))}
        return told | ({"default": roots[0], "api_roots": roots} if roots else {})

    def _root(self, root: Root) -> dict[str, Any]:
        told: dict[str, Any] = {
            "title": root.title,
            "versions": [TAXII],
            "max_content_length": self.limits.octets,
        }
        return told | ({"description": root.description} if root.description else {})

    def _status(self, root: str, identifier: str, caller: Caller) -> Answer:
        found = self._sent.sent(identifier, _owner(root, caller))
        if found is None:
            raise Refusal(404)
        return raw(found.told.encode())

    def _visible(self, root: Root, caller: Caller) -> list[tuple[Collection, Rights]]:
        found = []
        for one in self._collections.collections():
            rights = caller.rights.get(one.id)
            if rights is not None and (root.collections is None or one.id in root.collections):
                found.append((one, rights))
        return found

    def _place(self, root: Root, name: str, request: Request, caller: Caller) -> _Place:
        """Return the collection of an id or alias. :raises Refusal: 404 when there is none for this caller."""
        visible = self._visible(root, caller)
        by_id = [pair for pair in visible if pair[0].id == name]
        for one, rights in by_id or [pair for pair in visible if name and pair[0].alias == name]:
            return _Place(root, one, rights, caller, request)
        raise Refusal(404)

    def _found(
        self, place: _Place, supported: frozenset[str], default: Versions = LAST, *, bodies: bool = True
    ) -> tuple[ObjectPage, dict[str, Any], dict[str, str]]:
        """Return a page, what the envelope says of it, and the headers (section 3.2)."""
        if not place.rights.read:
            raise Refusal(403)
        asked, mark = query.asked(place.request.query, supported, self.limits, default)
        asker = [place.caller.name, place.request.path, asked.words]
        sight = self._sight(place)
        wanted = msgspec.structs.replace(asked.wanted, sight=sight)
        if mark:
            wanted = msgspec.structs.replace(wanted, behind=self._marks.read(mark, asker))
        if place.object:
            if not self._objects.has(place.collection.id, place.object, sight):
                raise Refusal(404)
            wanted = msgspec.structs.replace(wanted, ids=(place.object,))
        page = ObjectPage(()) if asked.nothing else self._objects.find(
            place.collection.id, wanted, limit=asked.limit, octets=self.limits.page_octets, bodies=bodies
        )  # fmt: skip
        if not page.held:
            return page, {}, {}
        last = page.held[-1].added
        told: dict[str, Any] = {"more": page.more}
        if page.more:
            told["next"] = self._marks.made(last, asker)
        return page, told, {
            "X-TAXII-Date-Added-First": rfc3339(page.held[0].added),
            "X-TAXII-Date-Added-Last": rfc3339(last),
        }  # fmt: skip

    def _sight(self, place: _Place) -> Sight | None:
        return Sight(place.caller.name, place.rights.ceiling) if self._doorkeeper else None

    def _page(self, place: _Place) -> Answer:
        page, told, headers = self._found(place, _ONE if place.object else _OBJECTS)
        if not page.held:
            return answer({})
        # The objects go out as they came in; nothing is read and written again.
        head = msgspec.json.encode(told)[:-1] + b',"objects":['
        return raw(head + ",".join([one.body for one in page.held]).encode() + b"]}", headers=headers)

    def _manifest(self, place: _Place) -> Answer:
        page, told, headers = self._found(place, _OBJECTS, bodies=False)
        return answer(
            told | ({"objects": [_record(one) for one in page.held]} if page.held else {}), 200, headers
        )

    def _history(self, place: _Place) -> Answer:
        page, told, headers = self._found(place, _VERSIONS, EVERY, bodies=False)
        return answer(
            told | ({"versions": [one.version for one in page.held]} if page.held else {}), 200, headers
        )

    def _add(self, place: _Place) -> Answer:
        if not place.rights.write:
            raise Refusal(403)
        media.sent(place.request.headers.get("content-type"))
        keeper = self._doorkeeper
        admit = partial(keeper.admit, place.collection, place.caller.name) if keeper else None
        checked = adding.read(place.request.body, self.limits, admit)
        now, identifier = self._clock(), self._fresh()
        name = place.collection.id
        try:
            told = adding.status(identifier, now, checked, lambda some: self._objects.add(name, some, now))
        except ConflictError:
            raise Refusal(404) from None  # the collection went away meanwhile
        written = msgspec.json.encode(told).decode()
        self._sent.keep(Sent(identifier, _owner(place.root.name, place.caller), now, written))
        return raw(written.encode(), 202)

    def _delete(self, place: _Place) -> Answer:
        if not (place.rights.read and place.rights.write):
            raise Refusal(403)
        asked, mark = query.asked(place.request.query, _ONE, self.limits, EVERY)
        if mark or asked.wanted.added_after != -1:
            raise Refusal(400, "next and added_after say nothing about a deletion")
        name = place.collection.id
        sight = self._sight(place)
        if not self._objects.has(name, place.object, sight):
            raise Refusal(404)
        owner = place.caller.name if self._doorkeeper else ""
        if asked.nothing or not self._objects.delete(name, place.object, asked.wanted.versions, owner):
            raise Refusal(404)
        return raw(b"{}")


def _owner(root: str, caller: Caller) -> str:
    return f"{root}/{caller.name}"


def _described(one: Collection, rights: Rights) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": one.id,
        "title": one.title,
        "can_read": rights.read,
        "can_write": rights.write,
    }
    told |= {name: text for name in ("description", "alias") if (text := getattr(one, name))}
    return told | {"media_types": [STIX]}


def _record(one: Held) -> dict[str, str]:
    return {"id": one.id, "date_added": rfc3339(one.added), "version": one.version, "media_type": STIX}
