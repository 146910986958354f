"""An accident as it is kept: its facts, the versions of its documents, who signed which off. Times are milliseconds."""

from __future__ import annotations

import hashlib

import msgspec

from sekisho.model.draft import Draft
from sekisho.model.incident import Incident, Threat
from sekisho.model.timeline import About, Fact


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that is said of an accident.

    ``edition``: 1 where it was kept as known that nobody answered; before, silence was kept like "no".
    """

    about: About
    facts: tuple[Fact, ...]
    edition: int = 0

    def encoded(self) -> str:
        """Return it as JSON."""
        kept = msgspec.structs.replace(self, edition=1)
        return msgspec.json.encode(kept, order="sorted").decode()


class AccidentRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One accident.

    :ivar serious: the standing when it was last changed; it is judged again whenever somebody looks
    :ivar ended: when the last service was restored; 0 while it goes on
    :ivar body: `Told` as JSON
    :ivar revision: counts the changes, for `ConflictError`
    """

    id: str
    title: str
    occurred: int
    ended: int
    serious: str
    created: int
    changed: int
    changed_by: str
    body: str
    revision: int = 0

    @property
    def place(self) -> str:
        """Where it stands in the list of all, newest first: the key of the page after it."""
        return f"{self.occurred}.{self.id}"

    def told(self) -> Told:
        """Return what is said of it."""
        told = msgspec.json.decode(self.body, type=Told)
        if told.edition:
            return told
        about = told.about
        threat = (
            msgspec.structs.replace(about.threat, events=about.threat.events or None)
            if about.threat
            else None
        )
        asked = msgspec.structs.replace(
            about,
            threat=None if threat == Threat() else threat,
            leaks=about.leaks or None,
            stopped_business=about.stopped_business or None,
            other_equipment=about.other_equipment or None,
        )
        return Told(asked, told.facts, 1)


class DocumentVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version of a document, never changed: ``body`` is the `Draft` as JSON, ``digest`` its SHA-256."""

    accident: str
    kind: str
    version: int
    made: int
    made_by: str
    digest: str
    body: str

    def draft(self) -> Draft:
        """Return the document."""
        return msgspec.json.decode(self.body, type=Draft)

    @property
    def whole(self) -> bool:
        """Whether the digest is that of the body."""
        return hashlib.sha256(self.body.encode()).hexdigest() == self.digest


class SignOff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who signed a version off. It ties a name to the digest of exactly that version."""

    accident: str
    kind: str
    version: int
    name: str
    at: int
    digest: str


def version_of(draft: Draft, number: int, at: int, who: str) -> DocumentVersion:
    """Return the draft as a version that can be kept."""
    numbered = msgspec.structs.replace(draft, version=number, signed=None)
    body = msgspec.json.encode(numbered, order="sorted").decode()
    digest = hashlib.sha256(body.encode()).hexdigest()
    return DocumentVersion(draft.incident, draft.key, number, at, who, digest, body)


def ended_at(incident: Incident) -> int:
    """Return when the last of it was restored in milliseconds, 0 while something goes on or nothing was hit."""
    ends = [one.end for one in incident.effects] + [one.end for one in incident.equipment]
    known = [one for one in ends if one is not None]
    return int(max(known).timestamp() * 1000) if known and len(known) == len(ends) else 0
