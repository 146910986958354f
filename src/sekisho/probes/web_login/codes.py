"""Which codes open a login path, tried so that nothing locks: no credential, nonsense, preset, current, lists."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from sekisho.formats.codes import GOOD_LENGTH, MIRAI, derived, shape
from sekisho.model.evidence import Evidence, Record
from sekisho.model.observation import Observation
from sekisho.model.terminal import Code, Login, Terminal
from sekisho.ports import Session, SignIn, Wire
from sekisho.probes.web_login.places import Target

WEAK = ("12345678", "11111111", "abcdefgh", "password1")
LOCK_MARGIN = 2
GENTLE = 3
LONGEST_WAIT = 900.0
FIRST_WAIT = 5.0
USUAL_WAIT = 120.0
#: A connection that is not taken or not answered any more: a lock, or a service that died.
SHUT = frozenset({"refused", "reset", "closed", "timed-out"})


class Candidate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A code to guess: ``origin`` is mirai or weak; ``own`` when the user name is one of the login's own."""

    user: str
    password: str
    origin: str
    own: bool


def password_of(code: Code | None) -> str:
    """Return the resolved password; a reference that nobody resolved counts as empty."""
    return code.password if code is not None and isinstance(code.password, str) else ""


def right_code(login: Login) -> tuple[str, Code] | None:
    """Return the code that should work now and its origin word: current, or else preset."""
    if login.current is not None:
        return "current", login.current
    return ("preset", login.preset) if login.preset is not None else None


def users_of(login: Login) -> tuple[str, ...]:
    """Return the user names that the login declares (an empty one when it asks for none)."""
    codes = (login.current, login.preset, login.low)
    return tuple(dict.fromkeys(code.user for code in codes if code is not None))


def nonsense(seed: str) -> str:
    """Return a code that nobody has: 20 characters that follow from ``seed``."""
    return "Nx7-" + hashlib.sha256(seed.encode()).hexdigest()[:16]


def guesses(terminal: Terminal, login: Login) -> tuple[Candidate, ...]:
    """Return what to guess: the login's own users first, then the pairs of users that nobody declared."""
    own = users_of(login)
    known = {(code.user, password_of(code)) for code in (login.preset, login.low) if code is not None}
    if own in {(), ("",)}:
        pairs = [("", password, "mirai") for password in dict.fromkeys(one for _, one in MIRAI)]
    else:
        pairs = [(user, password, "mirai") for user, password in MIRAI]
    weak = [password for user in own for password in (*derived(user, terminal.maker, terminal.model), *WEAK)]
    pairs += [(user, password, "weak") for user in own for password in dict.fromkeys(weak)]
    fresh = {(user, password): origin for user, password, origin in reversed(pairs)}
    ordered = dict.fromkeys((user, password) for user, password, _ in pairs if (user, password) not in known)
    found = [Candidate(user, word, fresh[user, word], user in own or not own) for user, word in ordered]
    return tuple(sorted(found, key=lambda one: (not one.own, one.origin)))


def tell(sign_in: SignIn) -> dict[str, Any]:
    """Return the raw result of a login, without the page itself."""
    reply = {key: getattr(sign_in.reply, key) for key in ("status", "digest", "title", "length", "location")}
    return {
        "accepted": sign_in.accepted,
        "proof": sign_in.proof,
        "answer_seconds": round(sign_in.seconds, 4),
        "prompted": sign_in.prompted,
        "locked": sign_in.locked,
        "sign_in_failure": sign_in.failure,
        "reply": reply,
    }


async def open_as(target: Target, wire: Wire, who: str, source: str = "") -> tuple[SignIn | None, Session]:
    """Return a session of ``who`` (none, wrong, low, right) and how signing in ended."""
    login = target.login
    if who == "none":
        return None, await wire.access.visit(login, source=source)
    right = right_code(login)
    user = right[1].user if right else next(iter(users_of(login)), "")
    if who == "wrong":
        code: Code | None = Code(user, nonsense(f"{target.name} {wire.clock.now().isoformat()}"))
    else:
        code = login.low if who == "low" else right[1] if right else None
    return await wire.access.sign_in(login, code, source=source)


async def try_code(target: Target, wire: Wire, step: str, origin: str, code: Code | None) -> Record:
    """Sign in once and journal how it ended; the session is closed again."""

    async def sign_in() -> dict[str, Any]:
        listed_one = origin in {"mirai", "weak"}
        result, session = await wire.access.sign_in(target.login, code, listed=listed_one)
        await session.close()
        data = {**target.attributes, "code": origin, **tell(result)}
        if code is None:
            return data
        public = f"{code.user}:{password_of(code)}" if listed_one else ""
        kept = {} if origin == "random" else shape(code.user, password_of(code))
        return {**data, "user": code.user, "shown": public, **kept}

    return await wire.step(f"web/{target.name}/code {step}", sign_in)


