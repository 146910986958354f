"""Notices as letters: A4, the receiver's address where the window of a 長形3号 envelope shows it, set by Typst.

One document for a batch: each letter begins on a page of its own. Text goes to the template as JSON, so no name is
ever markup; a character that the font lacks is spelled out, and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files

import msgspec
import typst

from sekisho.errors import RenderError
from sekisho.language import Text
from sekisho.model.identity import Contact
from sekisho.model.notice import Notice
from sekisho.model.notifying import Operator, WindowPlace
from sekisho.reports.content.shown import walk
from sekisho.reports.notices.paragraphs import blocks
from sekisho.reports.notices.postal import postal
from sekisho.reports.pdf import fonts, printable


class Letter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One letter: the approved notice and whom it goes to."""

    notice: Notice
    contact: Contact


def unprintable(letter: Letter) -> str:
    """Return the characters of name, address and words that the font lacks: a person must look at such a letter.

    Spelled out, a name is no name, and the words are not those that were approved.
    """
    contact, notice = letter.contact, letter.notice
    text = f"{contact.name}{contact.postal_address}{notice.subject}{notice.body}".replace("\n", "")
    return "".join(dict.fromkeys(sign for sign in text if printable(sign) != sign))


def letters(
    batch: Sequence[Letter],
    operator: Operator,
    window: WindowPlace,
    made_at: datetime,
    *,
    outline: bool = False,
) -> bytes:
    """Return one PDF of the whole batch; ``outline`` draws the window, for a trial with your envelope.

    :raises RenderError: an address is missing or does not fit the window, or Typst refuses
    """
    if not batch:
        raise RenderError(Text(ja="手紙が一通もない", en="there is no letter"))
    for one in batch:
        if not one.contact.name.strip() or not postal(one.contact)[1]:
            raise RenderError(
                Text(ja="宛先の住所か氏名がない", en="name or postal address is missing"),
                f"notice {one.notice.id}",
            )
    shown = {
        "window": msgspec.to_builtins(window),
        "outline": outline,
        "letters": [walk(_shown(one, operator, made_at), printable) for one in batch],
    }
    template = (files("sekisho.reports.notices") / "templates" / "letter.typ").read_bytes()
    try:
        made = typst.compile(
            template,
            format="pdf",
            font_paths=fonts(),
            sys_inputs={"batch": msgspec.json.encode(shown).decode()},
            pdf_standards=["ua-1"],
            timestamp=made_at.replace(microsecond=0),  # Typst refuses any
        )
    except typst.TypstError as error:
        raise RenderError(
            Text(ja="手紙のPDFを作れない", en="the PDF of letters can't be made"), error.message.strip()
        ) from error
    return made


def _shown(letter: Letter, operator: Operator, made_at: datetime) -> dict[str, object]:
    japanese = letter.notice.language.value == "ja"
    contact = letter.contact
    postcode, lines = postal(contact)
    day = (
        f"{made_at.year}年{made_at.month}月{made_at.day}日"
        if japanese
        else f"{made_at.day} {made_at:%B} {made_at.year}"
    )
    return {
        "language": letter.notice.language.value,
        "postcode": f"〒{postcode}" if postcode else "",
        "postal": lines,
        "name": f"{contact.name}　様" if japanese else contact.name,
        "date": day,
        "operator": operator.name.say(letter.notice.language),
        "return_address": [line for line in operator.return_address if line.strip()],
        "telephone": operator.telephone,
        "subject": letter.notice.subject,
        "blocks": [msgspec.to_builtins(one) for one in blocks(letter.notice.body)],
    }
