"""Authorise: write down who allows a test, for which addresses and until when; refuse what allows nothing or too much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from ipaddress import ip_network

import msgspec

from sekisho.errors import AuthorisationError
from sekisho.language import Text
from sekisho.model.assessment import Authorisation

#: What the access administrator agrees to (不正アクセス禁止法 第2条第4項).
STATEMENT = Text(
    ja="私は下記の端末のアクセス管理者として（又はその承諾を得て）、識別符号の入力を含む試験を許可する。",
    en="As the access administrator of this terminal (or with that person's consent) I allow tests that "
    "include entering identification codes.",
)
RISKS = ("read", "login", "write", "update", "power", "factory", "lockout")
#: What is allowed unless something else is chosen; updates, power cuts and the factory state are allowed by themselves.
USUAL_RISKS = ("read", "login", "write", "lockout")
MOST_DAYS = 3660
#: What each of them means to whoever allows it.
RISK_WORDS: Mapping[str, Text] = {
    "read": Text(ja="見る・読む（識別符号は入れない）", en="look and read (no code is entered)"),
    "login": Text(ja="ログインを試す（間違った符号も）", en="try to sign in, with wrong codes as well"),
    "write": Text(ja="設定を変えて戻す", en="change settings and put them back"),
    "lockout": Text(ja="連続の失敗で締め出されるか測る", en="measure whether wrong codes lock it"),
    "update": Text(ja="更新用のイメージを送る", en="send update images"),
    "power": Text(ja="電源を切る", en="cut its power"),
    "factory": Text(ja="出荷状態に戻す", en="bring it back to its factory state"),
}


def authorised(
    addresses: Sequence[str],
    allowed_by: str,
    today: date,
    *,
    statement: str,
    days: int = 30,
    role: str = "",
    organisation: str = "",
    macs: Sequence[str] = (),
    host_keys: Sequence[str] = (),
    risks: Sequence[str] = USUAL_RISKS,
    public: bool = False,
) -> Authorisation:
    """Return the record; ``today`` is the calendar day of whoever signs.

    :raises AuthorisationError: nobody is named, no address, one that is none, a public one without ``public``
    """
    if not allowed_by.strip():
        raise AuthorisationError(
            Text(ja="許可する人の氏名がない", en="the name of who allows it is empty"), "--by"
        )
    if not addresses:
        raise AuthorisationError(Text(ja="宛先のアドレスがない", en="no address is named"))
    for prefix in addresses:
        _check(prefix, public=public)
    return Authorisation(
        allowed_by=allowed_by.strip(),
        role=role,
        statement=statement,
        signed_on=today,
        addresses=tuple(addresses),
        valid_from=today,
        valid_until=today + timedelta(days=days),
        organisation=organisation,
        macs=tuple(macs),
        host_keys=tuple(host_keys),
        risks=tuple(one for one in RISKS if one in risks),
        public_addresses=public,
    )


def _check(prefix: str, *, public: bool) -> None:
    try:
        private = ip_network(prefix, strict=False).is_private
    except ValueError as error:
        raise AuthorisationError(Text(ja="アドレスが読めない", en="not an address"), str(error)) from error
    if not private and not public:
        raise AuthorisationError(
            Text(ja="グローバルアドレスである", en="a public address"),
            prefix,
            Text(ja="本当に許すなら --public-addresses", en="if it is really meant: --public-addresses"),
        )


def to_toml(made: msgspec.Struct) -> str:
    """Return a flat record as TOML: strings, numbers, lists, dates and booleans only."""
    lines = []
    for key, value in msgspec.structs.asdict(made).items():
        if isinstance(value, bool):
            text = str(value).lower()
        elif isinstance(value, date):
            text = value.isoformat()
        else:
            # TOML refuses one sign more than JSON does, bare: DEL.
            text = msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
        lines.append(f"{key} = {text}")
    return "\n".join(lines) + "\n"
