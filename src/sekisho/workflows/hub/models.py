"""What members see of device models, taken as counts; what makers are told of it: `model_figures`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.audit import Act
from sekisho.model.device_model import ModelReport, Product, plain
from sekisho.model.membership import Member, MemberRole
from sekisho.workflows.hub.books import Books

_DAY = 86_400_000
_AT_ONCE = 1_000
_MOST_DEVICES = 10_000_000
_MOST_SIGNS = 20
_MOST_PORT = 65_535
# Names of models have few digits in a row; addresses, telephone and serial numbers have more, or dots between.
_NAME = re.compile(
    r"[0-9A-Za-z\u3040-\u30ff\u4e00-\u9fff][0-9A-Za-z\u3040-\u30ff\u4e00-\u9fff ._()+/-]{0,59}"
)
_TELLING = re.compile(
    r"\d{7}|(?:\d{1,3}\.){3}\d{1,3}|(?:[0-9a-f]{2}[-.]){5}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}",
    re.IGNORECASE,
)
# As people write a telephone or a house number: signs between the digits hide nothing. Versions have dots, and many digits.
_NUMBER = re.compile(r"\d(?:[ ._()+/-]*\d){6}|\d+-\d+-\d+")
_CALLED = re.compile(r"\d(?:[ ()+/-]*\d){6}")
_FINDING = re.compile(r"[a-z][a-z-]{0,39}")
_PORT = re.compile(r"(?:tcp|udp)/[1-9]\d{0,4}")
_CVE = re.compile(r"CVE-\d{4}-\d{4,7}")


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a member sends: so many devices of a model with one finding. There is no place for whose they are."""

    vendor: str
    model: str
    finding: str
    devices: int
    firmware: str = ""
    ports: tuple[str, ...] = ()
    cves: tuple[str, ...] = ()


def report_models(books: Books, member: Member, seen: Sequence[Seen]) -> int:
    """Take what a member sees of models; each replaces what it said of the same before. Return how many were taken.

    :raises DescriptionError: it isn't a member that reports, or one of them can't be taken: then none is
    """
    if member.role not in {MemberRole.FULL, MemberRole.RECEIVE_ONLY}:
        raise _refused(
            "機種の数を報告できるのは通信事業者だけ",
            "only carriers report what they see of models",
            member.id,
        )
    if not 0 < len(seen) <= _AT_ONCE:
        raise _refused(f"一度に1～{_AT_ONCE}件", f"from 1 to {_AT_ONCE} at a time", str(len(seen)))
    now = books.now()
    before = {_place(one): one for one in books.models.reports(member=member.id)}
    rows = [_taken(member.id, one, before, now) for one in seen]
    books.models.report(rows)
    books.audit.append(member.id, "member", "report-models", "models", at=now, details={"reports": len(rows)})
    return len(rows)


def claim(books: Books, maker: str, vendor: str, model: str, who: str) -> Product:
    """Write that a model is a maker's; without a model all of the vendor's that are nobody else's.

    :raises DescriptionError: there is no such maker, or no name
    """
    found = next((one for one in books.members.members() if one.id == maker), None)
    if found is None or found.role is not MemberRole.MAKER:
        raise _refused("製造者の会員ではない", "not a member with the role maker", maker[:80])
    if not plain(vendor) or (model and not plain(model)):
        raise _refused("名前がない", "a name is missing", vendor[:80])
    made = Product(plain(vendor), plain(model), maker)
    act = Act(
        who,
        "hub",
        "claim-model",
        f"{made.vendor} {made.model}".strip(),
        books.now(),
        details={"maker": maker},
    )
    books.models.claim(made, act)
    return made


def expire_models(books: Books) -> int:
    """Delete what was last reported longer ago than it is told."""
    return books.models.expire(books.now() - books.rules.model_days * _DAY)


def _place(one: ModelReport) -> tuple[str, str, str, str]:
    return (one.vendor, one.model, one.firmware, one.finding)


def _taken(
    member: str, one: Seen, before: Mapping[tuple[str, str, str, str], ModelReport], now: int
) -> ModelReport:
    named = [
        (one.vendor, _NUMBER),
        (one.model, _NUMBER),
        *([(one.firmware, _CALLED)] if one.firmware else []),
    ]
    for name, number in named:
        if not _NAME.fullmatch(name) or _TELLING.search(name) or number.search(name) or not plain(name):
            raise _refused(
                "製造者・機種・版の名前ではない（アドレスや番号は受け取らない）",
                "not a name of a vendor, a model or a version (no addresses, no numbers)",
                name[:60],
            )
    if not _FINDING.fullmatch(one.finding) or not 0 < one.devices <= _MOST_DEVICES:
        raise _refused(
            "所見の語と台数が要る", "a finding in small letters, and a number of devices", one.finding[:60]
        )
    if len(one.ports) + len(one.cves) > _MOST_SIGNS or not (
        all(_PORT.fullmatch(port) and int(port[4:]) <= _MOST_PORT for port in one.ports)
        and all(map(_CVE.fullmatch, one.cves))
    ):
        raise _refused("ポート（tcp/23）とCVE番号だけ", "only ports (tcp/23) and CVE numbers", one.model[:60])
    row = ModelReport(
        member, plain(one.vendor), plain(one.model), plain(one.firmware), one.finding, one.devices, now, now,
        tuple(sorted(set(one.ports))), tuple(sorted(set(one.cves))),
    )  # fmt: skip
    old = before.get(_place(row))
    return msgspec.structs.replace(row, first=old.first) if old else row


def _refused(ja: str, en: str, where: str) -> DescriptionError:
    return DescriptionError(Text(ja=ja, en=en), where)
