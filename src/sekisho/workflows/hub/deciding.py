"""What a person of the hub decides: whether an indicator is true, and what becomes of a dispute."""

from __future__ import annotations

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.audit import Act
from sekisho.model.corroboration import Dispute, Standing, base_key
from sekisho.model.sharing import Lane
from sekisho.workflows.hub.books import OPERATOR, Books
from sekisho.workflows.hub.weighing import settle

_DAY = 86_400_000


def verify(books: Books, identifier: str, who: str, *, true: bool, reason: str) -> Standing:
    """Write that a person found an indicator true or false; those who reported it are known by it from then on.

    False is a dispute that the hub opens and upholds itself.

    :raises DescriptionError: there is no such indicator
    """
    one = _standing(books, identifier)
    now = books.now()
    act = Act(who, "hub", "verify" if true else "refute", one.id, now, reason=reason)
    books.audit.append(act.who, act.role, act.act, act.object, at=now, reason=reason)
    key = base_key(one.key)
    members = sorted({report.member for report in books.reports.reports([key])})
    books.disputes.outcome(members, key, now, good=true)
    books.reports.settle([msgspec.structs.replace(one, verified=now if true else 0)])
    if not true:
        name = books.minted("opinion", "hub", key, str(now))
        books.disputes.open(Dispute(name, key, OPERATOR, now, reason, now, who, 1), act)
    settle(books, [key])
    return books.reports.standings([one.key])[0]


def decide(books: Books, dispute: str, who: str, *, upheld: bool, reason: str) -> Standing:
    """Decide a dispute: upheld, the indicator is put away; else it goes out again, and who disputed it is trusted less.

    :raises DescriptionError: there is no such open dispute
    """
    found = next((one for one in books.disputes.disputes() if one.id == dispute and not one.decided), None)
    if found is None:
        raise DescriptionError(Text(ja="開いている異議がない", en="there is no such open dispute"), dispute)
    now = books.now()
    act = Act(who, "hub", "decide-dispute", dispute, now, reason=reason, details={"upheld": upheld})
    decided = msgspec.structs.replace(found, decided=now, decided_by=who, upheld=int(upheld))
    if not books.disputes.decide(decided, act):
        raise DescriptionError(Text(ja="もう決まっている", en="it was decided already"), dispute)
    members = sorted({report.member for report in books.reports.reports([found.key])})
    books.disputes.outcome(members, found.key, now, good=not upheld)
    if found.member != OPERATOR:  # what a member disputes is its word as well
        books.disputes.outcome([found.member], f"dispute|{found.key}", now, good=upheld)
    settle(books, [found.key])
    return books.reports.standings([found.key])[0]


def retired_items(books: Books) -> tuple[int, int]:
    """Delete addressed objects and log items that are past their days, and entries past their years.

    Return how many entries lost their items, and how many entries went.
    """
    now = books.now()
    before = now - books.rules.addressed_days * _DAY
    for lane in (Lane.EVIDENCE, Lane.EVIDENCE_IN):
        collection = books.lane(lane)
        if collection is not None:
            for member in books.members.members():
                books.objects.forget(f"{collection.id}@{member.id}", before * 1000)
    return books.ledger.forget_items(before), books.ledger.expire(now)


def _standing(books: Books, identifier: str) -> Standing:
    found = books.reports.by_ids([identifier]) or books.reports.standings([identifier])
    if not found:
        raise DescriptionError(Text(ja="その指標はない", en="there is no such indicator"), identifier[:200])
    return found[0]
