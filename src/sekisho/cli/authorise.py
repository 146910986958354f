"""``sekisho authorise``: write down who allows the test, for which addresses and until when."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t, table
from sekisho.model.assessment import Authorisation
from sekisho.workflows.authorise import MOST_DAYS, RISK_WORDS, RISKS, USUAL_RISKS, to_toml
from sekisho.workflows.authorise import STATEMENT as SAID

STATEMENT = SAID.say(LANGUAGE)


@click.command(
    help=t(
        "試験の許可を記録する（不正アクセス禁止法2条4項）。これがないと何も送信しない。",
        "Record who allows the test. Nothing is sent without it.",
    )
)
@click.argument("addresses", nargs=-1, required=True)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("authorisation.toml"), show_default=True
)
@click.option("--by", "allowed_by", help=t("許可する人の氏名", "Name of the person who allows it"))
@click.option("--role", default=t("アクセス管理者", "access administrator"), show_default=True)
@click.option("--organisation", default="")
@click.option(
    "--days",
    type=click.IntRange(1, MOST_DAYS),
    default=30,
    show_default=True,
    help=t("有効日数", "days of validity"),
)
@click.option(
    "--risk",
    "risks",
    multiple=True,
    type=click.Choice(RISKS),
    help=t(
        f"許す試験の強さを、挙げたものだけにする（挙げないとき {' '.join(USUAL_RISKS)}）",
        f"allow only what is named so (when none is named: {' '.join(USUAL_RISKS)})",
    ),
)
@click.option(
    "--also",
    multiple=True,
    type=click.Choice(RISKS),
    help=t(
        "それに加えて許す（更新 update、電源断 power、初期化 factory は名指しで許す）",
        "allow this as well (update, power and factory have to be named)",
    ),
)
@click.option(
    "--mac",
    "macs",
    multiple=True,
    help=t("この機器のMACアドレスだけに限る", "only this device's MAC address"),
)
@click.option(
    "--host-key",
    "host_keys",
    multiple=True,
    help=t("SSHホスト鍵の指紋だけに限る", "only this SSH host key (SHA256:…)"),
)
@click.option(
    "--public-addresses", is_flag=True, help=t("グローバルアドレスを許す", "allow public addresses")
)
@click.option("--force", is_flag=True, help=t("既にある記録を上書きする", "overwrite an existing record"))
@click.option("--yes", is_flag=True, help=t("文言に同意済み", "the statement has been agreed to"))
@lang_option
def command(
    addresses: tuple[str, ...],
    output: Path,
    allowed_by: str | None,
    role: str,
    organisation: str,
    days: int,
    risks: tuple[str, ...],
    also: tuple[str, ...],
    macs: tuple[str, ...],
    host_keys: tuple[str, ...],
    public_addresses: bool,
    force: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Show the statement, have it confirmed, and write the record to ``output``; return 0.

    不正アクセス禁止法 第2条第4項: entering another's identification code needs the consent of the access
    administrator. Raises AuthorisationError when one of ``addresses`` is no address or prefix.
    """
    from sekisho.wires.clock import SystemClock
    from sekisho.wires.scope import Scope
    from sekisho.wiring.moment import local
    from sekisho.workflows.authorise import authorised

    if allowed_by is None:
        # On stderr, so that stdout stays one JSON document when that is asked for.
        allowed_by = str(click.prompt(t("許可する人の氏名", "Name of the person who allows it"), err=True))
    made = authorised(
        addresses,
        allowed_by,
        local().date(),
        statement=STATEMENT,
        days=days,
        role=role,
        organisation=organisation,
        macs=macs,
        host_keys=host_keys,
        risks=("read", *(risks or USUAL_RISKS), *also),
        public=public_addresses,
    )
    _check(output, force=force)
    Scope(made, SystemClock())  # refuses a prefix that is none
    if not yes:
        _confirm(made)
    output.write_text(to_toml(made), encoding="utf-8")
    if as_json:
        put_json({"authorisation": str(output), **msgspec.to_builtins(made)})
    else:
        click.echo(t(f"許可を記録した：{output}", f"recorded: {output}"))
    return 0


def _confirm(made: Authorisation) -> None:
    """Show the statement and what it is about, and ask; who does not agree has recorded nothing."""
    click.echo(STATEMENT, err=True)
    who = " ".join(filter(None, (made.organisation, made.allowed_by)))
    rows = [
        (t("宛先", "addresses"), "  ".join(made.addresses)),
        (
            t("期間", "days"),
            t(f"{made.valid_from} から {made.valid_until} まで", f"{made.valid_from} to {made.valid_until}"),
        ),
        (t("許す人", "allowed by"), f"{who} ({made.role})"),
        *((t("機器のMAC", "MAC address"), one) for one in made.macs),
        *((t("ホスト鍵", "host key"), one) for one in made.host_keys),
    ]
    for number, risk in enumerate(made.risks):
        rows.append(
            (t("許す試験", "tests") if not number else "", f"{risk}: {RISK_WORDS[risk].say(LANGUAGE)}")
        )
    left = "  ".join(one for one in RISKS if one not in made.risks)
    rows.append((t("許さない試験", "not allowed"), left or t("なし", "none")))
    click.echo(table(rows), err=True)
    click.confirm(t("この内容で許可しますか", "Do you allow this?"), abort=True, err=True)


def _check(output: Path, *, force: bool) -> None:
    """Refuse to paint over another record."""
    from sekisho.errors import AuthorisationError
    from sekisho.language import Text

    if output.exists() and not force:
        raise AuthorisationError(
            Text(ja="記録が既にある", en="the record exists already"),
            str(output),
            Text(ja="-o で別名にするか --force", en="choose another name by -o, or --force"),
        )
