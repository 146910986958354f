"""The accident that a draft is made from, and how its moments, services and numbers are written in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo

import msgspec

from sekisho.formats.incident_words import SERVICES
from sekisho.language import Language, Text
from sekisho.model.affected import Affected, affected
from sekisho.model.draft import DocumentRules
from sekisho.model.duty import Duty
from sekisho.model.incident import Effect, Service
from sekisho.model.ruling import Ruling
from sekisho.model.timeline import About
from sekisho.reports.accidents.words import users_words


class Case(msgspec.Struct, frozen=True):
    """What a draft is made from; ``duty`` is the one that a detailed report answers to."""

    about: About
    ruling: Ruling
    rules: DocumentRules
    language: Language
    zone: tzinfo
    duty: Duty | None = None

    def say(self, ja: str, en: str) -> str:
        """Return the sentence in the draft's language."""
        return Text(ja=ja, en=en).say(self.language)

    def clock(self, moment: datetime) -> str:
        """Return a moment as documents have it, with its zone where it isn't Japan's."""
        local = moment.astimezone(self.zone)
        name = local.tzname() or ""
        if self.language is Language.JA:
            tail = "" if name == "JST" else f"（{name}）"
            return f"{local.year}年{local.month}月{local.day}日{local.hour}時{local.minute:02}分{tail}"
        return f"{local:%Y-%m-%d %H:%M} {name}"


def courses(case: Case) -> Iterator[tuple[Service, list[Effect], Affected]]:
    """Yield each service that was hit with its effects and the course of its users.

    The users are those who were counted: whether the law counts their loss is said by the verdict, not by the number.
    """
    one = case.ruling.incident
    for service in sorted({effect.service for effect in one.effects}):
        effects = [effect for effect in one.effects if effect.service is service]
        hit = [msgspec.structs.replace(effect, fault=True, degraded_only=False) for effect in effects]
        yield service, effects, affected(hit, one.as_of, apart=one.areas_apart)


def service_name(case: Case, service: Service) -> str:
    """Return what a service is called."""
    return SERVICES[service].say(case.language)


def users_of(case: Case, least: int, most: int | None) -> str:
    """Return a number of users, or the least and the most."""
    if most is None:
        return case.say(f"{least:,}以上", f"{least:,} or more")
    return users_words(least, most)
