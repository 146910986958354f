"""The notice of a finding to a member who is told of it, Japanese and English in one mail. It names nobody else who knows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from sekisho.language import Language, Text
from sekisho.model.device_model import DisclosedFinding, Disclosure
from sekisho.model.indicator import Tlp

_POLICY = SMTP.clone(cte_type="7bit", max_line_length=78)


def level_of(finding: DisclosedFinding) -> Tlp:
    """Return how the notice is marked: for those who are told alone until it is published, then for the members."""
    return Tlp.GREEN if finding.state is Disclosure.PUBLISHED else Tlp.AMBER_STRICT


def mail(
    finding: DisclosedFinding, note: str, title: str, sender: str, to: tuple[str, str], identifier: str, at: int
) -> bytes:  # fmt: skip
    """Return the message, lines ended by CR LF, 7-bit.

    :param title: of the hub; ``to`` is the recipient's name and address, ``note`` what a person of the hub adds
    """
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(_plain(title), addr_spec=sender)
    message["To"] = Address(_plain(to[0]), addr_spec=to[1])
    level = level_of(finding).name.replace("_", "+")
    message["Subject"] = f"[TLP:{level}] {_plain(title)}: {_plain(finding.vendor)} {_plain(finding.model)}"
    message["Date"] = format_datetime(datetime.fromtimestamp(at / 1000, UTC))
    message["Message-ID"] = identifier
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text(finding, note, title) + "\n", subtype="plain", charset="utf-8", cte="base64")
    return message.as_bytes()


def text(finding: DisclosedFinding, note: str, title: str) -> str:
    """Return the words of the mail: Japanese, then English."""
    return "\n\n".join("\n".join(_lines(finding, note, title, one)) for one in (Language.JA, Language.EN))


def _lines(finding: DisclosedFinding, note: str, title: str, language: Language) -> Iterable[str]:
    def t(ja: str, en: str) -> str:
        return Text(ja=ja, en=en).say(language)

    level = level_of(finding).name.replace("_", "+")
    yield f"TLP:{level} — {_plain(title)}"
    yield t("機種の弱点についての知らせ", "Notice of a weakness in a device model")
    yield ""
    yield f"{finding.vendor} {finding.model}: {finding.title}"
    if note:
        yield note
    if finding.state is Disclosure.PUBLISHED:
        yield t("会員に公表された。", "It is published to the members.")
    elif finding.embargo:
        day = f"{datetime.fromtimestamp(finding.embargo / 1000, UTC):%Y-%m-%d %H:%M}"
        yield t(f"公表を控える期限：{day}（UTC）", f"Please keep it until {day} (UTC)")
    yield t(
        "期限が来ても自動では公表されない。公表は、一件ずつ人が決める。",
        "The end of that time publishes nothing by itself: a person decides on each finding.",
    )
    yield t(f"経過：/me/findings.json（{finding.id}）", f"Its story: /me/findings.json ({finding.id})")


def _plain(text: str) -> str:
    return " ".join("".join(sign for sign in text if sign.isprintable()).split())[:100]
