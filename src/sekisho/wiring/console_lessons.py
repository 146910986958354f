"""Lessons for others: written in the console, shown exactly as they would leave, sent by a named person as a hub's member."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec

from sekisho.errors import AuthorisationError, ConflictError, DescriptionError, PeerFailure
from sekisho.language import Text
from sekisho.model.learning import Countermeasure
from sekisho.model.lesson import Written as Said
from sekisho.wiring.console_accidents import shown
from sekisho.wiring.console_learning import KIND as MEASURES
from sekisho.wiring.console_papers import Papers, Written
from sekisho.wiring.membership import Membership, authorisation, membership
from sekisho.workflows.share_lesson import Ids, compose, names_of

if TYPE_CHECKING:
    from sekisho.model.case_life import Actor
    from sekisho.wiring.console_accidents import AccidentDesk
    from sekisho.wiring.console_duties import DutyDesk
    from sekisho.wiring.console_folder import ConsoleFolder

KIND, SENT = "lesson", "lesson-sent"
_MEDIA = "application/taxii+json;version=2.1"
_ALIAS = "failure"
_NO_ACCIDENT = Text(ja="その事故はない", en="there is no such accident")
_NO_LESSON = Text(ja="教訓がまだ書かれていない", en="no lesson is written yet")
_NOT_SENDER = Text(ja="送る権限（発送・管理）がない", en="sending needs the role of sender or admin")
_NO_HUB = Text(
    ja="ハブの会員の設定（membership.toml）がない", en="there is no membership of a hub (membership.toml)"
)
_OTHER = Text(ja="見たものと、いま出るものが違う", en="what would leave now isn't what was seen")
_LOOK = Text(ja="もう一度見てから送る", en="look again, then send")
_SENDERS = ("sender", "admin")


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A lesson as it is kept: what was written, and the ids it goes by."""

    written: Said
    ids: Ids


