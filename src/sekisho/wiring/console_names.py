"""Names of the operator's own people as the console shows them: where they are needed, when they go, and their erasure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sekisho.errors import ConflictError, DescriptionError
from sekisho.language import Text
from sekisho.model.purpose import Receipt, Stage
from sekisho.model.staff_name import StaffName

if TYPE_CHECKING:
    from sekisho.model.case_life import Actor
    from sekisho.wiring.console_folder import ConsoleFolder
    from sekisho.wiring.console_keeping import KeepingDesk
    from sekisho.wiring.staff_names import StaffNames

ASKED = "asked"
_NONE = Text(ja="その名前はない", en="there is no such name")
_NEEDED = Text(ja="いまの書類に要る名前は消せない", en="a name that a paper of today needs can't be erased")
_FIRST = Text(
    ja="先に、その人を外す、又は対策を済みにする", en="take the person out, or finish the measure, first"
)


class HeldName(msgspec.Struct, frozen=True):
    """A name with the kinds of papers that need it today, and when it goes (milliseconds; 0 while it is needed, or gone)."""

    name: StaffName
    needed: tuple[str, ...]
    goes: int


class NameDesk:
    """The names of staff. An erasure is in the audit log before it happens, under its token."""

    def __init__(self, folder: ConsoleFolder, keeping: KeepingDesk, names: StaffNames) -> None:
        self._folder = folder
        self._keeping = keeping
        self._names = names

    def names(self) -> tuple[HeldName, ...]:
        """Return all names, those that were erased last."""
        every = self._names.store.every()
        from sekisho.wiring.name_holding import in_use

        needed, days = in_use(self._folder.database), self._folder.rules[Stage.STAFF].milliseconds
        return tuple(
            HeldName(
                one,
                where := tuple(sorted(needed.get(one.token, ()))),
                0 if where or one.erased else one.used + days,
            )
            for one in every
        )

    def tidy(self) -> tuple[Receipt, ...]:
        """Erase what is past its time, said in the audit log before, with a receipt after. Without a watch nobody else does."""
        from sekisho.stores.database import SqlAudit
        from sekisho.stores.ledger import RECEIPTS, add
        from sekisho.wiring.announcing import Announcing
        from sekisho.wiring.name_holding import NAMES, PerishableNames
        from sekisho.workflows.expire import expire

        folder, database = self._folder.folder, self._folder.database
        names = PerishableNames(database, self._folder.rules[Stage.STAFF])
        announce = Announcing(folder, SqlAudit(database), "sekisho", "console", self._folder.now)
        done = expire(
            {NAMES: names}, self._folder.now(), announce=announce,
            keep=lambda receipt: add(folder / RECEIPTS, msgspec.to_builtins(receipt)),
        )  # fmt: skip
        return done.receipts

    def erase(self, token: str, actor: Actor) -> None:
        """Erase a name from everything that was written with it; the papers themselves stay as they are.

        :raises DescriptionError: there is none of that token, or it is erased
        :raises ConflictError: a paper of today needs it
        """
        found = next((one for one in self.names() if one.name.token == token), None)
        if found is None or found.name.erased:
            raise DescriptionError(_NONE, token[:40])
        if found.needed:
            raise ConflictError(_NEEDED, found.name.name, _FIRST)
        self._keeping.record(actor.name, actor.role, "erase-staff-name", token)
        self._names.store.erase([token], self._folder.now(), ASKED)
