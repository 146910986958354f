"""What a batch of approved notices is as one file, and which of them can't be in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sekisho.errors import RenderError
from sekisho.language import Text
from sekisho.model.identity import Contact, Identified
from sekisho.model.notice import Channel
from sekisho.model.notifying import Notifying
from sekisho.reports.notices.letter import Letter, letters, unprintable
from sekisho.reports.notices.lists import Altered, Encoding, call_centre, printing_house
from sekisho.reports.notices.postal import postal
from sekisho.reports.notices.xarf import xarf
from sekisho.workflows.notify import Ready


class NoticeFile:
    """The documents of one channel. ``local`` tells the local time of milliseconds, ``made_at`` is that of the making.

    ``altered`` then says what was replaced in the last table that was made.
    """

    def __init__(
        self,
        channel: Channel,
        settings: Notifying,
        local: Callable[[int], datetime],
        made_at: datetime,
        *,
        encoding: Encoding | None = None,
        outline: bool = False,
    ) -> None:
        self._channel = channel
        self._settings = settings
        self._local = local
        self._made_at = made_at
        self._encoding = encoding
        self._outline = outline
        self.altered: list[Altered] = []

    def unfit(self, one: Ready) -> str:
        """Return why this notice can't go that way, for a person to look at; empty when it can."""
        contact = reached(one.identified)
        nowhere = not contact.name.strip() or not postal(contact)[1]
        if self._channel is Channel.CALL:
            return "" if contact.telephone.strip() else "no-telephone"
        if self._channel is Channel.PRINTING:
            return "no-address" if nowhere else ""
        if nowhere and self._channel is Channel.LETTER:
            return "no-address"
        if self._channel is Channel.LETTER and (signs := unprintable(Letter(one.notice, contact))):
            return f"unprintable: {signs}"
        try:
            self.octets([one])
        except RenderError as error:
            return f"not-rendered: {error.what.en}: {error.where}"
        return ""

    def octets(self, batch: Sequence[Ready]) -> bytes:
        """Return the file. :raises RenderError: one of them is unfit."""
        operator = self._settings.operator
        rows = [(one.notice, reached(one.identified)) for one in batch]
        if self._channel is Channel.LETTER:
            every, window = [Letter(*row) for row in rows], self._settings.window
            return letters(every, operator, window, self._made_at, outline=self._outline)
        if self._channel is Channel.XARF:
            return b"".join(
                xarf(one.notice, one.case, one.identified, operator, lambda at: self._local(at).isoformat())
                + b"\n"
                for one in batch
            )
        if self._channel is Channel.CALL:
            table = call_centre(rows, operator, self._encoding or Encoding.UTF8)
        else:
            table = printing_house(rows, operator, self._encoding or Encoding.CP932)
        self.altered = list(table.altered)
        return table.octets


def reached(found: Identified) -> Contact:
    """Return whom it goes to. :raises RenderError: nobody knows."""
    if found.contact is None:
        raise RenderError(Text(ja="宛先が分からない", en="whom it goes to is not known"), found.case)
    return found.contact
