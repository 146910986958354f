"""First use: is a change of the preset code urged, forced, and can it be got round.

Question:
    From the factory state: does signing in with the preset code prompt or force a new one; does a direct
    URL, the back button, the settings' own interface, a shell or simply signing in again get round it; is
    the same code, a short one, one repeated character, a run or an attacked one taken as the new code?
    Where nothing is preset: does anything open before the first user has made a code, who may make it, and is
    a weak one taken?
How:
    Resets the terminal (or takes a person's word for the factory state), signs in with the preset, reads
    and writes settings and pages before any change, tries the preset on the shells, then offers weak
    codes; each offer is judged by signing in with it, and with the old one, afterwards. A good code is the
    positive control: it must open, the old one must not, and what was shut before the change must open now. With nothing preset: reads pages and settings as nobody, tries the
    code that will be made and common ones, goes through the set-up by an altered link, by the right one with
    weak codes, and by the right one with a good code; then by the same link again. What was shut must open then.
Evidence:
    One record for each sign-in, read, write and offer. Codes are kept as words (preset, current, good).
Limits:
    Without a declared ``change`` recipe the offers are not made. "Same as before" can only be told where a
    change was prompted or forced. After a weak code was taken, the next offer starts from it unless a
    command resets the terminal. That a one-time link runs out is waited for only up to two
    minutes; transcripts hold the link, which is used up at the end. Steps of an app or a screen on the device are not seen.
Source:
    端末設備等規則 34条の10 二号; 2025年報告 (変更させる); 令和6年総務省令第11号 3条; EN 303 645 5.1-1
    (defined by the user in any state other than the factory default).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sekisho.language import Text
from sekisho.model.assessment import Risk
from sekisho.model.evidence import Attempt, AttemptStatus, Evidence
from sekisho.model.observation import Observation
from sekisho.model.terminal import Code, Login, SetUp, Terminal
from sekisho.ports import Wire
from sekisho.probes.first_use.course import OFFERS, Course, declared_logins, primary
from sekisho.probes.first_use.facts import observe_login
from sekisho.probes.first_use.made import observe_set_up
from sekisho.probes.first_use.set_up import SetUpCourse


class FirstUse:
    """The probe of what happens to the preset code."""

    name = "first_use"
    version = "1"
    risk = Risk.FACTORY
    title = Text(ja="初回利用", en="First use")
    facts: Mapping[str, Text] = {
        "preset.exists": Text(ja="出荷時の識別符号があるか", en="whether there is a preset code"),
        "preset.works": Text(
            ja="出荷状態で出荷時の識別符号が通るか(対照)",
            en="whether the preset opens the factory state (control)",
        ),
        "change.prompted": Text(ja="変更を促されるか", en="whether a change is prompted"),
        "change.forced": Text(
            ja="変更しないと何もできないか", en="whether nothing can be done before the change"
        ),
        "change.bypass": Text(ja="変更を避ける道があるか", en="whether a way round the change exists"),
        "change.accepts": Text(
            ja="弱い識別符号への変更が通るか", en="whether a weak code is taken as the new one"
        ),
        "change.works": Text(
            ja="良い識別符号への変更が通り、古い符号が無効になるか(対照)",
            en="whether a good code is taken and the old one refused (control)",
        ),
        "setup.shut": Text(ja="最初の設定の前に何も開かないか", en="whether nothing opens before the set-up"),
        "setup.link": Text(
            ja="与えられていない・使用済み・期限切れのリンクを拒むか",
            en="whether a link that was not given, is used up or has run out is refused",
        ),
        "setup.works": Text(
            ja="最初の設定で作った識別符号が、その後に初めて通るか(対照)",
            en="whether the code made by the set-up opens it from then on, and not before (control)",
        ),
        "setup.accepts": Text(
            ja="最初の設定で弱い識別符号が通るか", en="whether the set-up takes a weak code"
        ),
        "change.left": Text(
            ja="試験後の識別符号が申告した現在値か",
            en="whether the code left behind is the declared current one",
        ),
    }

    def plan(self, terminal: Terminal) -> tuple[Text, ...]:
        """Say that the terminal is reset and which codes are offered."""
        return tuple(
            Text(
                ja=f"初期化し、「{login.name}」の出荷時の識別符号で入り、変更前の迂回と弱い符号{len(OFFERS)}種を試す",
                en=f"reset, enter {login.name} with its preset, try ways round and {len(OFFERS)} weak new codes",
            )
            for login in primary(terminal)
        ) + tuple(
            Text(
                ja=f"初期化し、「{login.name}」の最初の設定の前に何が開くか、弱い符号{len(OFFERS) - 1}種と別のリンクで"
                "設定できるかを試し、申告した現在値で設定する",
                en=f"reset, see what opens before {login.name} is set up, try {len(OFFERS) - 1} weak codes and other "
                "links for it, then set it up with the declared current code",
            )
            for login, _, _ in _set_up(terminal)
        )

    async def collect(self, terminal: Terminal, wire: Wire) -> Evidence:
        """Go through the first use of each login path that has a preset."""
        if not terminal.logins:
            return wire.seal(Attempt(AttemptStatus.SKIPPED, "nothing-declared"))
        await wire.step("first/declared", lambda: declared_logins(terminal))
        examined, bare = primary(terminal), _set_up(terminal)
        if not examined and not bare:
            return wire.seal(Attempt(AttemptStatus.DONE, "complete", "no preset code is declared"))
        ended = [await Course(terminal, wire, login).run() for login in examined]
        ended += [await SetUpCourse(terminal, wire, login, how, code).run() for login, how, code in bare]
        bad = next((one for one in ended if one != "complete"), "")
        status = AttemptStatus.DONE if not bad else AttemptStatus.PARTIAL
        if bad == "no-reset":
            status = AttemptStatus.SKIPPED
        return wire.seal(Attempt(status, bad or "complete"))

    def observe(self, evidence: Evidence) -> Iterable[Observation]:
        """Derive the facts; pure."""
        declared = evidence.record("first/declared")
        for login in declared.data.get("logins", []) if declared is not None else []:
            pointer = (evidence.point(declared),) if declared is not None else ()
            attributes = {key: login[key] for key in login if key not in {"name", "preset"}}
            yield Observation("preset.exists", f"login {login['name']}", login["preset"], attributes, pointer)
            yield from observe_login(evidence, login["name"])
            yield from observe_set_up(evidence, login["name"])


def _set_up(terminal: Terminal) -> list[tuple[Login, SetUp, Code]]:
    """Return the logins whose code the first user makes, with how and with which code."""
    return [
        (login, login.set_up, login.current)
        for login in terminal.logins
        if login.no_preset and login.set_up is not None and login.current is not None
    ]


PROBE = FirstUse()
