"""``sekisho hub contact``: a member's contacts and the keys that mails to them are encrypted to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.hub_option import hub_option, operator
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t

if TYPE_CHECKING:
    from sekisho.model.membership import Contact
    from sekisho.model.sealing import KeyState
    from sekisho.wiring.hub import HubDesk

#: Signs of a key's text.
MOST_KEY = 100_000


@click.command(
    help=t(
        "会員の連絡先を加える・改める・消す。用途：digest（ダイジェスト）、psirt（所見の知らせ）、abuse など。鍵（OpenPGP 又は "
        "S/MIME の公開鍵）を渡すと、そのアドレスへのメールは全てその鍵で暗号化され、使えない鍵なら送られない。",
        "Add, change or remove a contact of a member. Purposes: digest, psirt (notices of findings), abuse and so on. With a "
        "key (public, OpenPGP or S/MIME) every mail to that address is encrypted to it, and none is sent while it can't be used.",
    )
)
@click.argument("member")
@click.argument("mail")
@click.option("--purpose", default="digest", show_default=True, help=t("用途", "what for"))
@click.option("--name", default="", help=t("名前（既定は今の名前）", "name (default: as it is)"))
@click.option(
    "--key", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=t("公開鍵のファイル（文字の形）", "file with the public key, armoured"),
)  # fmt: skip
@click.option("--no-key", is_flag=True, help=t("鍵を外す", "take the key away"))
@click.option("--remove", is_flag=True, help=t("この連絡先を消す", "remove this contact"))
@hub_option
@lang_option
def contact(
    member: str, mail: str, purpose: str, name: str, key: Path | None, no_key: bool, remove: bool, folder: Path, as_json: bool
) -> int:  # fmt: skip
    """Change one."""
    import msgspec

    from sekisho.errors import DescriptionError
    from sekisho.language import Text
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub import enter

    with open_hub(folder) as desk:
        found = next((one for one in desk.books.members.members() if one.id == member), None)
        if found is None:
            raise DescriptionError(Text(ja="その会員はいない", en="there is no such member"), member[:80])
        held = next((one for one in found.contacts if _same(one, mail, purpose)), None)
        rest = tuple(one for one in found.contacts if not _same(one, mail, purpose))
        if remove:
            if held is None:
                raise DescriptionError(Text(ja="その連絡先はない", en="there is no such contact"), mail[:80])
            enter(desk.books, msgspec.structs.replace(found, contacts=rest), operator())
            return _told(as_json, {"removed": mail}, t(f"{mail} を消した", f"removed {mail}"))
        made, state = _made(desk, held, mail, purpose, name, key, no_key=no_key)
        enter(desk.books, msgspec.structs.replace(found, contacts=(*rest, made)), operator())
    said = t("鍵なし", "no key") if state is None else f"{state.kind} {state.name}"
    return _told(as_json, {"contact": made.email, "key": state}, f"{member} {purpose} {mail}: {said}")


def _same(one: Contact, mail: str, purpose: str) -> bool:
    return one.email.lower() == mail.lower() and one.purpose == purpose


def _made(
    desk: HubDesk, held: Contact | None, mail: str, purpose: str, name: str, key: Path | None, *, no_key: bool
) -> tuple[Contact, KeyState | None]:
    """Return the contact as it shall be. :raises DescriptionError: the address is none, or the key can't be used."""
    from sekisho.errors import DescriptionError
    from sekisho.language import Text
    from sekisho.model.membership import Contact
    from sekisho.model.notifying import is_address
    from sekisho.wiring.hub_mails import key_of

    if not is_address(mail):
        raise DescriptionError(Text(ja="メールアドレスではない", en="not a mail address"), mail[:80])
    text = "" if no_key else held.key if held else ""
    if key is not None:
        text = key.read_bytes()[: MOST_KEY + 1].decode("utf-8", "replace")
    made = Contact(name or (held.name if held else mail), mail, purpose, text)
    if key is not None:
        return made, usable(desk, made)
    return made, key_of(desk.folder, made, desk.books.now()) if text else None


def usable(desk: HubDesk, one: Contact) -> KeyState | None:
    """Return what a contact's key is, None without one. :raises DescriptionError: no mail could be encrypted to it."""
    from sekisho.errors import DescriptionError
    from sekisho.language import Text
    from sekisho.model.sealing import REASONS
    from sekisho.wiring.hub_mails import key_of

    if not one.key:
        return None
    state = key_of(desk.folder, one, desk.books.now()) if len(one.key) <= MOST_KEY else None
    if state is None or state.reason:
        why = REASONS[state.reason] if state else REASONS["not-a-key"]
        raise DescriptionError(
            Text(ja="この鍵は使えない", en="this key can't be used"),
            f"{why.say(LANGUAGE)} {state.detail if state else ''}".strip(),
        )
    return state


def _told(as_json: bool, value: dict[str, object], words: str) -> int:
    if as_json:
        put_json({**value, "exit": 0})
    else:
        click.echo(words)
    return 0


def add_to(group: click.Group) -> None:
    """Hang the command into the group of the hub."""
    group.add_command(contact)
