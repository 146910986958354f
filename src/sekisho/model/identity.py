"""Who acts, and who a subscriber turns out to be: the only nouns that hold a name.

Values of `Identified` and `Contact` are personal data: they are passed on and forgotten, never stored with a case.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from sekisho.language import Language, Text
from sekisho.model.assignment import Answer


class Role(StrEnum):
    """What a named person may do. Only `SENDER` and `ADMIN` may learn who a subscriber is."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    SENDER = "sender"
    ADMIN = "admin"

    @property
    def identifies(self) -> bool:
        """Whether this role may ask for a name."""
        return self in {Role.SENDER, Role.ADMIN}


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who acts.

    :ivar role: None when the settings give the name no role
    :ivar via: user account that typed the name; empty when a log-in proves who it is
    """

    name: str
    role: Role | None = None
    via: str = ""


#: What a person can do whose role does not reach so far.
ROLE_HINT = Text(
    ja='watch.toml の [people] に名前と役割を書く（例 "佐藤 花子" = "sender"）。役割：viewer・analyst・sender・admin',
    en='name them with a role under [people] in watch.toml ("Hanako Sato" = "sender"); roles: viewer, analyst, sender, admin',
)


class Contact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to reach an account. ``opted_out``: the subscriber wants no such processing at all."""

    account: str
    name: str = ""
    postal_address: str = ""
    email: str = ""
    telephone: str = ""
    language: Language = Language.JA
    do_not_contact: bool = False
    opted_out: bool = False


class Naming(StrEnum):
    """How a re-identification ended. Only `FOUND` names somebody; the rest are answers, too.

    `AMBIGUOUS`: more than one account could have been it. `GAP`, `NO_DATA`: as `assignment.Outcome`. `NO_LINE`: the key
    knows no such pseudonym. `NO_CONTACT`: the account is not in the table of contacts, so nobody knows whether it has
    opted out. `OPTED_OUT`: it has. In the last two the account stays untold.
    """

    FOUND = "found"
    AMBIGUOUS = "ambiguous"
    GAP = "gap"
    NO_DATA = "no-data"
    NO_LINE = "no-line"
    NO_CONTACT = "no-contact"
    OPTED_OUT = "opted-out"

    @property
    def label(self) -> Text:
        """The words shown to people."""
        return _NAMINGS[self]


_NAMINGS = {
    Naming.FOUND: Text(ja="特定した", en="found"),
    Naming.AMBIGUOUS: Text(
        ja="複数の契約者があり得るので特定できない", en="can't tell: more than one could have been it"
    ),
    Naming.GAP: Text(ja="その時刻にそのアドレスの割当がない", en="can't tell: nobody had the address then"),
    Naming.NO_DATA: Text(
        ja="その時刻の割当の記録がない", en="can't tell: no log covers that address and time"
    ),
    Naming.NO_LINE: Text(ja="この鍵ではその仮名の回線がない", en="this key knows no line of that pseudonym"),
    Naming.NO_CONTACT: Text(
        ja="連絡先の表にない（利用者が停止を求めたか分からないので示さない）",
        en="not in the table of contacts (whether they opted out is unknown, so nobody is named)",
    ),
    Naming.OPTED_OUT: Text(
        ja="利用者が停止を求めている（示さない）", en="the subscriber has opted out (nobody is named)"
    ),
}


class Identified(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What came of one re-identification; ``answers`` has one for each moment of ``moments`` (port, milliseconds).

    ``account``, ``address``, ``contact`` and the candidates in ``answers`` are empty unless `Naming.FOUND`.
    ``entry`` is the number of the audit entry that was on the disk before. ``flows`` counts the flow rows that the case's
    detections rest on: they may be more than the moments that were kept and asked for.
    """

    outcome: Naming
    entry: int
    case: str
    account: str = ""
    address: str = ""
    contact: Contact | None = None
    moments: tuple[tuple[int, int], ...] = ()
    answers: tuple[Answer, ...] = ()
    flows: int = 0
