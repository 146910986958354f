"""``sekisho terminal init|check``: write a first description by asking and by looking; check one."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t

if TYPE_CHECKING:
    from sekisho.model.terminal import Interface, Login, Service


@click.group(help=t("機器記述（TOML）を作る・調べる。", "Write or check a terminal description (TOML)."))
def command() -> None:
    """Hold ``init`` and ``check``."""


@command.command(
    help=t(
        "尋ね、許可があれば機器を見て、注釈付きの機器記述を書く。",
        "Ask, and with an authorisation look at the device, then write a commented description.",
    )
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("terminal.toml"), show_default=True
)
@click.option("--maker", prompt=t("製造者", "Maker"), default="", show_default=False)
@click.option("--model", prompt=t("型番", "Model"), default="", show_default=False)
@click.option("--lan", prompt=t("LAN側のIPアドレス", "LAN address"))
@click.option(
    "--wan",
    prompt=t("回線側のIPアドレス（なければ空）", "WAN address (may be empty)"),
    default="",
    show_default=False,
)
@click.option(
    "-a",
    "--authorisation",
    type=click.Path(path_type=Path),
    help=t("許可の記録。あれば機器を見る", "if given, look"),
)
@click.option("--force", is_flag=True, help=t("既にあるファイルを上書きする", "overwrite"))
@lang_option
def init(
    output: Path,
    maker: str,
    model: str,
    lan: str,
    wan: str,
    authorisation: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Write ``output`` from the answers and, with an authorisation, from what the device shows; return 0.

    Raises DescriptionError when the file is there already (and ``force`` is not given) or an address is none.
    """
    from sekisho.errors import DescriptionError
    from sekisho.language import Text
    from sekisho.model.terminal import Interface, Role
    from sekisho.workflows.describe import terminal_at, write_terminal

    if output.exists() and not force:
        raise DescriptionError(
            Text(ja="ファイルが既にある", en="the file exists already"),
            str(output),
            Text(ja="-o で別名にするか --force", en="choose another name by -o, or --force"),
        )
    for address in filter(None, (lan, wan)):
        terminal_at(address)
    interfaces = [Interface(name="lan", role=Role.LAN, addresses=(lan,))]
    if wan:
        interfaces.append(Interface(name="wan", role=Role.WAN, addresses=(wan,)))
    services: tuple[Service, ...] = ()
    logins: tuple[Login, ...] = ()
    if authorisation:
        services, logins = _look(interfaces, authorisation)
    output.write_text(write_terminal(maker, model, interfaces, services, logins), encoding="utf-8")
    if as_json:
        put_json({"file": str(output), "services": services, "logins": logins})
        return 0
    _tell(services, logins, output, looked=authorisation is not None)
    return 0


@command.command(help=t("機器記述の誤りを調べる。何も送らない。", "Check a description; nothing is sent."))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@lang_option
def check(file: Path, as_json: bool) -> int:
    """Read ``file`` and say how much it declares, without its secrets; return 0.

    Raises DescriptionError naming the entry that can't be right.
    """
    from sekisho.workflows.describe import read_terminal
    from sekisho.workflows.report import without_secrets

    terminal = read_terminal(file)
    if as_json:
        put_json(without_secrets(terminal))
    else:
        click.echo(
            t("正しい", "good")
            + f": {terminal.maker} {terminal.model}, interfaces {len(terminal.interfaces)}, "
            f"services {len(terminal.services)}, logins {len(terminal.logins)}, settings {len(terminal.settings)}"
        )
    return 0


def _tell(services: Sequence[Service], logins: Sequence[Login], output: Path, *, looked: bool) -> None:
    """Say what was found and where it was written."""
    for service in services:
        click.echo(f"  {service.interface} {service.transport}/{service.port} {service.protocol}")
    for login in logins:
        click.echo(f"  login {login.name} ({login.kind})")
    if not looked:
        click.echo(
            t(
                "許可の記録（-a）がないので機器は見ていない。",
                "No authorisation (-a): the device was not looked at.",
            )
        )
    click.echo(
        t(f"書いた：{output}（注釈を読んで埋める）", f"written: {output} (read its comments, fill it in)")
    )


def _look(interfaces: list[Interface], authorisation: Path) -> tuple[tuple[Service, ...], tuple[Login, ...]]:
    """Scan, identify and read the first pages; the evidence of this look is not kept."""
    from sekisho import plugins
    from sekisho.cli.progress import Progress
    from sekisho.model.assessment import Limits
    from sekisho.model.terminal import Terminal
    from sekisho.wiring import assessing
    from sekisho.workflows.describe import read_authorisation
    from sekisho.workflows.look import look

    titles = {
        "open_ports": t("開いた口を探す", "find open ports"),
        "service_identity": t("話してみる", "talk to them"),
    }
    with tempfile.TemporaryDirectory() as scratch, Progress(titles) as watcher:
        folder = Path(scratch) / "look"
        terminal = Terminal(interfaces=tuple(interfaces))
        with assessing.Run(
            folder,
            terminal,
            read_authorisation(authorisation),
            Limits(),
            watcher=watcher,
            language=LANGUAGE,
        ) as run:
            probes = plugins.units("probes")
            ways = (run.net, run.access)
            return assessing.stoppable(lambda: look(terminal, probes, run.desk, ways, watcher), folder)
