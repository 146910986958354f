"""Coordinated disclosure: who was told when, until when it is kept, and what a person decided. Nothing moves by itself."""

from __future__ import annotations

import msgspec

from sekisho.errors import DescriptionError
from sekisho.formats.written_text import one_line
from sekisho.language import Text
from sekisho.model.audit import Act
from sekisho.model.device_model import DisclosedFinding, Disclosure, DisclosureStep, plain
from sekisho.model.membership import Member, MemberRole, MemberState
from sekisho.workflows.hub.books import Books

_LONGEST = 2_000


class Story(msgspec.Struct, frozen=True):
    """A finding with the steps that its reader may know."""

    finding: DisclosedFinding
    steps: tuple[DisclosureStep, ...]


def open_finding(
    books: Books, maker: str, vendor: str, model: str, title: str, embargo: int, who: str
) -> DisclosedFinding:
    """Begin the timeline of a finding.

    :raises DescriptionError: there is no such maker, or a name or title is missing
    """
    _active(books, maker, MemberRole.MAKER)
    title = worded(title)
    if not plain(vendor) or not plain(model) or not title:
        raise DescriptionError(
            Text(ja="製造者・機種・表題が要る", en="a vendor, a model and a title are needed"), title[:80]
        )
    now = books.now()
    made = DisclosedFinding(
        f"finding-{books.draw(8).hex()}", maker, plain(vendor), plain(model), title, now, embargo
    )
    return _step(books, made, "opened", "", who, title, {"maker": maker, "embargo": embargo})


def tell(books: Books, finding: str, member: str, who: str, text: str) -> DisclosedFinding:
    """Write that a member was told; from now on it sees the finding.

    :raises DescriptionError: there is no such finding or member
    """
    found = finding_named(books, finding)
    _active(books, member, None)
    return _step(books, found, "told", member, who, text, {"whom": member})


def told_to(books: Books, member: str) -> Member:
    """Return a member who can be told. :raises DescriptionError: there is no active one of this id."""
    return _active(books, member, None)


def answered(books: Books, finding: str, member: str, who: str, text: str) -> DisclosedFinding:
    """Write what a member answered.

    :raises DescriptionError: there is no such finding, or it was never told
    """
    found = finding_named(books, finding)
    if not any(one.kind == "told" and one.whom == member for one in books.disclosures.steps(finding)):
        raise DescriptionError(
            Text(ja="その会員には知らせていない", en="that member was never told"), member[:80]
        )
    return _step(books, found, "answered", member, who, text, {"whom": member})


def set_embargo(books: Books, finding: str, until: int, who: str, reason: str) -> DisclosedFinding:
    """Set until when it is kept. :raises DescriptionError: there is no such open finding."""
    found = _open(finding_named(books, finding))
    changed = msgspec.structs.replace(found, embargo=until)
    return _step(books, changed, "embargo", "", who, reason, {"before": found.embargo, "embargo": until})


def decide_finding(
    books: Books, finding: str, who: str, *, publish: bool, reason: str, before_embargo: bool = False
) -> DisclosedFinding:
    """Decide on publication: a person's word, one finding at a time. The maker must have been told first.

    :raises DescriptionError: no such open finding, the maker knows nothing of it, or its embargo isn't over
    """
    found = _open(finding_named(books, finding))
    steps = books.disclosures.steps(finding)
    if publish and not any(one.kind == "told" and one.whom == found.maker for one in steps):
        raise DescriptionError(
            Text(ja="製造者にまだ知らせていない", en="the maker hasn't been told"), found.maker,
            Text(ja="先に hub finding tell", en="first: hub finding tell"),
        )  # fmt: skip
    now = books.now()
    if publish and now < found.embargo and not before_embargo:
        raise DescriptionError(
            Text(ja="公表を控える期間が終わっていない", en="the embargo isn't over"), found.id,
            Text(ja="それでも公表するなら --before-embargo と理由", en="to publish all the same: --before-embargo, with the reason"),
        )  # fmt: skip
    state = Disclosure.PUBLISHED if publish else Disclosure.WITHHELD
    changed = msgspec.structs.replace(found, state=state, decided=now, decided_by=who, reason=reason)
    early = publish and now < found.embargo
    return _step(books, changed, "decided", "", who, reason, {"state": state.value, "before_embargo": early})


def stories(books: Books, member: Member) -> tuple[Story, ...]:
    """Return the findings that a member may see: those it was told of, and what is published.

    Whom else the hub told, and which person wrote it, is in none of them.
    """
    made = []
    for one in books.disclosures.findings():
        steps = books.disclosures.steps(one.id)
        told = any(step.kind == "told" and step.whom == member.id for step in steps)
        public = one.state is Disclosure.PUBLISHED and member.role is not MemberRole.PARTNER
        if told or public:
            kept = tuple(
                msgspec.structs.replace(step, who="", text="" if step.kind == "embargo" else step.text)
                for step in steps
                if step.whom in {"", member.id}
            )
            made.append(Story(msgspec.structs.replace(one, decided_by=""), kept))
    return tuple(made)


def finding_named(books: Books, identifier: str) -> DisclosedFinding:
    """Return a finding. :raises DescriptionError: there is none of this id."""
    found = next((one for one in books.disclosures.findings() if one.id == identifier), None)
    if found is None:
        raise DescriptionError(Text(ja="その所見はない", en="there is no such finding"), identifier[:80])
    return found


def worded(text: str) -> str:
    """Return what is written on a timeline as the one line that is kept. :raises DescriptionError: it can't be kept."""
    line = one_line(text.strip())
    if len(line) > _LONGEST:
        raise DescriptionError(Text(ja=f"{_LONGEST}字まで", en=f"{_LONGEST} signs at most"))
    if "\N{REPLACEMENT CHARACTER}" in line:
        raise DescriptionError(
            Text(ja="文字でないものが入っている", en="there are signs in it that are no text")
        )
    return line


def _open(found: DisclosedFinding) -> DisclosedFinding:
    if found.state is Disclosure.PUBLISHED:
        raise DescriptionError(Text(ja="もう公表されている", en="it is published already"), found.id)
    return found


def _active(books: Books, name: str, role: MemberRole | None) -> Member:
    found = next((one for one in books.members.members() if one.id == name), None)
    if found is None or found.state is not MemberState.ACTIVE or (role and found.role is not role):
        raise DescriptionError(Text(ja="そのような会員がいない", en="there is no such member"), name[:80])
    return found


def _step(
    books: Books, found: DisclosedFinding, kind: str, whom: str, who: str, text: str, details: dict[str, str | int | bool]
) -> DisclosedFinding:  # fmt: skip
    text, now = worded(text), books.now()
    step = DisclosureStep(found.id, 0, now, kind, whom, who, text)
    return books.disclosures.step(
        found, step, Act(who, "hub", f"finding-{kind}", found.id, now, reason=text[:200], details={**details})
    )
