"""Advisories of makers: taken as they come, passed on to members by the models that they have."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from sekisho.errors import DescriptionError
from sekisho.exchange.advisories import AdvisoryFault, read_csaf
from sekisho.language import Text
from sekisho.model.audit import Act
from sekisho.model.device_model import Advisory, Affected, Disclosure, plain
from sekisho.model.indicator import Tlp
from sekisho.model.membership import Member, MemberRole
from sekisho.model.sharing import Rights
from sekisho.workflows.hub.books import Books


class Told(msgspec.Struct, frozen=True):
    """An advisory, and what it says of the models that were asked for."""

    advisory: Advisory
    models: tuple[Affected, ...]


def advise(books: Books, maker: str, octets: bytes, who: str, finding: str = "") -> Advisory:
    """Take an advisory of a maker; sent again it changes nothing.

    :raises DescriptionError: it is none, can't be passed on, or isn't a maker's; or there is no such finding of its
    :raises ConflictError: this version came before with another content
    """
    member = next((one for one in books.members.members() if one.id == maker), None)
    if member is None or member.role is not MemberRole.MAKER:
        raise DescriptionError(
            Text(ja="製造者の会員ではない", en="not a member with the role maker"), maker[:80]
        )
    if finding and not any(one.id == finding and one.maker == maker for one in books.disclosures.findings()):
        raise DescriptionError(
            Text(ja="その製造者の所見がない", en="there is no such finding of this maker"), finding[:80]
        )
    try:
        said = read_csaf(octets)
        body = octets.decode()
    except (AdvisoryFault, UnicodeDecodeError) as fault:
        raise DescriptionError(
            Text(ja="CSAF 2.0 の勧告として受け取れない", en="it can't be taken as an advisory in CSAF 2.0"),
            str(fault)[:300],
        ) from None
    owned = {(one.vendor, one.model): one.maker for one in books.models.products()}
    rows: dict[Affected, None] = {}
    now = books.now()
    identifier = books.minted("advisory", maker, said.name, said.version)
    for one in said.said:
        vendor, model = plain(one.vendor), plain(one.model)
        if owned.get((vendor, model), owned.get((vendor, ""), "")) != maker:
            raise DescriptionError(
                Text(
                    ja="その製造者のものと登録されていない機種について述べている",
                    en="it speaks of a model that isn't entered as this maker's",
                ),
                f"{vendor} {model}",
                Text(
                    ja="運営者が sekisho hub product で登録する。文書では branches の vendor と product_name で名乗る",
                    en="the operator enters it with sekisho hub product; the document names it by the branches vendor and product_name",
                ),
            )
        rows[Affected(identifier, vendor, model, plain(one.version), one.issue, one.status)] = None
    made = Advisory(
        identifier, maker, said.name, said.version, said.title, said.category, said.status, said.released, said.tlp, finding,
        now, hashlib.sha256(octets).hexdigest(), body,
    )  # fmt: skip
    details = {"name": said.name, "version": said.version, "sha256": made.digest, "tlp": said.tlp.name}
    books.advisories.publish(
        made, list(rows), Act(who, "hub", "advisory", identifier, now, details={**details})
    )
    return made


def visible(books: Books, member: Member, rights: Mapping[str, Rights]) -> tuple[Advisory, ...]:
    """Return the newest version of each advisory that a member may see, the newest first.

    Its marking must not be stricter than what the member is shown anywhere; one that belongs to a finding waits until a
    person has decided on its publication, but for its maker and those who were told.
    """
    ceiling = max((one.ceiling for one in rights.values() if one.read), default=Tlp.CLEAR)
    pending = {one.id for one in books.disclosures.findings() if one.state is not Disclosure.PUBLISHED}
    found: dict[tuple[str, str], Advisory] = {}
    for one in books.advisories.advisories():
        own = one.maker == member.id
        if not own and (member.role is MemberRole.PARTNER or one.tlp > ceiling):
            continue
        if not own and one.finding in pending and not _told(books, one.finding, member.id):
            continue
        found.setdefault((one.maker, one.name), one)
    return tuple(found.values())


def by_models(
    books: Books, shown: Sequence[Advisory], models: Sequence[tuple[str, str]] | None
) -> tuple[Told, ...]:
    """Return those of some advisories that speak of some models (vendor, model); of all with None."""
    ids = {one.id: one for one in shown}
    said: dict[str, list[Affected]] = {}
    rows = (
        books.advisories.affected()
        if models is None
        else [
            one
            for vendor, model in dict.fromkeys(models)
            for one in books.advisories.affected(plain(vendor), plain(model))
        ]
    )
    for row in rows:
        if row.advisory in ids:
            said.setdefault(row.advisory, []).append(row)
    return tuple(Told(one, tuple(said.get(one.id, ()))) for one in shown if models is None or one.id in said)


def own_models(books: Books, member: str) -> list[tuple[str, str]]:
    """Return the models that a member reported."""
    return sorted({(one.vendor, one.model) for one in books.models.reports(member=member)})


def _told(books: Books, finding: str, member: str) -> bool:
    return any(one.kind == "told" and one.whom == member for one in books.disclosures.steps(finding))
