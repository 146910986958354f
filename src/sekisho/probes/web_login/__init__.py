"""Web sign-in: which codes open the web management, and what opens without any.

Question:
    Where does web management answer, by which login paths, which codes open them, and who can change a
    setting: nobody in particular, someone with a wrong code, someone of low right, the owner?
How:
    Looks for HTTP at every address, line side included, and takes the declared login paths and those that
    the pages show. Signs in with no credential, with nonsense (negative control), with the declared codes,
    and last with the attack list and weak codes, a right login in between so that nothing locks. A terminal
    that is still in its factory state is set up with the declared current code first, as an owner would. Writes
    each declared setting with each kind of right, reads it back with the right one, puts it back and reads
    again. Crawls with the right, fetches each page as nobody and compares the contents.
Evidence:
    One record for each place, login, write and page, with transcripts. Secrets are kept as their origin
    word and shape only; the public lists are shown.
Limits:
    60 pages a login path; links that sound like an act are not followed. Pages drawn by scripts cannot be
    told apart by their contents; there the writes decide. Codes of users that nobody declared are tried
    only as far as no counter fills up. A refused write proves nothing beyond the declared recipe.
Source:
    端末設備等規則 34条の10 一号; 不正アクセス禁止法 2条3項; 令和6年総務省令第11号 3条; EN 303 645 5.5-5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain

from sekisho.language import Text
from sekisho.model.assessment import Risk
from sekisho.model.evidence import Attempt, AttemptStatus, Evidence
from sekisho.model.observation import Observation
from sekisho.model.terminal import Login, Terminal
from sekisho.ports import Wire
from sekisho.probes.web_login.codes import guess, guesses, observe_codes, try_known
from sekisho.probes.web_login.pages import compare_pages, observe_pages
from sekisho.probes.web_login.places import (
    Target,
    find_places,
    look_alive,
    missing,
    observe_places,
    web_logins,
)
from sekisho.probes.web_login.settings import observe_settings, try_settings


class WebLogin:
    """The probe of web management."""

    name = "web_login"
    version = "1"
    risk = Risk.WRITE
    title = Text(ja="Webログイン", en="Web sign-in")
    facts: Mapping[str, Text] = {
        "login.reach": Text(
            ja="その側のそのポートでHTTPが応答するか", en="whether HTTP answers at that port on that side"
        ),
        "login.path": Text(ja="ログイン経路とその方式", en="a login path and its kind"),
        "login.live": Text(
            ja="試験の前後にサービスが応答するか", en="whether the service answers before and after"
        ),
        "login.anonymous": Text(
            ja="識別符号なしで管理機能が開くか", en="whether management opens with no credential"
        ),
        "login.random": Text(
            ja="でたらめな識別符号で開くか(負の対照)",
            en="whether nonsense opens it (negative control)",
        ),
        "login.accepted": Text(ja="その識別符号で開くか", en="whether this code opens it"),
        "login.tried": Text(
            ja="一覧から試した数と試さなかった数", en="how many of the lists were tried and how many not"
        ),
        "setting.read": Text(
            ja="設定を読めなかった(書込みの試験は不成立)",
            en="the setting could not be read, so no write was tried",
        ),
        "setting.write": Text(
            ja="その権限で設定が変わったか(読戻しによる)", en="whether the setting changed, as read back"
        ),
        "setting.restored": Text(ja="設定が元に戻ったか", en="whether the setting is back to its old value"),
        "page.guarded": Text(
            ja="設定ページがログインなしで開かないか",
            en="whether the settings page stays shut without signing in",
        ),
    }

    def plan(self, terminal: Terminal) -> tuple[Text, ...]:
        """Say where it will sign in, which settings it will write, and how many codes it may try."""
        if not any(one.addresses for one in terminal.interfaces):
            return ()
        lines = [
            Text(
                ja="各アドレスでHTTPのポートを探し、ログイン経路を確かめる",
                en="look for HTTP ports at each address and for login paths",
            )
        ]
        for login in web_logins(terminal):
            count = len(guesses(terminal, login))
            lines.append(
                Text(
                    ja=f"「{login.name}」: 識別符号なし・でたらめ・申告値の後、上限内で最大{count}組を試す",
                    en=f"{login.name}: no code, nonsense, declared codes, then at most {count} pairs within the limit",
                )
            )
            lines += [
                Text(
                    ja=f"設定「{one.name}」を権限ごとに書き、読み戻し、元に戻す",
                    en=f"write the setting {one.name} with each right, read it back, restore it",
                )
                for one in terminal.settings
                if one.login == login.name
            ]
        return tuple(lines)

    async def collect(self, terminal: Terminal, wire: Wire) -> Evidence:
        """Find the places, then for each login path: codes, writes, pages, and the lists last."""
        if not any(one.addresses for one in terminal.interfaces):
            return wire.seal(Attempt(AttemptStatus.SKIPPED, "not-described", "no interface has an address"))
        targets = await find_places(terminal, wire)
        known = [await self._examine(terminal, target, wire) for target in targets]
        for target, codes in zip(targets, known, strict=True):
            if codes is not None and (target.home or not target.declared):
                await guess(target, wire, guesses(terminal, target.login), known=codes)
            await look_alive(target, wire, "after")
        lost = missing(terminal, targets)
        if lost:
            names = ", ".join(one.name for one in lost)
            gone = [one for one in lost if not _left_out(terminal, one)]
            why = "no-such-service" if gone else "left-out"
            return wire.seal(Attempt(AttemptStatus.PARTIAL if targets else AttemptStatus.FAILED, why, names))
        return wire.seal(Attempt(AttemptStatus.DONE))

    async def _examine(self, terminal: Terminal, target: Target, wire: Wire) -> frozenset[str] | None:
        """Return which declared codes work; None when guessing means nothing: no door, or one that is open."""
        before = await look_alive(target, wire, "before")
        if not before.data.get("answered"):
            return None
        accepted = await try_known(target, wire)
        await try_settings(terminal, target, wire, open_to_all=bool(accepted["none"]))
        await compare_pages(terminal, target, wire)
        if target.login.kind == "none" or accepted["none"] or accepted.get("random"):
            return None
        return frozenset(origin for origin, value in accepted.items() if value)

    def observe(self, evidence: Evidence) -> Iterable[Observation]:
        """Derive the facts; pure."""
        return chain(
            observe_places(evidence),
            observe_codes(evidence),
            observe_settings(evidence),
            observe_pages(evidence),
        )


def _left_out(terminal: Terminal, login: Login) -> bool:
    service = terminal.service(login.service)
    return service is not None and terminal.excludes("tcp", service.port)


PROBE = WebLogin()
