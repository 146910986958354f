"""The course where nothing is preset: what opens before the set-up, who may do it, and what it makes."""

from __future__ import annotations

import hashlib
import re
from functools import partial
from typing import Any

import msgspec

from sekisho.model.evidence import Record
from sekisho.model.terminal import Code, Login, Recipe, Setting, SetUp, Terminal
from sekisho.ports import Wire
from sekisho.probes.first_use.course import Course, look, weak

#: Codes that open many terminals at delivery. Few, so that with the other tries no brake on strangers is met.
GUESSES = (("admin", "admin"), ("root", "root"))
OFFERS = ("short 7", "short 5", "single", "sequential", "attacked")
_ORIGIN = re.compile(r"^[a-z]+://[^/]+", re.IGNORECASE)
#: A link that lives longer is not waited for: that it ends is not observed then, and no fact says so.
LONGEST_LIFE = 120.0


class SetUpCourse:
    """One login path that the first user sets up, from the factory state to the declared current code."""

    def __init__(self, terminal: Terminal, wire: Wire, login: Login, set_up: SetUp, current: Code) -> None:
        self.terminal, self.wire, self.login, self.set_up = terminal, wire, login, set_up
        self.current = current
        self.course = Course(terminal, wire, login)
        self.base = f"first/{login.name}/set-up"
        self.link = ""
        self.links = 0

    async def run(self) -> str:
        """Do the whole course; return an attempt's reason."""
        if not await self.course.factory():
            return "no-reset"
        if not await self._new_link():
            return "no-control"
        await self._before()
        if self.set_up.link and not await self._other_links():
            return "no-control"
        for offer in OFFERS:
            if offer != "short 5" or self.course.word == "short 7":
                again = await self._offer(offer)
                if not again:
                    return "no-reset"
        await self._make("make", self.link, self.current)
        made = await self._sign_in("made", self.current, "current")
        self.course.code, self.course.word = self.current, "current"
        if self.set_up.link:
            await self._spent()
        if self.set_up.after:
            told = await self.wire.step(f"{self.base} people", self._people)
            self.wire.access.learn(told.data.get("values", {}))
        await self.wire.step(f"{self.base} after", partial(self._pages, signed_in=True))
        if self.login.change is not None and made.data.get("accepted"):
            await self._change()
        await self.course.leave()
        return "complete"

    async def _new_link(self) -> bool:
        """Have the one-time link printed. It is kept in memory only: of it, the record has its length."""
        if not self.set_up.link:
            return True
        self.links += 1

        async def read() -> dict[str, Any]:
            told = (await self.wire.host.run(self.set_up.link)).split()
            self.link = _ORIGIN.sub("", told[-1]) if told else ""
            return {"length": len(self.link)}

        await self.wire.step(f"{self.base} link {self.links}", read)
        return bool(self.link)

    async def _before(self) -> None:
        """Look at everything that should be shut while there is no code."""
        await self.wire.step(f"{self.base} before", partial(self._pages, signed_in=False))
        await self._sign_in("before current", self.current, "current")
        for user, password in GUESSES:
            await self._sign_in(f"before {user} {password}", Code(user, password), "guess")
        for setting in (one for one in self.terminal.settings if one.login == self.login.name):
            await self.wire.step(f"{self.base} before write {setting.name}", partial(self._write, setting))

    async def _write(self, setting: Setting) -> dict[str, Any]:
        """Write as nobody; whether it took is seen by what is read when the terminal is set up."""
        wrote = setting.values[1]
        session = await self.wire.access.visit(self.login)
        written = await session.run(setting.write, {"value": wrote})
        await session.close()
        told = {"status": written.status, "reading_failure": written.failure}
        return {"setting": setting.name, "wrote": wrote, **told}

    async def _other_links(self) -> bool:
        """Try a link that nobody was given, and where it can be waited for, one that has run out."""
        wrong = Code(self.current.user, _unlike(self.login.name, "wrong"))
        await self._make("wrong link", _altered(self.link), wrong)
        await self._sign_in("wrong link new", wrong, "wrong")
        life = self.set_up.lifetime
        if not 0 < life <= LONGEST_LIFE:
            return True
        late = Code(self.current.user, _unlike(self.login.name, "expired"))
        await self.wire.clock.sleep(life + 1)
        await self._make("expired link", self.link, late)
        await self._sign_in("expired link new", late, "expired")
        return await self._new_link()

    async def _offer(self, offer: str) -> bool:
        """Offer a weak code at the set-up; False when it was taken and there is no way back."""
        code = Code(self.current.user, weak(offer, Code(), self.login.name))
        made = await self._make(f"offer {offer}", self.link, code)
        if self.set_up.link and not made.data.get("opened"):
            # The link still serves if the code was refused: that is seen later, and costs no wrong login.
            return True
        new = await self._sign_in(f"offer {offer} new", code, offer)
        if not new.data.get("accepted"):
            return True
        self.course.word = offer
        if not await self.course.factory() or not await self._new_link():
            return False
        self.course.word = offer
        return True

    async def _spent(self) -> None:
        """Use the link a second time: the code that it made must stay the only one."""
        other = Code(self.current.user, _unlike(self.login.name, "used"))
        await self._make("used link", self.link, other)
        await self._sign_in("used link new", other, "used")
        await self._sign_in("used link old", self.current, "current")

    async def _change(self) -> None:
        """Offer weak codes by the ordinary change as well, then a good one and back."""
        for offer in OFFERS:
            if offer != "short 5" or self.course.word == "short 7":
                await self.course.offer(offer)
        await self.course.good()

    async def _people(self) -> dict[str, Any]:
        lines = (await self.wire.host.run(self.set_up.after)).splitlines()
        pairs = [line.partition("=") for line in lines]
        return {"values": {name.strip(): value.strip() for name, equals, value in pairs if equals}}

    async def _make(self, step: str, link: str, code: Code) -> Record:
        """Go through the set-up with ``link`` as somebody who chooses ``code``."""
        recipe = _to(self.set_up.make, link)
        values = {"user": code.user, "password": str(code.password)}

        async def act() -> dict[str, Any]:
            session = await self.wire.access.visit(self.login)
            reading = await session.run(recipe, {**values, "new": values["password"]})
            proof = await session.run(self.login.proof) if self.login.proof is not None else None
            await session.close()
            told = {"status": reading.status, "title": reading.title, "reading_failure": reading.failure}
            opened = proof is not None and proof.value is not None
            return {"length": len(values["password"]), "opened": opened, **told}

        return await self.wire.step(f"{self.base} {step}", act)

    async def _sign_in(self, step: str, code: Code, word: str) -> Record:
        return await self.course.sign_in(f"set-up {step}", code, word)

    async def _pages(self, *, signed_in: bool) -> dict[str, Any]:
        """Read guarded pages, settings and what only a signed-in user sees."""
        if signed_in:
            _, session = await self.wire.access.sign_in(self.login, self.current)
        else:
            session = await self.wire.access.visit(self.login)
        pages = [{"path": path, **await look(session, Recipe(path=path))} for path in self.login.guarded]
        settings = [one for one in self.terminal.settings if one.login == self.login.name]
        reads = [{"setting": one.name, **await look(session, one.read, value=True)} for one in settings]
        proof = await look(session, self.login.proof, value=True) if self.login.proof is not None else None
        await session.close()
        return {"pages": pages, "reads": reads, "proof": proof}


def _to(recipe: Recipe, link: str) -> Recipe:
    """Put the link's path where the recipe says ``{link}``: a path already, so it is not encoded again."""
    path, page = recipe.path.replace("{link}", link), recipe.page.replace("{link}", link)
    return msgspec.structs.replace(recipe, path=path, page=page)


def _altered(link: str) -> str:
    """Return a link like this one that was never given out: its last eight letters are others."""
    head, tail = link[:-8], link[-8:]
    return head + "".join("A" if one != "A" else "B" for one in tail)


def _unlike(name: str, word: str) -> str:
    """Return a good code that nobody was given; it follows from the login's name."""
    return "Nq7-" + hashlib.sha256(f"{name} {word}".encode()).hexdigest()[:20]
