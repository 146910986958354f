"""BGP FlowSpec (RFC 8955, IPv6: RFC 8956) as gobgp commands and as ExaBGP text.

FlowSpec has no "except": a virtual patch with managers can't be written in it, and says so.
"""

from __future__ import annotations

from sekisho.errors import RenderError
from sekisho.language import Text
from sekisho.model.containment import Rule, RuleText
from sekisho.reports.containment import tokens
from sekisho.reports.containment.tokens import NAMES, Selector


def render(rule: Rule) -> tuple[RuleText, ...]:
    """Return one file for gobgp and one for ExaBGP."""
    if rule.proposal.match.hole and rule.settings.managers:
        raise RenderError(
            Text(
                ja="FlowSpecは例外（管理サーバー）を書けない。nftablesなどを使う",
                en="FlowSpec can't except the managers: use nftables or an access list",
            ),
            rule.proposal.id,
        )
    chosen = tokens.selectors(rule)
    return _gobgp(rule, chosen), _exabgp(chosen)


def _gobgp(rule: Rule, chosen: list[Selector]) -> RuleText:
    lines = [f"-a ipv{one.version}-flowspec match {' '.join(_gobgp_words(one))}" for one in chosen]
    head = tokens.header(rule)
    return RuleText(
        "gobgp.sh",
        head + "".join(f"gobgp global rib add {one} then discard\n" for one in lines),
        head + "".join(f"gobgp global rib del {one} then discard\n" for one in lines),
        Text(
            ja="gobgpdの動く機械で sh に渡す。受ける側のルーターで検証（RFC 8955 6節）を設定する",
            en="feed it to sh where gobgpd runs; receiving routers validate it (RFC 8955 section 6)",
        ),
        Text(ja="取消しのファイルを sh に渡す", en="feed the undo file to sh"),
    )


def _gobgp_words(one: Selector) -> list[str]:
    words = []
    if one.destination:
        words += ["destination", str(one.destination)]
    if one.source:
        words += ["source", str(one.source)]
    if one.protocol:
        words += ["protocol", f"'=={one.protocol}'"]
    if one.port:
        words += ["destination-port", f"'=={one.port}'"]
    return words


def _exabgp(chosen: list[Selector]) -> RuleText:
    # The API reads every line as a command: no comments here.
    routes = [
        f"flow route {{ match {{ {' '.join(_exabgp_words(one))} }} then {{ discard; }} }}" for one in chosen
    ]
    return RuleText(
        "exabgp.txt",
        "".join(f"announce {one}\n" for one in routes),
        "".join(f"withdraw {one}\n" for one in routes),
        Text(
            ja="ExaBGPのAPI（process、encoder text）へ一行ずつ渡す",
            en="give it line by line to ExaBGP's API (a process with encoder text)",
        ),
        Text(ja="取消しの行を同じ口へ渡す", en="give the undo's lines to the same process"),
    )


def _exabgp_words(one: Selector) -> list[str]:
    words = []
    if one.source:
        words.append(f"source {one.source};")
    if one.destination:
        words.append(f"destination {one.destination};")
    if one.protocol:
        name = NAMES.get(one.protocol, str(one.protocol))
        words.append(f"{'next-header' if one.version == 6 else 'protocol'} {name};")  # noqa: PLR2004 - IP version
    if one.port:
        words.append(f"destination-port ={one.port};")
    return words
