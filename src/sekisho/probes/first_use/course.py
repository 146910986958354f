"""The course of a first use: factory state, ways round the change, weak offers, a good code, a known end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from sekisho.formats.codes import attacked, listed, sequential, single
from sekisho.language import Text
from sekisho.model.evidence import Record
from sekisho.model.terminal import Code, Login, Recipe, Terminal
from sekisho.ports import Question, Session, Wire

OFFERS = ("same", "short 7", "short 5", "single", "sequential", "attacked")
SHELLS = frozenset({"telnet", "ssh"})
MOST_RESETS = 8
READY_STEP = 2.0

FACTORY = Question(
    id="first-use-factory",
    text=Text(
        ja="機器は出荷状態ですか(初期化した直後で、まだ誰も設定していない)",
        en="Is the terminal in its factory state (just reset, nobody has set it up)?",
    ),
    steps=(
        Text(ja="取扱説明書の手順で初期化する", en="Reset it as the manual says"),
        Text(ja="起動が終わるまで待つ", en="Wait until it has started"),
        Text(ja="何も設定せずに「yes」と答える", en="Set nothing and answer yes"),
    ),
)


class Course:
    """One login path, from the factory state to a known code."""

    def __init__(self, terminal: Terminal, wire: Wire, login: Login) -> None:
        self.terminal, self.wire, self.login = terminal, wire, login
        self.code = login.preset or Code()
        self.word = "preset"
        self.resets = 0
        self.touched = False
        driver = terminal.reset.driver if terminal.reset is not None else ""
        self.cheap = wire.reset is not None and driver == "command"

    async def run(self) -> str:
        """Do the whole course; return an attempt's reason."""
        if not await self.factory():
            return "no-reset"
        entered = await self.sign_in("enter")
        if not (entered.data.get("accepted") or entered.data.get("prompted")):
            return "no-control"
        await self.go_round("before")
        if self.login.change is not None:
            for offer in OFFERS:
                if offer != "short 5" or self.word == "short 7":
                    await self.offer(offer)
            await self.good()
            await self.go_round("after")
        await self.leave()
        return "complete"

    async def factory(self) -> bool:
        """Bring the terminal back to the factory state and wait until the service answers."""
        number, reset = self.resets, self.wire.reset
        base = f"first/{self.login.name}/reset {number}"
        if number >= MOST_RESETS:
            return False
        self.resets += 1
        if reset is None:
            answer = await self.wire.step(base, self._ask)
            return answer.data.get("choice") == "yes"
        limit = self.terminal.reset.ready_seconds if self.terminal.reset is not None else 60.0

        async def press() -> dict[str, Any]:
            await reset()
            return {"reset": True}

        pressed = await self.wire.step(base, press, once=True, seconds=limit + self.wire.limits.step_seconds)
        self.code, self.word, self.touched = self.login.preset or Code(), "preset", False
        if pressed.failure is not None and pressed.failure.reason != "interrupted":
            return False
        return await self._ready(base, limit)

    async def _ready(self, base: str, limit: float) -> bool:
        start = self.wire.clock.monotonic()
        for number in range(1, 1 + int(limit / READY_STEP) + 1):

            async def look() -> dict[str, Any]:
                session = await self.wire.access.visit(self.login)
                reading = await session.run(self.login.proof or Recipe())
                await session.close()
                return {"failure": reading.failure, "status": reading.status}

            seen = await self.wire.step(f"{base} ready {number}", look)
            if seen.failure is None and not seen.data.get("failure"):
                return True
            if self.login.kind in SHELLS and seen.data.get("failure") == "unsupported":
                return True
            if self.wire.clock.monotonic() - start > limit:
                break
            await self.wire.clock.sleep(READY_STEP)
        return False

    async def _ask(self) -> dict[str, Any]:
        answer = await self.wire.person.ask(FACTORY)
        if answer is None:
            return {"choice": ""}
        return {"choice": answer.choice, "person": answer.person, "at": answer.at}

    async def sign_in(
        self, step: str, code: Code | None = None, word: str = "", login: Login | None = None
    ) -> Record:
        """Sign in once; ``word`` stands for the code in the evidence."""
        code, at = code or self.code, login or self.login

        async def act() -> dict[str, Any]:
            result, session = await self.wire.access.sign_in(at, code)
            await session.close()
            reply = result.reply
            return {
                "login": at.name,
                "kind": at.kind,
                "code": word or self.word,
                "accepted": result.accepted,
                "proof": result.proof,
                "prompted": result.prompted,
                "locked": result.locked,
                "sign_in_failure": result.failure,
                "reply": {"status": reply.status, "title": reply.title, "digest": reply.digest},
            }

        return await self.wire.step(f"first/{self.login.name}/{step}", act)

    async def go_round(self, when: str) -> None:
        """Try what should be shut before the change; after it, the same must work (control)."""
        base = f"first/{self.login.name}/{when}"
        await self.wire.step(f"{base} url", self._urls)
        await self.wire.step(f"{base} back", self._back)
        for setting in (one for one in self.terminal.settings if one.login == self.login.name):
            await self._write(base, setting.name)
        if when == "before":
            await self.sign_in("before skip")
        for other in self.terminal.logins:
            if other.kind in SHELLS and other.name != self.login.name and other.preset is not None:
                await self.sign_in(f"{when} {other.kind} {other.name}", other.preset, "preset", other)

    async def _urls(self) -> dict[str, Any]:
        """Read pages and settings directly, with the session that has not changed its code."""
        _, session = await self.wire.access.sign_in(self.login, self.code)
        seen = [{"path": path, **await look(session, Recipe(path=path))} for path in self.login.guarded]
        settings = [one for one in self.terminal.settings if one.login == self.login.name]
        reads = [{"setting": one.name, **await look(session, one.read, value=True)} for one in settings]
        await session.close()
        return {"pages": seen, "reads": reads}

    async def _back(self) -> dict[str, Any]:
        """Go back to the first page after signing in, and read what only a signed-in user sees."""
        _, session = await self.wire.access.sign_in(self.login, self.code)
        front = await look(session, Recipe(path="/"))
        proof = await look(session, self.login.proof, value=True) if self.login.proof is not None else None
        await session.close()
        return {"front": front, "proof": proof}

    async def _write(self, base: str, name: str) -> None:
        setting = next(one for one in self.terminal.settings if one.name == name)

        async def act() -> dict[str, Any]:
            _, session = await self.wire.access.sign_in(self.login, self.code)
            old = await session.run(setting.read)
            other = next((one for one in setting.values if one.strip() != (old.value or "").strip()), "")
            written = await session.run(setting.write, {"value": other})
            read = await session.run(setting.read)
            back = None
            if read.value is not None and read.value != old.value:
                await session.run(setting.write, {"value": old.value or setting.values[0]})
                back = (await session.run(setting.read)).value
            await session.close()
            data = {"setting": name, "old": old.value, "wrote": other, "read": read.value, "back": back}
            return {**data, "status": written.status, "reading_failure": read.failure}

        await self.wire.step(f"{base} api {name}", act)

    async def offer(self, offer: str) -> None:
        """Offer a weak code as the new one; then sign in with the old one and, if that is gone, with it.

        While the old code opens it, nothing was changed: trying the new one would only be a wrong login.
        """
        if self.touched and self.cheap:
            await self.factory()
        code = Code(self.code.user, weak(offer, self.code, self.login.name))
        await self._change(f"offer {offer}", code, offer)
        if offer == "same":
            self.touched = True
            await self.sign_in("offer same new", code, offer)
            await self.wire.step(f"first/{self.login.name}/offer same back", self._back)
            setting = next((one for one in self.terminal.settings if one.login == self.login.name), None)
            if setting is not None:
                await self._write(f"first/{self.login.name}/offer same", setting.name)
            return
        old = await self.sign_in(f"offer {offer} old")
        if old.data.get("accepted") is not False:
            return
        new = await self.sign_in(f"offer {offer} new", code, offer)
        if new.data.get("accepted"):
            self.code, self.word, self.touched = code, offer, True

    async def _change(self, step: str, new: Code, word: str) -> None:
        recipe = self.login.change or Recipe()
        secret = {"old": _password(self.code), "new": _password(new), "user": self.code.user}

        async def act() -> dict[str, Any]:
            _, session = await self.wire.access.sign_in(self.login, self.code)
            reading = await session.run(recipe, {**secret, "password": secret["new"]})
            await session.close()
            told = {"status": reading.status, "title": reading.title, "reading_failure": reading.failure}
            return {"from": self.word, "to": word, "length": len(_password(new)), **told}

        await self.wire.step(f"first/{self.login.name}/{step} change", act)

    async def good(self) -> None:
        """Change to a good code: the declared current one first, since it is also where this ends."""
        before, word = self.code, self.word
        for name, code in self._good_codes():
            await self._change(f"good {name}", code, name)
            new = await self.sign_in(f"good {name} new", code, name)
            old = await self.sign_in(f"good {name} old", before, word)
            if new.data.get("accepted"):
                self.code, self.word = code, name
            if new.data.get("accepted") and old.data.get("accepted") is False:
                return

    def _good_codes(self) -> Iterator[tuple[str, Code]]:
        current = self.login.current
        if current is not None and current != self.code:
            yield "current", current
        if self.wire.reset is not None:
            seed = hashlib.sha256(f"{self.terminal.model} {self.login.name}".encode()).hexdigest()
            yield "plain", Code(self.code.user, f"Kx{seed[:9]}T4")
            yield "signs", Code(self.code.user, f"Kx-{seed[9:17]}_T4!")

    async def leave(self) -> None:
        """End with the declared current code, by a change or else by the factory state."""
        current = self.login.current
        if current is not None and current != self.code and self.login.change is not None:
            await self._change("leave", current, "current")
            new = await self.sign_in("leave new", current, "current")
            if new.data.get("accepted"):
                self.code, self.word = current, "current"
        if self.word not in {"preset", "current"} and self.wire.reset is not None:
            await self.factory()
        wanted = current or self.login.preset

        async def state() -> dict[str, Any]:
            result, session = await self.wire.access.sign_in(self.login, wanted)
            await session.close()
            return {
                "login": self.login.name,
                "wanted": "current" if current else "preset",
                "left": self.word,
                "accepted": result.accepted,
            }

        await self.wire.step(f"first/{self.login.name}/left", state)


