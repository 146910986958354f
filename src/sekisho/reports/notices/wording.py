"""The words of a notice, from the templates and the operator's own.

Five sentences for a lay reader (what happened, what to do, whom to call, how to know that it is genuine, what we never
ask), then the steps.

The text never holds a person's name or address: those are added when it goes out. What only an expert can use is in
`annex`, which is a document of its own.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TypeVar

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Language, Text
from sekisho.model.case import Case
from sekisho.model.detection import Grade
from sekisho.model.notice import Channel
from sekisho.model.notifying import ModelSteps, Operator

GENERAL = "general"
# A notice says no more than the case's grade: only what is confirmed "was confirmed".
_OBSERVED = {
    Grade.CONFIRMED: Text(ja="を確認しました", en="we observed"),
    Grade.LIKELY: Text(ja="を強く疑わせる通信の記録がありました", en="our records point strongly to"),
    Grade.WATCH: Text(ja="を疑わせる通信の記録がありました", en="our records suggest"),
}
Kind = TypeVar("Kind")


class Family(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happened and what follows from it, for one key of cases."""

    happened: Text
    todo: Text


class Device(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to do with devices of one class."""

    title: Text
    ja: tuple[str, ...]
    en: tuple[str, ...]

    def steps(self, language: Language) -> tuple[str, ...]:
        """Return the steps in ``language``."""
        return self.ja if language is Language.JA else self.en


class Wording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The exact words; ``template`` names where they come from. ``sentences`` are the five, as they stand in ``body``."""

    template: str
    subject: str
    body: str
    sentences: tuple[str, ...]


def families() -> dict[str, Family]:
    """Return the templates by key of a case."""
    return dict(_read("families.toml", dict[str, Family]))


def devices() -> dict[str, Device]:
    """Return the steps by class of device."""
    return dict(_read("devices.toml", dict[str, Device]))


def wording(
    case: Case,
    operator: Operator,
    language: Language,
    reference: str,
    when: str,
    *,
    channel: Channel,
    model: ModelSteps | None = None,
    device: str = "",
) -> Wording:
    """Return the words for ``case``; ``when`` is the local day of its last observation, ready to be read.

    ``model`` are the operator's own steps for the case's model; ``device`` a class of `devices` ("" when not known).

    :raises DescriptionError: a word that only the operator can give is missing, or there is no such class of device
    """
    if wanting := operator.wanting(channel):
        raise _missing(wanting)
    kind = device or (model.device if model else "") or GENERAL
    if kind not in devices():
        raise DescriptionError(
            Text(ja="その種類の機器はない", en="there is no such class of device"),
            f"{kind}: {', '.join(devices())}",
        )
    key = _key(case)
    words = {
        "operator": operator.name.say(language),
        "telephone": operator.telephone,
        "hours": operator.hours.say(language),
        "page": operator.page,
        "reference": reference,
        "when": when,
        "model": case.device_model,
        "observed": _OBSERVED[case.grade].say(language),
    }
    frame = {name: text.say(language, **words) for name, text in _read("frame.toml", dict[str, Text]).items()}
    happened, todo = (
        text.say(language, **words) for text in (families()[key].happened, families()[key].todo)
    )
    own = model.steps(language) if model else ()
    blocks = [
        frame["greeting"],
        f"{happened}\n{todo}",
        "\n".join([frame["steps_title"], *_steps(case, language, kind, own)]),
        frame["call"],
        frame["genuine"],
        frame["never"],
        f"{words['operator']}\n{frame['closing']}",
    ]
    return Wording(
        f"{key}/{'model' if own else kind}",
        _one_line(frame["subject"]),
        "\n\n".join(blocks) + "\n",
        (happened, todo, frame["call"], frame["genuine"], frame["never"]),
    )


def _key(case: Case) -> str:
    """Return the template of a case: of its family in whatever case its name is written, or of how it was found."""
    ways = ("known_cc", *case.methods)
    wanted = (case.key.casefold(), *(f"method:{one}" for one in ways if one in case.methods))
    return next((one for one in wanted if one in families()), GENERAL)


def _steps(case: Case, language: Language, kind: str, own: tuple[str, ...]) -> list[str]:
    """Return the line that names the device, when it is known, and the numbered steps."""
    known = devices()[kind]
    name = case.device_model if own else "" if kind == GENERAL else known.title.say(language)
    named = [_read("frame.toml", dict[str, Text])["steps_model"].say(language, model=name)] if name else []
    return [
        *named,
        *(f"{number}. {step}" for number, step in enumerate(own or known.steps(language), 1)),
    ]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _missing(names: tuple[str, ...]) -> DescriptionError:
    return DescriptionError(
        Text(
            ja="お知らせの文を作れない：事業者だけが知る項目がないか、正しくない",
            en="no notice can be drafted: words that only the operator knows are missing or no good",
        ),
        ", ".join(f"operator.{one}" for one in names),
        Text(
            ja="データのフォルダーの notices.toml に書く（docs/30-warn/notices.md）",
            en="write them in notices.toml in the data folder (docs/30-warn/notices.md)",
        ),
    )


@cache
def _read(name: str, kind: type[Kind]) -> Kind:
    """Return a file of templates, read once: a batch asks for them with each notice. Nobody changes what it returns."""
    text = (files("sekisho.reports.notices") / "templates" / name).read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), kind)
