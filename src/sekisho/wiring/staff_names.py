"""Names of staff for the papers of a console: hidden behind tokens on the way in, shown again on the way out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from sekisho.model.compliance import Done, Operator
from sekisho.model.drill import Drill
from sekisho.model.learning import Countermeasure
from sekisho.model.reminding import Reminded, Reminding, parts
from sekisho.model.self_check import Answer
from sekisho.model.staff_name import ERASED, TOKEN, StaffName, named, within_json

if TYPE_CHECKING:
    from sekisho.model.paper import Paper
    from sekisho.stores.database import SqlStaffNames
    from sekisho.wiring.console_folder import ConsoleFolder

#: How the id of an engineer's course is made: it names the engineer (`model.compliance`).
COURSE = re.compile(r"course-(?P<name>.+)-\d{4}-\d\d-\d\d")
Noun = TypeVar("Noun")
replace = msgspec.structs.replace


class StaffNames:
    """The names of one data folder."""

    def __init__(self, folder: ConsoleFolder) -> None:
        self._folder = folder

    @property
    def store(self) -> SqlStaffNames:
        """Where they are. :raises DescriptionError: there is no database yet."""
        self._folder.ready()
        from sekisho.stores.database import SqlStaffNames

        return SqlStaffNames(self._folder.database)

    def hide(self, nouns: Iterable[Any], *more: str) -> Hidden:
        """Return how the names in ``nouns``, and ``more`` names, are hidden; what has no token yet gets one."""
        wanted = {one for noun in nouns for one in names_in(noun)} | set(more)
        living = {one for one in wanted if one.strip() and not ERASED.fullmatch(one)}
        return Hidden(self.store.tokens(living, self._folder.now()) | self._erased(wanted))

    def known(self, *names: str) -> Hidden:
        """Return how those names are hidden that have a token already."""
        living = [one for one in names if not ERASED.fullmatch(one)]
        return Hidden(self.store.known(living) | self._erased(names))

    def _erased(self, texts: Iterable[str]) -> dict[str, str]:
        """Return the tokens of erased names that were read and are written again."""
        wanted = {one for one in texts if ERASED.fullmatch(one)}
        every = self.store.every() if wanted else ()
        return {one.shown: one.token for one in every if one.erased and one.shown in wanted}

    def show(self, texts: Iterable[str]) -> Mapping[str, StaffName]:
        """Return what the tokens in the texts stand for."""
        found = {token for text in texts for token in TOKEN.findall(text)}
        return self.store.of(found) if found else {}

    def papers(self, papers: Iterable[Paper]) -> tuple[Paper, ...]:
        """Return papers as they are read: names in the place of tokens."""
        given = tuple(papers)
        names = self.show(text for one in given for text in (one.name, one.made_by, one.body))
        if not names:
            return given
        return tuple(
            replace(
                one,
                name=named(one.name, names),
                made_by=named(one.made_by, names),
                body=named(one.body, names, within_json),
            )
            for one in given
        )


class Hidden:
    """Puts tokens in the place of names; a name without one stays."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._tokens = tokens

    def __or__(self, other: Hidden) -> Hidden:
        """Return both."""
        return Hidden({**self._tokens, **other._tokens})

    def name(self, text: str) -> str:
        """Return the token of a name."""
        return self._tokens.get(text, text)

    def duty(self, identifier: str) -> str:
        """Return the id of a duty, or of its reminder, without the engineer whom it names."""
        found = COURSE.search(identifier)
        if not found:
            return identifier
        begin, end = found.span("name")  # a name may be a part of the word before it
        return identifier[:begin] + self.name(found["name"]) + identifier[end:]

    def reminder(self, name: str) -> str:
        """Return the name of a reminder without the address and the engineer in it."""
        recipient, duty, stage = parts(name)
        return f"{self.name(recipient)} {self.duty(duty)} {stage}"

    def noun(self, noun: Noun) -> Noun:
        """Return what is kept of a noun."""
        change = _HIDING.get(type(noun))
        return change(noun, self) if change else noun


def _operator(one: Operator, hidden: Hidden) -> Operator:
    return replace(
        one,
        engineers=tuple(replace(each, name=hidden.name(each.name)) for each in one.engineers),
        installers=tuple(replace(each, name=hidden.name(each.name)) for each in one.installers),
    )


def _done(one: Done, hidden: Hidden) -> Done:
    return replace(one, id=hidden.duty(one.id), by=hidden.name(one.by))


def _measure(one: Countermeasure, hidden: Hidden) -> Countermeasure:
    return replace(one, owner=hidden.name(one.owner), done_by=hidden.name(one.done_by))


def _answer(one: Answer, hidden: Hidden) -> Answer:
    return replace(one, owner=hidden.name(one.owner))


def _drill(one: Drill, hidden: Hidden) -> Drill:
    team = tuple(
        replace(each, source=hidden.name(each.source), line=hidden.name(each.line)) for each in one.team
    )
    return replace(one, team=team)


def _reminding(one: Reminding, hidden: Hidden) -> Reminding:
    return replace(one, to=tuple(map(hidden.name, one.to)))


def _reminded(one: Reminded, hidden: Hidden) -> Reminded:
    return replace(one, name=hidden.reminder(one.name))


_HIDING: Mapping[type, Callable[[Any, Hidden], Any]] = {
    Operator: _operator, Done: _done, Countermeasure: _measure, Answer: _answer, Drill: _drill, Reminding: _reminding, Reminded: _reminded,
}  # fmt: skip
_NAMES: Mapping[type, Callable[[Any], Iterable[str]]] = {
    Operator: lambda one: [each.name for each in (*one.engineers, *one.installers)],
    Done: lambda one: [one.by, *course_of(one.id)],
    Countermeasure: lambda one: [one.owner, one.done_by],
    Answer: lambda one: [one.owner],
    Drill: lambda one: [each.source for each in one.team],
    Reminding: lambda one: one.to,
    Reminded: lambda one: [parts(one.name)[0], *course_of(one.name)],
}


def course_of(identifier: str) -> list[str]:
    """Return the engineer whom the id of a course names."""
    found = COURSE.search(identifier)
    return [found["name"]] if found else []


def names_in(noun: Any) -> Iterable[str]:
    """Return the names that a noun holds."""
    names = _NAMES.get(type(noun))
    return names(noun) if names else ()
