"""The option parser's own words in Japanese: click asks gettext for them under the name ``_``, and gets ours."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from sekisho.language import Language

# Message of click → ours. Placeholders stay as they are; what is missing here stays English.
WORDS: Mapping[str, str] = {
    "Usage:": "使い方：",
    "Options": "オプション",
    "Positional arguments": "引数",
    "Commands": "コマンド",
    "Show this message and exit.": "この説明を示して終わる",
    "Show the version and exit.": "版を示して終わる",
    "%(prog)s, version %(version)s": "%(prog)s %(version)s 版",
    "default: {default}": "既定：{default}",
    "env var: {var}": "環境変数：{var}",
    "required": "必須",
    "deprecated": "廃止予定",
    "(dynamic)": "（そのとき決まる）",
    "Error: {message}": "誤り：{message}",
    "Try '{command} {option}' for help.": "説明は {command} {option}",
    "Aborted!": "中断した。",
    "Missing command.": "コマンドがない",
    "Missing argument": "引数がない：",
    "Missing option": "オプションがない：",
    "Missing parameter": "値がない：",
    "Missing parameter: {param_name}": "値がない：{param_name}",
    "Missing {param_type}": "{param_type} がない：",
    "unknown error": "分からない誤り",
    "Invalid value: {message}": "値の誤り：{message}",
    "Invalid value for {param_hint}: {message}": "{param_hint} の値の誤り：{message}",
    "Could not open file {filename!r}: {message}": "ファイルを開けない（{filename}）：{message}",
    "No such option {name!r}.": "そのオプションはない：{name}",
    "No such command {name!r}.": "そのコマンドはない：{name}",
    "Did you mean {possibility}?": "{possibility} のことか",
    "(Did you mean one of: {possibilities}?)": "（次のどれかのことか：{possibilities}）",
    "Invalid start character for option ({option})": "オプションの始めの字が違う（{option}）",
    "Option {name!r} does not take a value.": "オプション {name} は値を取らない",
    "Option {name!r} requires an argument.": "オプション {name} には値が要る",
    "Option {name!r} requires {nargs} arguments.": "オプション {name} には値が {nargs} 個要る",
    "Argument {name!r} takes {nargs} values.": "引数 {name} は値を {nargs} 個取る",
    "Got unexpected extra argument ({args})": "余分な引数がある（{args}）",
    "Got unexpected extra arguments ({args})": "余分な引数がある（{args}）",
    "Takes {nargs} values but 1 was given.": "値は {nargs} 個要るが、1 個しかない",
    "Takes {nargs} values but {len} were given.": "値は {nargs} 個要るが、{len} 個ある",
    "{len_type} values are required, but {len_value} was given.": "値は {len_type} 個要るが、{len_value} 個ある",
    "{len_type} values are required, but {len_value} were given.": "値は {len_type} 個要るが、{len_value} 個ある",
    "Value must be an iterable.": "値は並びでなければならない",
    "file": "ファイル",
    "directory": "フォルダー",
    "path": "パス",
    "Choose from:\n\t{choices}": "次から選ぶ：\n\t{choices}",
    "{value!r} is not {choice}.": "「{value}」は {choice} ではない",
    "{value!r} is not one of {choices}.": "「{value}」は次のどれでもない：{choices}",
    "{value!r} does not match the format {format}.": "「{value}」は {format} の形ではない",
    "{value!r} does not match the formats {formats}.": "「{value}」は次のどの形でもない：{formats}",
    "{value} is not in the range {range}.": "{value} は範囲 {range} にない",
    "{value!r} is not a valid boolean. Recognized values: {states}": "「{value}」ははい・いいえではない：{states}",
    "{value!r} is not a valid {number_type}.": "「{value}」は数（{number_type}）ではない",
    "{value!r} is not a valid UUID.": "「{value}」は UUID ではない",
    "{name} {filename!r} is a file.": "{name}「{filename}」はファイルである",
    "{name} {filename!r} is a directory.": "{name}「{filename}」はフォルダーである",
    "{name} {filename!r} is not readable.": "{name}「{filename}」を読めない",
    "{name} {filename!r} is not writable.": "{name}「{filename}」に書けない",
    "{name} {filename!r} is not executable.": "{name}「{filename}」を実行できない",
    "{name} {filename!r} does not exist.": "{name}「{filename}」がない",
    "Do you want to continue?": "続けるか",
    "Confirm the action without prompting.": "聞かずに行う",
    "Press any key to continue...": "どれかのキーで続ける",
    "Repeat for confirmation": "確かめのためもう一度",
    "Error: The two entered values do not match.": "誤り：二つの値が違う",
    "Error: invalid input": "誤り：値を読めない",
}


def translate(message: str) -> str:
    """Return click's message in Japanese."""
    return WORDS.get(message, message)


def translate_count(one: str, many: str, count: int) -> str:
    """Return click's message for a number of things in Japanese."""
    return translate(one if count == 1 else many)


def speak(language: Language) -> None:
    """Let click speak ``language``; English is its own.

    gettext itself would want a compiled catalogue, and looks at the system's locale and never at ``--lang``.
    """
    if language is not Language.JA:
        return
    for name, module in list(sys.modules.items()):
        if name.startswith("click.") and hasattr(module, "_"):
            setattr(module, "_", translate)  # noqa: B010 - a module has no such name for a type checker
            if hasattr(module, "ngettext"):
                setattr(module, "ngettext", translate_count)  # noqa: B010