async def try_known(target: Target, wire: Wire) -> dict[str, bool | None]:
    """Try no credential, nonsense, then the declared codes; return what was accepted, by origin."""
    login, accepted = target.login, dict[str, bool | None]()

    async def one(origin: str, code: Code | None) -> None:
        record = await try_code(target, wire, origin, origin, code)
        accepted[origin] = record.data.get("accepted")

    await one("none", None)
    if login.kind == "none" or accepted["none"]:
        return accepted
    right = right_code(login)
    if allowed_in_a_row(login, wire) > 0 or right is None:
        user = right[1].user if right else next(iter(users_of(login)), "admin")
        await one("random", Code(user, nonsense(f"{target.name} {wire.clock.now().isoformat()}")))
    for origin, code in (("preset", login.preset), ("current", login.current), ("low", login.low)):
        same = origin == "current" and code == login.preset
        if code is None or same or (origin == "low" and not target.home):
            continue
        if origin == "preset" and right is not None and right[0] == "current":
            await _right(target, wire, "before preset", right[1])
        await one(origin, code)
    await _set_up(target, wire, accepted)
    return accepted


async def _set_up(target: Target, wire: Wire, accepted: dict[str, bool | None]) -> None:
    """Do what an owner does first: a terminal still in its factory state gets the declared current code.

    Everything after this is about a terminal that is set up; first_use goes back to the factory state.
    """
    login = target.login
    if accepted.get("current") or not accepted.get("preset") or not target.home:
        return
    if login.change is None or login.current is None or login.current == login.preset:
        return
    secret = {"old": password_of(login.preset), "new": password_of(login.current), "user": login.current.user}
    recipe = login.change

    async def change() -> dict[str, Any]:
        _, session = await wire.access.sign_in(login, login.preset)
        reading = await session.run(recipe, {**secret, "password": secret["new"]})
        await session.close()
        told = {"status": reading.status, "title": reading.title, "reading_failure": reading.failure}
        return {**target.attributes, "from": "preset", "to": "current", **told}

    await wire.step(f"web/{target.name}/set up", change)
    record = await try_code(target, wire, "current set up", "current", login.current)
    accepted["current"] = record.data.get("accepted")


def allowed_in_a_row(login: Login, wire: Wire) -> int:
    """Return how many wrong logins may follow each other and still leave room for the right one."""
    most = min(wire.limits.wrong_in_a_row, GENTLE)
    if login.lock is not None:
        most = min(most, max(1, login.lock.tries - LOCK_MARGIN))
    return most - 1


async def guess(
    target: Target, wire: Wire, candidates: tuple[Candidate, ...], *, known: frozenset[str]
) -> None:
    """Try the lists, with a right login in between so that no counter fills up; journal what was left out.

    ``known`` are the origins (current, preset, low) of the codes that were seen to work.
    """
    run = _Run(target, wire, known)
    for number, candidate in enumerate(candidates, 1):
        if run.why or (candidate.user in run.closed):
            run.skip(candidate)
            continue
        if run.full(candidate) and not await run.refresh(f"before {number}", run.due):
            run.skip(candidate)
            continue
        step = f"{candidate.origin} {number:03d}"
        record = await try_code(
            target, wire, step, candidate.origin, Code(candidate.user, candidate.password)
        )
        run.note(candidate, record)
    await run.refresh("after", always=True)

    async def total() -> dict[str, Any]:
        return {**target.attributes, **run.totals(len(candidates))}

    await wire.step(f"web/{target.name}/codes", total)


