"""The settings of a data folder (``watch.toml``), and the prefixes that pseudonyms were given in."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path

import msgspec

from sekisho.catalogues import handling
from sekisho.errors import NOTHING, DescriptionError, StoreError
from sekisho.formats.fault_text import fault_text
from sekisho.formats.pseudonyms import Pseudonyms
from sekisho.language import Text
from sekisho.model.purpose import LegalBasis, Stage
from sekisho.model.watching import Watching
from sekisho.stores.durable import replace
from sekisho.stores.keys import KEY_BYTES

SETTINGS = "watch.toml"
_PREFIXES = "prefixes.json"
_CUSTOMERS = re.compile(r"^customers\s*=\s*\[[^\]]*\]\n?", re.MULTILINE)


def read_settings(file: Path) -> Watching:
    """Return the settings in ``file``; the defaults when there is none.

    :raises DescriptionError: it is empty, can't be read, or says what can't be
    """
    if not file.exists():
        return Watching()
    try:
        text = file.read_text(encoding="utf-8")
        if not text.strip():
            raise _wrong(
                f"{file}: empty",
                Text(
                    ja="控えから戻すか、消して --customers を付けて始める",
                    en="restore it from a backup, or delete it and begin with --customers",
                ),
            )
        return msgspec.convert(tomllib.loads(text), Watching)
    except (OSError, ValueError) as error:  # of TOML, UTF-8 and what may stand in it
        raise _wrong(str(file), fault_text(error)) from error


def settings_of(file: Path, customers: Sequence[str], *, used: bool) -> Watching:
    """Return the settings; write them when they are new, or when ``customers`` are named for the first time.

    ``used`` says that flows were kept with them: lines have pseudonyms by then.

    :raises DescriptionError: the settings are wrong, or ``customers`` are others than before
    :raises StoreError: they can't be written
    """
    new, held, chosen = not file.exists(), read_settings(file), _networks(customers)
    unnamed = held.customers == Watching().customers
    if new or (chosen and unnamed and not used and set(chosen) != set(held.customers)):
        settings = msgspec.structs.replace(held, customers=chosen or held.customers)
        # Refused prefixes must not become the settings of a folder.
        Pseudonyms(
            bytes(KEY_BYTES), [ip_network(one) for one in settings.customers], delegated=settings.delegated
        )
        _write(file, settings, new=new)
        return settings
    if set(chosen) - set(held.customers):
        raise _others(file, held)
    return held


def hold_prefixes(folder: Path, customers: Sequence[str]) -> None:
    """Keep the prefixes that pseudonyms were given in; a prefix may be added, never widened, narrowed or split.

    :raises DescriptionError: the same line would get another pseudonym from now on, or the list of them is damaged
    :raises StoreError: they can't be written
    """
    file = folder / _PREFIXES
    held = _prefixes(file)
    for text in customers:
        for old in held:
            one, other = ip_network(text), ip_network(old)
            if one != other and one.version == other.version and one.overlaps(other):
                raise DescriptionError(
                    Text(ja="アドレス帯の範囲が前と違う", en="a prefix of the lines is not what it was"),
                    f"{old} → {text}",
                    Text(
                        ja="仮名が変わってしまう。前のまま残して別の帯を足すか、新しい --data で始める",
                        en="pseudonyms would change: keep it and add others beside it, or begin with a new --data",
                    ),
                )
    if set(customers) - set(held):
        _replace(file, msgspec.json.encode(sorted({*held, *customers})))


def prefixes_ever(folder: Path) -> int:
    """Return how many prefixes pseudonyms were ever given in; it never gets less."""
    return len(_prefixes(folder / _PREFIXES))


def _prefixes(file: Path) -> tuple[str, ...]:
    try:
        found = msgspec.json.decode(file.read_bytes(), type=tuple[str, ...]) if file.exists() else ()
        for one in found:
            ip_network(one)
    except (OSError, ValueError) as error:  # of JSON, too
        raise DescriptionError(
            Text(
                ja="仮名を付けたアドレス帯の控えが壊れている",
                en="the list of prefixes that pseudonyms were given in is damaged",
            ),
            f"{file}: {error}",
            Text(
                ja="控えから戻す。watch.toml の customers を一度も変えていなければ、消してよい（作り直す）",
                en="restore it from a backup; if customers in watch.toml never changed, delete it: it is made again",
            ),
        ) from error
    return found


def _networks(texts: Sequence[str]) -> tuple[str, ...]:
    found = []
    for text in texts:
        try:
            found.append(str(ip_network(text)))
        except ValueError as error:
            raise DescriptionError(
                Text(ja="アドレス帯の書き方が違う", en="not a prefix"),
                text,
                Text(
                    ja="203.0.113.0/24、2001:db8::/32 のように書く（長さより後のビットは0）",
                    en="write it like 203.0.113.0/24 or 2001:db8::/32 (no bits beyond its length)",
                ),
            ) from error
    return tuple(found)


def _write(file: Path, settings: Watching, *, new: bool) -> None:
    """Write a new file, or the customers into one that somebody may have edited."""
    text = _as_toml(settings)
    if not new:
        before = file.read_text(encoding="utf-8")
        # What a person wrote stays; names of the top come before the first table.
        text = _customers(settings) + _CUSTOMERS.sub("", before, count=1)
        try:
            understood = msgspec.convert(tomllib.loads(text), Watching)
        except (tomllib.TOMLDecodeError, msgspec.ValidationError):
            understood = None
        if understood != settings:
            raise _others(file, settings)
        (file.parent / _PREFIXES).unlink(missing_ok=True)  # nobody has a pseudonym yet
    _replace(file, text.encode())


def _replace(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace(file, content)
    except OSError as error:
        raise StoreError(
            Text(ja="設定を書けない", en="the settings can't be written"), f"{file}: {error.strerror}"
        ) from error


def _others(file: Path, held: Watching) -> DescriptionError:
    return DescriptionError(
        Text(
            ja="顧客のアドレス帯が前と違う（仮名が変わるので混ぜられない）",
            en="the prefixes differ from those before (pseudonyms would change)",
        ),
        f"{file}: {', '.join(held.customers)}",
        Text(
            ja="設定ファイルに書き足すか、別の --data を使う",
            en="add them in that file, or use another --data",
        ),
    )


def _wrong(where: str, todo: Text = NOTHING) -> DescriptionError:
    return DescriptionError(
        Text(ja="監視の設定に誤りがある", en="the watch's settings are wrong"), where, todo
    )


def _customers(settings: Watching) -> str:
    lines = ",\n".join(f'  "{one}"' for one in settings.customers)
    return f"customers = [\n{lines},\n]\n"


def _as_toml(settings: Watching) -> str:
    grounds = ", ".join(
        f"{one} (test and demo data)" if one is LegalBasis.NOT_COMMUNICATION else one
        for one in handling.read_handling()[Stage.RAW_FLOW].basis
    )
    return f"""# 監視の設定 / settings of this watch (sekisho watch, ingest, detect, hunt)
# 回線（顧客）のアドレス帯。これ以外は相手側 / prefixes of the watched lines; everything else is the other side
{_customers(settings)}# 既知のC&Cの表 / lists of known C&C servers
lists = []
# 通信の秘密に触れる根拠 / legal ground: {grounds}
basis = "{settings.basis.value}"
# 受信するアドレスとポート / where the collector listens
listen = ["127.0.0.1", "::1"]
ports = [2055, 4739, 6343]
# しきい値を変えるとき / own thresholds: [detect.outbound_scan] targets = 50
# 人と役割。誰も書かなければ全員が analyst / people and roles; while nobody is named, everybody is an analyst:
# [people]
# "佐藤 花子" = "sender"   # viewer, analyst, sender, admin
# 契約者の特定を二人制に（上の表より前に書く） / two persons to identify a subscriber (write it above the tables):
# four_eyes = true
"""
