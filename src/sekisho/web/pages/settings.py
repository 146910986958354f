"""What is configured, where it comes from, and what it means; what is safe to change is changed here, on record."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from starlette.responses import Response

from sekisho.catalogues import handling, sign_in
from sekisho.catalogues.holidays import holidays
from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.purpose import Stage
from sekisho.web.asked import Asked
from sekisho.web.page import Page, Route
from sekisho.wiring.noticing import notice_settings
from sekisho.wiring.run_settings import run_settings
from sekisho.wiring.settings_desk import SettingsDesk, said
from sekisho.wiring.settings_words import WORDS

_SECRET = re.compile(r"password|secret|token|key|user", re.IGNORECASE)
_NAME = re.compile(r"keep\.[a-z_]+|[a-z_]+")
_NONE = Text(ja="その設定はない", en="there is no such setting")


def _desk(asked: Asked) -> SettingsDesk:
    return SettingsDesk(asked.office.console)


def _all(asked: Asked) -> Response:
    office, desk = asked.office, _desk(asked)
    held = desk.settings(asked.who.name if asked.who else "")
    watched = office.console.watch.figures()
    rules = handling.read_handling()
    return asked.page(
        "settings.html",
        settings=held,
        written=desk.written,
        stages=[
            (stage, rules[stage], rule, desk_name)
            for stage, rule in office.console.keeping.rules().items()
            if (desk_name := "days" if stage is Stage.RAW_FLOW else f"keep.{stage.value}")
        ],
        sources=handling.sources(),
        kept=office.console.keeping.kept(),
        runs=run_settings(office.console.folder),
        terminals=office.console.runs.described(),
        lists=desk.lists(),
        exporters=sorted(
            {one.exporter for one in watched.counts() if one.exporter and " " not in one.exporter}
        )
        if watched
        else (),
        running=bool(watched and watched.running(asked.now)),
        sign_in=sign_in.settings(),
        notices=_notices(asked),
        holidays=holidays(),
        rules=office.open_id.rules if office.open_id else None,
    )


def _notices(asked: Asked) -> dict[str, str]:
    """Return the settings of notices in one level; of what could be a secret only whether it is set."""
    found = msgspec.to_builtins(notice_settings(asked.office.console.folder / "notices.toml"))
    flat: dict[str, str] = {}

    def take(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, one in value.items():
                take(f"{name}.{key}" if name else key, one)
        elif _SECRET.search(name):
            flat[name] = asked.t("設定済み（示さない）", "set (not shown)") if value else ""
        else:
            flat[name] = said(value)

    take("", found)
    return flat


def _name(asked: Asked) -> str:
    name = asked.part("name")
    known = name in WORDS or name.removeprefix("keep.") in tuple(Stage)
    if not _NAME.fullmatch(name) or not known:
        raise DescriptionError(_NONE, name[:60])
    return name


def _one(asked: Asked) -> Response:
    name, desk = _name(asked), _desk(asked)
    stage = (
        name.removeprefix("keep.")
        if name.startswith("keep.")
        else Stage.RAW_FLOW.value
        if name == "days"
        else ""
    )
    setting = next(one for one in desk.settings() if one.name == name.partition(".")[0])
    if not setting.form and not name.startswith("keep."):
        raise DescriptionError(
            Text(ja="この設定は画面から変えない", en="this setting isn't changed from a browser"),
            name,
            setting.why_not,
        )
    rule = handling.read_handling().get(Stage(stage)) if stage in tuple(Stage) else None
    days = asked.office.console.keeping.rules()[Stage(stage)].days if rule else 0
    return asked.page(
        "setting.html", name=name, setting=setting, rule=rule, days=days, proposed=None, typed=None
    )


def _change(asked: Asked) -> Response:
    """Show what a change would do, or make the one that was shown."""
    name, desk, form = _name(asked), _desk(asked), asked.form
    typed, revision = form.get("value", ""), form.get("revision", "")
    if not revision or asked.who is None:
        setting = next(one for one in desk.settings() if one.name == name.partition(".")[0])
        made = desk.propose(name, typed)
        return asked.page("setting.html", name=name, setting=setting, rule=None, proposed=made, typed=typed)
    desk.change(name, typed, revision, asked.who.name, asked.who.role.value)
    return asked.see_other("/settings", asked.t(f"{name} を変えた", f"{name} was changed"))


PAGE = Page(
    "settings",
    Text(ja="設定", en="Settings"),
    (
        Route("GET", "/settings", _all, Permission.ADMIN),
        Route("GET", "/settings/{name}", _one, Permission.ADMIN),
        Route("POST", "/settings/{name}", _change, Permission.ADMIN, opens=16_384, fresh=True),
    ),
    order=12,
    sign="設",
)
