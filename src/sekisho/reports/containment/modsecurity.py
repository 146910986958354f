"""Virtual patch as ModSecurity rules: the known path is refused after it was put into plain form; it expires by itself.

For a reverse proxy in front of devices. It closes the path that is known, not the hole.
"""

from __future__ import annotations

from sekisho.errors import RenderError
from sekisho.language import Text
from sekisho.model.containment import Rule, RuleText
from sekisho.reports.containment import tokens


def render(rule: Rule) -> tuple[RuleText, ...]:
    """Return one chained rule per path: path, then moment.

    :raises RenderError: the hole has no known path
    """
    hole = rule.proposal.match.hole
    if hole is None or not hole.paths:
        raise RenderError(Text(ja="経路が知られていない", en="no path is known"), rule.proposal.id)
    numbers = tokens.numbers(rule, len(hole.paths))
    plain = "t:none,t:urlDecodeUni,t:normalizePath,t:lowercase"
    rules = "".join(
        f'SecRule REQUEST_FILENAME "@beginsWith {tokens.path(path).lower()}" '
        f"\"id:{number},phase:1,deny,status:403,log,msg:'sekisho {tokens.identifier(rule)} "
        f"{tokens.remark(hole.id)}',{plain},chain\"\n"
        f'  SecRule TIME_EPOCH "@lt {int(rule.proposal.expires // 1000)}" "t:none"\n'
        for number, path in zip(numbers, hole.paths, strict=True)
    )
    removed = " ".join(map(str, numbers))
    head = tokens.header(rule)
    return (
        RuleText(
            "modsecurity.conf",
            head + rules,
            f"{head}SecRuleRemoveById {removed}\n",
            Text(
                ja="中継のWebサーバーの規則に加えて読み直す。期限の後は一致しない",
                en="add it to the proxy's rules and reload; after its expiry it matches nothing",
            ),
            Text(
                ja="規則のファイルを外して読み直す（又は取消しを最後に読ませる）",
                en="take the file out and reload (or have the undo read last)",
            ),
        ),
    )
