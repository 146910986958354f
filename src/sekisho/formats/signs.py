"""What a terminal says about a login in words, Japanese and English: refused, locked, please change.

Words alone never make a login accepted; they tell a lock from a refusal and notice a prompt to change.
"""

from __future__ import annotations

import re
from typing import Any

MOST_TEXT = 60_000

_LOCKED = re.compile(
    r"too many (?:\w+ ){0,3}(?:attempts|tries|requests|failures|logins)"
    r"|(?:account|user|login|access|you)\W+(?:\w+ ){0,3}(?:locked|blocked|suspended|banned)"
    r"|locked out|temporarily (?:locked|blocked|disabled|unavailable)"
    r"|(?:try again|retry|wait) (?:\w+ ){0,3}\d+ ?(?:s\b|sec|min|hour)|try again later"
    r"|ロック(?:され|中|しました|アウト)|(?:試行|失敗|誤り|ログイン)(?:の)?回数.{0,20}(?:超|上限|多)"
    r"|しばらく(?:たって|経って|して|時間|待って|お待ち)|一時的に.{0,12}(?:停止|制限|禁止|でき)"
    r"|\d+ ?(?:秒|分|時間)(?:後|間|ほど|経過).{0,24}(?:もう一度|再度|再試行|お待ち|待って|ログイン|お試し)"
    r"|ログイン(?:が|を)?.{0,8}(?:制限|禁止|ブロック)",
    re.IGNORECASE,
)
_CHANGE = re.compile(
    r"(?:must|should|please|required? to|recommend\w*|need to|have to|urge\w*).{0,60}"
    r"(?:change|set|choose|create|replace|update).{0,40}pass(?:word|code|phrase)"
    r"|(?:change|replace) (?:your|the|its|this) (?:default|initial|factory|preset)\b.{0,20}pass(?:word|code)"
    r"|pass(?:word|code).{0,40}(?:must|should|has to|needs to) be changed"
    r"|(?:default|initial|factory|preset) pass(?:word|code) (?:is|has).{0,40}(?:used|use|changed)"
    r"|pass(?:word|code) (?:has |is )?expired|enter (?:a |the |your )?new (?:unix )?password|^new password:"
    r"|(?:パスワード|暗証|識別符号).{0,16}変更(?:して(?:ください|下さい)|が必要|をお願い|を推奨|をお(?:すす|勧)め|しなければ)"
    r"|(?:初期|出荷時|既定|デフォルト)(?:の)?(?:パスワード|識別符号).{0,30}(?:変更|のまま|使用)"
    r"|新しい(?:パスワード|識別符号)を(?:設定|入力|決め|登録)して",
    re.IGNORECASE | re.MULTILINE,
)
_WRONG = re.compile(
    r"incorrect|invalid|fail(?:ed|ure)|denied|wrong|bad (?:password|login)|not (?:allowed|authori[sz]ed)|mismatch"
    r"|正しくありません|違います|間違|誤(?:り|って)|失敗|一致しません|拒否|無効",
    re.IGNORECASE,
)
_CHANGE_PLACE = re.compile(
    r"(?:change|modify|set|init\w*|first|force|new|reset|update)[\w\-]*(?:pass|pwd|pw\b|code|credential)"
    r"|(?:pass|pwd|credential)\w*[\-_/]?(?:change|modify|set|init|force|new|reset|update)|first[\-_]?(?:run|use|time|setup)",
    re.IGNORECASE,
)
_CHANGE_FLAG = re.compile(
    r"^(?:(?:must|need|force|should|require)\w*(?:change|reset|set|init)\w*|(?:pass|pwd|credential)\w*(?:must|need|expired|"
    r"default|initial|change|reset)\w*|(?:is_?)?(?:default|initial|first)_?(?:pass|pwd|login|code|credential)\w*)$",
    re.IGNORECASE,
)
_MOST_DEPTH = 6


def says_locked(text: str) -> bool:
    """Tell whether ``text`` speaks of a lock or of waiting before the next login."""
    return _LOCKED.search(text[:MOST_TEXT]) is not None


def says_change(text: str) -> bool:
    """Tell whether ``text`` urges to change or set the password (a menu entry alone does not)."""
    return _CHANGE.search(text[:MOST_TEXT]) is not None


def says_wrong(text: str) -> bool:
    """Tell whether ``text`` speaks of a refused login."""
    return _WRONG.search(text[:MOST_TEXT]) is not None


def leads_to_change(path: str) -> bool:
    """Tell whether a redirect to ``path`` leads to a page for a new password."""
    return _CHANGE_PLACE.search(path[:500]) is not None


def flags_change(document: Any, depth: int = 0) -> bool:
    """Tell whether a JSON reply has a true flag such as ``mustChangePassword``."""
    if depth > _MOST_DEPTH:
        return False
    if isinstance(document, dict):
        return any(
            (value is True and _CHANGE_FLAG.match(str(key)) is not None) or flags_change(value, depth + 1)
            for key, value in document.items()
        )
    return isinstance(document, list) and any(flags_change(one, depth + 1) for one in document[:50])