class _Run:
    """The state of guessing at one login path: how many wrong in a row, and why it stopped."""

    def __init__(self, target: Target, wire: Wire, known: frozenset[str]) -> None:
        self.target, self.wire = target, wire
        right, low = right_code(target.login), target.login.low
        works = right is not None and (
            right[0] in known or (right[1] == target.login.preset and "preset" in known)
        )
        self.code = right[1] if right is not None and works else None
        codes = (low if "low" in known else None, self.code)
        self.codes = {code.user: code for code in codes if code is not None}
        self.most = allowed_in_a_row(target.login, wire)
        self.row = 0
        self.user: str | None = None
        self.due = ""
        self.waited_out = False
        self.tried = 0
        self.why = "" if self.most > 0 else "lock-rule"
        self.skipped: list[Candidate] = []
        self.closed: set[str] = set()

    def full(self, candidate: Candidate) -> bool:
        """Tell whether a right login is due: the row is full, or another user's tries begin."""
        moved = self.user not in {None, candidate.user} and self.row > 0
        self.due = self.user if moved and self.user is not None else candidate.user
        self.user = candidate.user
        return moved or self.row >= max(1, self.most)

    def skip(self, candidate: Candidate) -> None:
        """Note a code that was not tried."""
        self.skipped.append(candidate)

    async def refresh(self, step: str, user: str = "", *, always: bool = False) -> bool:
        """Sign in rightly, which sets the terminal's counter back; False when that can't be done.

        A user of lesser right has a counter of its own, so it is that user who signs in when known.
        """
        code = self.codes.get(user, self.code)
        if code is None:
            self.why = self.why or ("" if always else "no-right-code")
            return False
        if not self.row and not always:
            return True
        record = await _right(self.target, self.wire, step, code)
        if record.data.get("accepted"):
            self.row = 0
            return True
        if record.data.get("sign_in_failure") == "budget":
            # Ours, not the terminal's: nothing was sent, and no waiting brings it back.
            self.why = self.why or "budget"
            return False
        if await self._wait_out(step, code):
            # A brake that lets the right code in after a while is waited for once, and the list goes on.
            return True
        self.why = self.why or _held_by(record.data) or "right-refused"
        return False

    async def _wait_out(self, step: str, code: Code) -> bool:
        """Wait, once a login path, until the right code opens it again; True when it does."""
        rule, waited = self.target.login.lock, 0.0
        pause = (rule.seconds if rule else FIRST_WAIT) + 1
        most = min(max(2 * rule.seconds if rule else 0.0, USUAL_WAIT), LONGEST_WAIT)
        if self.waited_out:
            return False
        self.waited_out = True
        while waited < most:
            await self.wire.clock.sleep(pause)
            waited, pause = waited + pause, min(pause * 2, max(most - waited - pause, 1.0))
            again = await _right(self.target, self.wire, f"{step} after {waited:g} s", code)
            if again.data.get("accepted"):
                self.row = 0
                return True
        return False

    def note(self, candidate: Candidate, record: Record) -> None:
        """Count a try; a lock ends the guessing, a used-up budget ends this user's."""
        data = record.data
        if data.get("sign_in_failure") == "budget":
            self.skip(candidate)
            self.closed.add(candidate.user)
            return
        self.tried += data.get("accepted") is not None
        self.row = 0 if data.get("accepted") else self.row + 1
        if why := _held_by(data):
            self.why = why
            self.skip(candidate)
        elif data.get("accepted") is None:
            self.skip(candidate)

    def totals(self, candidates: int) -> dict[str, Any]:
        """Return the counts: ``skipped`` listed pairs and ``weak`` codes of own users; ``foreign`` ones."""
        own = sum(one.own and one.origin == "mirai" for one in self.skipped)
        weak = sum(one.own and one.origin == "weak" for one in self.skipped)
        foreign = len(self.skipped) - own - weak
        return {
            "candidates": candidates,
            "tried": self.tried,
            "skipped": own,
            "weak": weak,
            "foreign": foreign,
            "why": self.why or ("budget" if self.closed else ""),
        }


def _held_by(data: Mapping[str, Any]) -> str:
    """Return what kept a try out: ``locked`` when the terminal said or showed so, ``shut`` when it no longer answers."""
    if data.get("locked"):
        return "locked"
    return "shut" if data.get("sign_in_failure") in SHUT else ""


async def _right(target: Target, wire: Wire, step: str, code: Code) -> Record:
    return await try_code(target, wire, f"right {step}", "right", code)


def observe_codes(evidence: Evidence) -> Iterator[Observation]:
    """Derive ``login.path``, ``login.anonymous``, ``login.random``, ``login.accepted`` and ``login.tried``."""
    kept = (
        "login",
        "service",
        "interface",
        "role",
        "port",
        "declared",
        "user",
        "shown",
        "locked",
        "prompted",
    )
    more = ("length", "single", "sequential", "attacked", "listed", "derived", "proof", "sign_in_failure")
    for record in evidence.under("web/"):
        head, _, step = record.step.removeprefix("web/").partition("/code ")
        if not step or step.startswith("right "):
            continue
        subject, pointer = f"login {head}", (evidence.point(record),)
        data = record.data
        attributes = {key: data[key] for key in (*kept, *more) if key in data}
        value = data.get("accepted")
        if step == "none":
            path = {key: data[key] for key in kept if key in data}
            if path:
                yield Observation("login.path", subject, data["kind"], path, pointer)
            yield Observation("login.anonymous", subject, value, attributes, pointer)
        elif step == "random":
            yield Observation("login.random", subject, value, attributes, pointer)
        else:
            origin = step.partition(" ")[0]
            attributes |= {"origin": origin, "long_enough": data.get("length", 0) >= GOOD_LENGTH}
            yield Observation("login.accepted", subject, value, attributes, pointer)
    for record in evidence.under("web/"):
        if record.step.endswith("/codes") and record.failure is None:
            data = record.data
            attributes = {
                key: data[key] for key in ("candidates", "skipped", "weak", "foreign", "why", *kept[:5])
            }
            subject = f"login {record.step.removeprefix('web/').removesuffix('/codes')}"
            yield Observation("login.tried", subject, data["tried"], attributes, (evidence.point(record),))
