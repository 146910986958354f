"""One file per command: parse, call a workflow, print. Commands are imported only when they are called."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import click

from sekisho import __version__
from sekisho.cli import option_words
from sekisho.cli.speech import LANGUAGE, t
from sekisho.errors import SekishoError, Stopped

# What a shell shows of a program that SIGPIPE has ended: none of our own codes says that nobody has read the answer.
_READER_GONE = 141
# EX_SOFTWARE of sysexits.h: a fault of ours. Python would end with 1, which says that something was found.
_OUR_FAULT = 70

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
    "serve": ("sekisho.cli.serve", t("ブラウザーで使う画面を開く", "serve the console for a browser")),
    "admin": (
        "sekisho.cli.admin",
        t(
            "画面の管理者に戻る（データフォルダーのある機器で）",
            "become an admin of the console again, on its machine",
        ),
    ),
    "watch": (
        "sekisho.cli.watch",
        t("フローを受信して感染回線を見つける", "collect flows and find infected lines"),
    ),
    "ingest": ("sekisho.cli.ingest", t("フローのファイルを取り込む", "take in files of flow records")),
    "detect": ("sekisho.cli.detect", t("感染した疑いのある回線を探す", "look for lines that look infected")),
    "lists": (
        "sekisho.cli.lists",
        t("C&Cの表を取りに行く・並べる（TAXII、MISP）", "fetch and show lists of C&C (TAXII, MISP)"),
    ),
    "hunt": ("sekisho.cli.hunt", t("新しいC&Cの表を過去に当てる", "hold a new list of C&C against the past")),
    "cases": ("sekisho.cli.cases", t("検出をまとめた事案を扱う", "work on cases: folded detections")),
    "notices": (
        "sekisho.cli.notices",
        t("お知らせを作る・承認する・送る", "draft, approve and send notices"),
    ),
    "contain": (
        "sekisho.cli.contain",
        t("封じ込めの規則を提案する（適用は人）", "propose containment rules (people apply them)"),
    ),
    "healing": ("sekisho.cli.healing", t("治癒までの日数を測る", "measure the time to heal")),
    "audit": ("sekisho.cli.audit", t("監査記録を調べる", "check and read the audit log")),
    "assignments": (
        "sekisho.cli.assignments",
        t("アドレス割当の記録を取り込む", "take in logs of who had which address"),
    ),
    "contacts": (
        "sekisho.cli.contacts",
        t("契約者の連絡先の表を取り込む", "take in the table of subscribers' contacts"),
    ),
    "identify": (
        "sekisho.cli.identify",
        t("事案の契約者を特定する（記録に残る）", "find who a case's subscriber is (on record)"),
    ),
    "held": (
        "sekisho.cli.held",
        t("ある回線について何を、なぜ、いつまで保有するか", "what is held of a line, why, and until when"),
    ),
    "expire": (
        "sekisho.cli.expire",
        t("期限の過ぎたデータを消す", "delete what is past its time, in all datasets"),
    ),
    "backup": (
        "sekisho.cli.backup",
        t("動かしたままバックアップする", "back up the data folder while it is in use"),
    ),
    "restore": ("sekisho.cli.restore", t("バックアップから戻す", "restore a backup into a new folder")),
    "hub": (
        "sekisho.cli.hub",
        t("会員の間で情報を共有するハブ（TAXII 2.1）", "a hub through which members share (TAXII 2.1)"),
    ),
    "accident": (
        "sekisho.cli.accident",
        t("事故を法令に照らす：重大か、何をいつまでに", "judge an accident: serious? what is due by when?"),
    ),
    "duties": (
        "sekisho.cli.duties",
        t("事業者の義務を期日の順に", "every duty of the operator by its day"),
    ),
    "selfcheck": (
        "sekisho.cli.selfcheck",
        t("自己点検の表と、証拠のある割合", "lists for self-checks, and how much has evidence"),
    ),
    "catalogues": ("sekisho.cli.catalogues", t("基準の一覧と中身", "list and show catalogues")),
    "update": (
        "sekisho.cli.update",
        t("関所そのものを更新する（署名を確かめて）", "update Sekisho itself, its signature proven"),
    ),
    "plugins": ("sekisho.cli.plugins", t("プラグインの一覧", "list plug-ins, broken ones too")),
}


class _ReaderGone(Exception):
    """Whoever read our output has closed it."""


@contextmanager
def _reader_watched() -> Iterator[None]:
    """Tell of a closed pipe by a name that click doesn't know: it would end with 1, which means "found"."""
    try:
        yield
    except BrokenPipeError as error:
        raise _ReaderGone from error


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

    def make_context(self, *words: Any, **more: Any) -> click.Context:
        """Read the arguments; help is written here."""
        with _reader_watched():
            return super().make_context(*words, **more)

    def invoke(self, context: click.Context) -> Any:
        """Run the command."""
        with _reader_watched():
            return super().invoke(context)

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
        "終了コード：0 合格、1 不合格あり、2 使い方の誤り、3 判定不能、4 応答なし、70 Sekisho の不具合、130 中断（再開可）、"
        "141 出力の読み手が先に閉じた",
        "Exit codes: 0 pass, 1 a requirement failed, 2 usage, 3 undecided, 4 unreachable, 70 a fault of Sekisho's, "
        "130 stopped (resumable), 141 the reader of the output closed it early",
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(
    __version__, prog_name="sekisho", help=t("版を示して終わる", "Show the version and exit.")
)
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
    option_words.speak(LANGUAGE)
    if sys.stdout is None:  # closed before we began: nobody wants to read
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open until the end
    try:
        outcome = group.main(prog_name="sekisho", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(outcome if isinstance(outcome, int) else 0)
    except click.ClickException as error:
        _leave(error.format_message(), error.exit_code, error.show)
    except (click.Abort, KeyboardInterrupt) as error:
        if (
            sys.stdin.isatty()
            or isinstance(error.__cause__, KeyboardInterrupt)
            or isinstance(error, KeyboardInterrupt)
        ):
            _leave(t("中断した。", "Stopped."), Stopped.exit_code)
        question = t(
            "端末がないので質問に答えられない。オプションで渡す（--help）",
            "no terminal to answer on: give the options (--help)",
        )
        _leave(question, SekishoError.exit_code)
    except SekishoError as error:
        _leave(error.explain(LANGUAGE), error.exit_code)
    except (BrokenPipeError, _ReaderGone):
        _end_output()
        sys.exit(_READER_GONE)
    except OSError as error:
        where = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        _leave(
            t(f"ファイルを読み書きできない → {where}", f"can't read or write → {where}"),
            SekishoError.exit_code,
        )
    except Exception:  # noqa: BLE001 - whatever it is must not pass for an answer
        traceback.print_exc()
        said = t(
            "Sekisho の不具合で終わった。結果は出ていない",
            "ended by a fault of Sekisho's own: there is no result",
        )
        _leave(said, _OUR_FAULT)


def _leave(message: str, code: int, show: Callable[[], None] | None = None) -> NoReturn:
    """Say why on stderr, or on stdout as JSON when that was asked for, and end.

    The exit code is the same where that can't be written either; what stdout refuses is said on stderr.
    """
    with suppress(OSError):
        if "--json" not in sys.argv or not _put(message, code):
            if show:
                show()
            else:
                click.secho(message, err=True, fg="yellow" if code == Stopped.exit_code else "red")
    _end_output()
    sys.exit(code)


def _put(message: str, code: int) -> bool:
    """Print an error as JSON; False where stdout can't be written."""
    try:
        click.echo(json.dumps({"error": click.unstyle(message), "exit": code}, ensure_ascii=False))
    except OSError:
        return False
    return True


def _end_output() -> None:
    """Drop what stdout holds and can't give away: Python would try again as it ends, and change the exit code."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
