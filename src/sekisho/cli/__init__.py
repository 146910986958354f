"""One file per command: parse, call a workflow, print. Commands are imported only when they are called."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping

import click

from sekisho import __version__
from sekisho.cli.speech import LANGUAGE, t
from sekisho.errors import SekishoError, Stopped

# Name → (module, one line of help). The modules load when their command runs.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": ("sekisho.cli.demo", t("三台の見本の端末を評価する", "assess three demo terminals")),
    "assess": ("sekisho.cli.assess", t("端末を評価する", "assess a terminal")),
    "terminal": (
        "sekisho.cli.terminal",
        t("機器記述を作る・調べる", "write or check a terminal description"),
    ),
    "authorise": ("sekisho.cli.authorise", t("試験の許可を記録する", "record who allows the test")),
    "rejudge": (
        "sekisho.cli.rejudge",
        t("保存した証跡を別の基準で判定し直す", "judge stored evidence again"),
    ),
    "report": ("sekisho.cli.report", t("報告書を作り直す", "write the reports again")),
    "verify": ("sekisho.cli.verify", t("証跡の改変を調べる", "check that evidence is unaltered")),
    "catalogues": ("sekisho.cli.catalogues", t("基準の一覧と中身", "list and show catalogues")),
    "plugins": ("sekisho.cli.plugins", t("プラグインの一覧", "list plug-ins, broken ones too")),
}


class Commands(click.Group):
    """A group whose commands are imported when they are called; its help needs none of them."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """Return the names in the order of use."""
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Import one command."""
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[name][0]).command
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section(t("コマンド", "Commands")):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=Commands,
    help=t(
        "関所：端末機器をネットワークに入れる前に調べ、証跡を残し、法令に照らして判定する。",
        "Sekisho: assess terminal equipment before it joins the network, keep the evidence, judge it by law.",
    ),
    epilog=t(
        "終了コード：0 合格、1 不合格あり、2 使い方の誤り、3 判定不能、4 応答なし、130 中断（再開可）",
        "Exit codes: 0 pass, 1 a requirement failed, 2 usage, 3 undecided, 4 unreachable, 130 stopped (resumable)",
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="sekisho")
@click.option(
    "--lang",
    type=click.Choice(["ja", "en"]),
    expose_value=False,
    help=t("表示の言語", "language of the output"),
)
def group() -> None:
    """Hold the commands."""


def main() -> None:
    """Run the command line; every error explains itself and ends with its exit code."""
    try:
        outcome = group.main(prog_name="sekisho", standalone_mode=False)
        sys.exit(outcome if isinstance(outcome, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo(t("中断した。", "Stopped."), err=True)
        sys.exit(Stopped.exit_code)
    except SekishoError as error:
        click.secho(error.explain(LANGUAGE), err=True, fg="yellow" if isinstance(error, Stopped) else "red")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(0)
