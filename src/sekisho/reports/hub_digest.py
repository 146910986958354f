"""The hub's digest as a mail: what is new on the list for one member, in Japanese and in English.

A mail is read on its way: it shows nothing that is marked stricter than TLP:GREEN; of that it tells how many there are, and
the member fetches them. Addresses and names are written so that nothing turns them into links.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import msgspec

from sekisho.language import Language, Text
from sekisho.model.indicator import Tlp

_POLICY = SMTP.clone(cte_type="7bit", max_line_length=78)
#: The strictest marking that a mail in clear shows, unless the hub's settings say otherwise.
CEILING = Tlp.GREEN
_USES = {
    "cc": Text(ja="指令サーバー", en="C&C server"),
    "download": Text(ja="配布元", en="download host"),
    "reflector": Text(ja="反射に使われる機器", en="reflector"),
}
_GRADES = {
    "block": Text(ja="遮断に使える", en="may be blocked"),
    "watch": Text(ja="監視に使う", en="to watch for"),
}


class Item(msgspec.Struct, frozen=True):
    """One indicator that is shown: no stricter than `CEILING`."""

    place: str
    use: str
    family: str
    grade: str


class Digest(msgspec.Struct, frozen=True):
    """What one member is told.

    :ivar title: of the hub
    :ivar since: from when (milliseconds), to ``until``
    :ivar items: what is new and may be shown, ``more`` how many further ones there are of these
    :ivar stricter: how many new ones are marked stricter than a mail may show
    :ivar block: how many the member may load to block now, ``watch`` to watch for
    :ivar families: figures of at least k groups of members, by family
    :ivar waiting: pieces of evidence addressed to it that it hasn't fetched
    :ivar disputes: its own that are open
    :ivar tlp: the strictest marking of what the mail shows, ``ceiling`` of what it may show
    """

    title: str
    since: int
    until: int
    items: tuple[Item, ...]
    more: int
    stricter: int
    block: int
    watch: int
    families: Mapping[str, int]
    waiting: int
    disputes: int
    tlp: Tlp
    ceiling: Tlp = CEILING


def defanged(text: str) -> str:
    """Return an address or a name that no program takes for one.

    >>> defanged("198.51.100.7:23"), defanged("c2.example.net"), defanged("2001:db8::7")
    ('198[.]51[.]100[.]7:23', 'c2[.]example[.]net', '2001[:]db8[:][:]7')
    """
    return text.replace(".", "[.]") if "." in text else text.replace(":", "[:]")


def mail(told: Digest, sender: str, name: str, address: str, identifier: str) -> bytes:
    """Return the message, lines ended by CR LF, 7-bit; ``identifier`` is its Message-ID."""
    message = EmailMessage(policy=_POLICY)
    day = datetime.fromtimestamp(told.until / 1000, UTC)
    message["From"] = Address(_plain(told.title), addr_spec=sender)
    message["To"] = Address(_plain(name), addr_spec=address)
    message["Subject"] = f"[TLP:{told.tlp.name}] {_plain(told.title)} {day:%Y-%m-%d}"
    message["Date"] = format_datetime(day)
    message["Message-ID"] = identifier
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office notes back
    message.set_content(text(told) + "\n", subtype="plain", charset="utf-8", cte="base64")
    return message.as_bytes()


def text(told: Digest) -> str:
    """Return the words of the mail: Japanese, then English."""
    return "\n\n".join("\n".join(_lines(told, language)) for language in (Language.JA, Language.EN))


def _lines(told: Digest, language: Language) -> Iterable[str]:
    def t(ja: str, en: str) -> str:
        return Text(ja=ja, en=en).say(language)

    begin, end = (
        f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M}" for at in (told.since, told.until)
    )
    yield f"TLP:{told.tlp.name} — {told.title}"
    yield t(f"{begin} から {end} まで（UTC）", f"{begin} to {end} (UTC)")
    yield ""
    yield t(
        f"いま使えるもの：遮断 {told.block}、監視 {told.watch}",
        f"Usable now: {told.block} to block, {told.watch} to watch for",
    )
    new = len(told.items) + told.more
    yield t(f"新しいもの：{new}", f"New: {new}")
    for one in told.items:
        use, grade = (words.get(name, Text(ja=name, en=name)).say(language) for words, name in
                      ((_USES, one.use), (_GRADES, one.grade)))  # fmt: skip
        yield f"  {defanged(one.place)}  {' / '.join(filter(None, (use, one.family, grade)))}"
    if told.more:
        yield t(f"  ほか {told.more}", f"  and {told.more} more")
    if told.stricter:
        level = Tlp(told.ceiling + 1).name.replace("_", "+")
        yield t(
            f"メールに書けないもの（TLP:{level} 以上）：{told.stricter}。フィードから取得する",
            f"Marked too strictly for a mail (TLP:{level} or above): {told.stricter}. Fetch them from the feed",
        )
    if told.families:
        yield (
            t("ファミリー別（複数の集団から、5の倍数）：", "By family (of several groups, in fives):")
            + " "
            + ", ".join(f"{name} {count}" for name, count in sorted(told.families.items()))
        )
    if told.waiting:
        yield t(
            f"まだ受け取っていない自社宛ての証拠：{told.waiting}",
            f"Evidence addressed to you, not fetched yet: {told.waiting}",
        )
    if told.disputes:
        yield t(f"未決の自社の異議：{told.disputes}", f"Your disputes that are open: {told.disputes}")
    if not (new or told.stricter):
        yield t(
            "新しいものがないことは、脅威がないことの証明ではない。",
            "That nothing is new doesn't prove that nothing is there.",
        )
    yield t(
        "やめるには、ハブの運営者に digest の連絡先の削除を頼む。",
        "To end this, ask the hub to remove the contact for digests.",
    )


def _plain(text: str) -> str:
    return " ".join("".join(sign for sign in text if sign.isprintable()).split())[:100]


def strictest(levels: Sequence[Tlp]) -> Tlp:
    """Return the marking of a mail that shows things of these markings."""
    return max(levels, default=Tlp.CLEAR)