def primary(terminal: Terminal) -> tuple[Login, ...]:
    """Return the logins whose preset is examined: a shell that shares a web login's preset is a way round it."""
    web = [one.preset for one in terminal.logins if one.preset is not None and one.kind not in SHELLS]
    return tuple(
        login
        for login in terminal.logins
        if login.preset is not None and not (login.kind in SHELLS and login.preset in web)
    )


async def declared_logins(terminal: Terminal) -> dict[str, Any]:
    """Return what the description says of each login path, without its codes."""
    return {
        "logins": [
            {
                "name": login.name,
                "kind": login.kind,
                # Nothing preset is a claim of the maker until the factory state was looked at.
                "preset": True if login.preset is not None else False if login.no_preset else None,
                "unique": login.unique_per_unit,
                "equivalents": ", ".join(login.equivalents),
                "changeable": login.change is not None,
                **(_shape(login.preset) if login.preset is not None else {}),
            }
            for login in terminal.logins
        ]
    }


def _password(code: Code | None) -> str:
    return code.password if code is not None and isinstance(code.password, str) else ""


def _shape(code: Code) -> dict[str, Any]:
    word = _password(code)
    return {
        "length": len(word),
        "single": single(word),
        "sequential": sequential(word),
        "attacked": attacked(word) or listed(code.user, word),
    }


def weak(offer: str, code: Code, name: str) -> str:
    """Return a code that is weak in one way only, as far as that goes."""
    odd = "Rq" + str(int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % 10**3).zfill(3)
    return {
        "same": _password(code),
        "short 7": f"{odd}kZ"[:7],
        "short 5": odd[:5],
        "single": "aaaaaaaaaaaa",
        "sequential": "123456789012",
        "attacked": "7ujMko0admin",
    }[offer]


async def look(session: Session, recipe: Recipe, *, value: bool = False) -> dict[str, Any]:
    """Return what a reading shows, with its value where asked for."""
    reading = await session.run(recipe)
    told = msgspec.to_builtins(reading)
    keep = ("status", "digest", "title", "length", "location", "failure")
    return {key: told[key] for key in keep} | ({"value": reading.value} if value else {})
