"""What a proposal says of itself: its warnings, the records that it rests on, and how it is taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sekisho.language import Text
from sekisho.model.containment import WARNINGS, Containing, Endpoint, Kind, Match, Radius, Scope

# Rules that end by themselves in the equipment; all others need a person at the expiry.
_EXPIRE = frozenset({Kind.NFTABLES, Kind.MODSECURITY})


def warnings_of(kind: Kind, match: Match, radius: Radius, seen: Sequence[Endpoint]) -> Iterator[str]:
    """Yield the ids of `WARNINGS` that hold; ``seen`` are the endpoints of the case's detections."""
    nets = [one.net for one in match.remotes]
    checks = {
        "all-ports": kind in {Kind.RTBH, Kind.COA} or any(not one.port for one in match.remotes),
        "prefix": any(net.num_addresses > 1 for net in nets),
        "not-seen": any(one not in seen for one in match.remotes),
        "touches-others": match.scope is not Scope.LINE and radius.measured and radius.lines > 0,
        "own-untouched": radius.measured and not radius.own_flows,
        "radius-unknown": not radius.measured,
        "sampled": radius.measured and radius.sampling != 1,
        "address-moves": match.scope is Scope.LINE,
        "no-expiry-in-text": kind not in _EXPIRE,
        "patch-is-no-cure": match.hole is not None,
        "unverified": match.hole is not None and not match.hole.verified,
    }
    yield from (name for name in WARNINGS if checks[name])


def needs_of(kind: Kind, match: Match, settings: Containing) -> dict[str, str]:
    """Return on which records a proposal rests."""
    found = {"apply-by": "sender, admin"}
    if kind is Kind.RPZ:
        rpz = settings.rpz
        found |= {"clause": rpz.clause, "notice": rpz.notice, "opt-out": rpz.opt_out, "review": rpz.review}
    elif kind is Kind.COA:
        found["clause"] = settings.garden.clause
    elif match.scope is not Scope.EVERYONE:
        found["ground"] = settings.ground
    if match.scope is Scope.LINE:
        found["reidentification"] = match.scope.value
    return found


def undo_of(kind: Kind) -> Text:
    """Return in a sentence how a rule of that kind is taken back."""
    if kind in _EXPIRE:
        return Text(
            ja="期限に自ら無効になる。取消しの文で直ちに戻せる",
            en="ends by itself; the undo takes it back at once",
        )
    return Text(
        ja="期限までに人が取消しの文を適用する",
        en="a person applies the undo text, at the expiry at the latest",
    )