class Sent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That a lesson went out: to which hub, the SHA-256 of exactly what was sent, what the hub said."""

    hub: str
    digest: str
    taken: int
    refused: int
    said: str


class LessonDesk:
    """The lessons on record; every version stays. They leave by a named person alone."""

    def __init__(
        self, folder: ConsoleFolder, papers: Papers, accidents: AccidentDesk, duties: DutyDesk
    ) -> None:
        self._folder = folder.folder
        self._papers = papers
        self._accidents = accidents
        self._duties = duties

    def membership(self) -> Membership | None:
        """Return the hub that lessons go to from a browser; None without one. :raises DescriptionError: it is wrong."""
        return membership(self._folder)

    def lesson(self, accident: str) -> tuple[Said | None, int]:
        """Return what was written, and its version; None and 0 for nothing."""
        found = self._papers.one(KIND, accident, Kept)
        return (found[0].written, found[1].version) if found else (None, 0)

    def write(self, accident: str, written: Said, seen: int, actor: Actor) -> bytes:
        """Keep what was written, and return exactly what would leave.

        :raises DescriptionError: it names somebody or something, or there is no such accident: nothing is kept then
        """
        before = self._papers.one(KIND, accident, Kept)
        ids = before[0].ids if before else Ids(f"incident--{uuid4()}", f"note--{uuid4()}", self._papers.now)
        self._composed(accident, Kept(written, ids), self._papers.now)
        self._papers.write(
            KIND, [Written(accident, seen, Kept(written, ids))], actor, "write-lesson", accident
        )
        return self.preview(accident)

    def preview(self, accident: str) -> bytes:
        """Return exactly what would leave: the body of the one request, the same until something of it changes.

        :raises DescriptionError: nothing is written, or it names somebody by now
        """
        found = self._papers.one(KIND, accident, Kept)
        if found is None:
            raise DescriptionError(_NO_LESSON, accident[:40])
        return self._composed(accident, found[0], found[1].made)

    def sent(self, accident: str) -> tuple[tuple[Sent, int, str], ...]:
        """Return when it went out, newest first: what, when (milliseconds), and who sent it."""
        every = self._papers.versions(SENT, accident)
        return tuple((msgspec.json.decode(one.body, type=Sent), one.made, one.made_by) for one in every)

    def send(
        self, accident: str, hub: str, authorisation: str, actor: Actor, authority: Path | None = None
    ) -> Sent:
        """Send it into the failure lane of a hub. The audit log has it before anything leaves.

        :raises AuthorisationError: the person may not send
        :raises PeerFailure: the hub gives no good answer
        """
        if actor.role not in _SENDERS:
            raise AuthorisationError(_NOT_SENDER, f"{actor.name}: {actor.role}")
        octets = self.preview(accident)
        digest = hashlib.sha256(octets).hexdigest()
        host = urlsplit(hub).netloc[:200]
        seen = self._papers.version(SENT, accident)
        self._papers.record(actor, "send-lesson", accident, {"hub": host, "sha256": digest})
        taken, refused, said = _post(hub, authorisation, octets, str(authority) if authority else "")
        sent = Sent(host, digest, taken, refused, said[:400])
        self._papers.write(SENT, [Written(accident, seen, sent)], actor, "lesson-sent", accident)
        return sent

    def send_as_member(self, accident: str, digest: str, actor: Actor) -> Sent:
        """Send exactly what was seen (its SHA-256) to the hub of the membership.

        :raises ConflictError: something changed since it was seen; nothing has left then
        :raises DescriptionError: there is no membership, or its token can't be read
        :raises PeerFailure: the hub gives no good answer
        """
        member = self.membership()
        if member is None:
            raise DescriptionError(_NO_HUB)
        if hashlib.sha256(self.preview(accident)).hexdigest() != digest:
            raise ConflictError(_OTHER, accident[:40], _LOOK)
        authority = self._folder / member.authority if member.authority else None
        return self.send(accident, member.hub, authorisation(self._folder, member), actor, authority)

    def _composed(self, accident: str, kept: Kept, written: int) -> bytes:
        record = self._accidents.accident(accident)
        if record is None:
            raise DescriptionError(_NO_ACCIDENT, accident[:40])
        told = record.told()
        ruling, _ = shown(self._accidents, told, self._papers.now)
        measures = [
            (one, paper.made)
            for one, paper in self._papers.every(MEASURES, Countermeasure)
            if one.accident == accident and one.done_on
        ]
        done = sorted((one for one, _ in measures), key=lambda one: (one.due, one.id))
        # When it was modified follows from what is in it: what was seen is what leaves, however much later.
        modified = max([written, record.changed, *(made for _, made in measures)])
        people = {record.changed_by, *(one.owner for one in done), *(one.done_by for one in done)}
        details = told.about.report
        names = names_of(self._duties.operator()[0], told.facts, details, people)
        objects = compose(kept.written, ruling, details.cause_class, done, names, kept.ids, modified)
        return msgspec.json.encode({"objects": objects})


def _post(hub: str, authorisation: str, octets: bytes, authority: str) -> tuple[int, int, str]:
    """Send the body to the failure lane; return how many objects were taken and refused, and the hub's words."""
    from sekisho.exchange.bounded_http import BoundedHttp, HttpBounds
    from sekisho.exchange.taxii_discovery import discovered

    offering = discovered(hub, authorisation, authority)
    root, collection = urlsplit(offering.root), offering.named(_ALIAS)
    headers = {"Accept": _MEDIA, "Content-Type": _MEDIA, "Authorization": authorisation}
    bounds = HttpBounds(quiet_seconds=20.0, seconds=60.0, page_octets=1 << 20, octets=1 << 20)
    http = BoundedHttp(f"{root.scheme}://{root.netloc}/", bounds, headers, authority)
    try:
        answer, body = http.post(f"{root.path.rstrip('/')}/collections/{collection}/objects/", octets)
    finally:
        http.close()
    if answer.status != 202:  # noqa: PLR2004 - accepted (TAXII 2.1, 5.5)
        raise PeerFailure(f"status-{answer.status}", body[:200].decode(errors="replace"))
    try:
        told: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
        refusals = [str(one.get("message", "")) for one in told.get("failures", []) if isinstance(one, dict)]
        return int(told["success_count"]), int(told["failure_count"]), "; ".join(refusals)
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as fault:
        raise PeerFailure("malformed", str(fault)[:200]) from fault
