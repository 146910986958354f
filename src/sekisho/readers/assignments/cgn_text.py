"""Port blocks of a carrier-grade NAT as lines of text (syslog), by patterns that the operator writes.

Question:
    Which line (or inside address) had which ports of which outside address?
How:
    A TOML file (option ``patterns``) has regular expressions with named groups: ``time`` (or ``epoch``), ``outside``,
    ``port_begin``, ``port_end`` (or ``size``), ``inside`` or ``account``; each says whether it is an allocation or a
    release. Makers' logs differ, and none is built in.
Evidence:
    Outside address, ports, inside address or account, times.
Limits:
    A time without a zone needs the option ``zone``; one without a year (RFC 3164) is rejected, since nobody can tell the
    year of an old file. Lines that match no pattern are counted as ``other-lines`` and are no fault.
Source:
    RFC 6888 section 4 (what a CGN should log).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from sekisho.errors import ReadingError
from sekisho.formats.assignment_csv import ACCOUNT, FIRST, INNER, LAST, NETWORK, TIME, Table
from sekisho.formats.assignment_rows import BEGINS, ENDS
from sekisho.formats.local_time import zone_of
from sekisho.formats.text_lines import Rejecting
from sekisho.formats.whole_lines import WholeLines
from sekisho.language import Text
from sekisho.ports.flows import Options, Tally

_EVENTS = {"allocated": BEGINS, "released": ENDS}
_SHORT = re.compile("[0-9]{1,9}")
_GROUPS = {
    "outside": NETWORK,
    "port_begin": FIRST,
    "port_end": LAST,
    "inside": INNER,
    "account": ACCOUNT,
    "time": TIME,
}
_Patterns = list[tuple[re.Pattern[str], int]]


class CgnText:
    """Reader of a CGN's log by patterns."""

    name = "cgn_text"
    title = Text(
        ja="CGN のポートブロックの記録（syslog、型を指定）", en="port blocks of a CGN (syslog, by patterns)"
    )
    options: Mapping[str, Text] = {
        "patterns": Text(ja="型を書いた TOML ファイル（必須）", en="the TOML file with the patterns (needed)"),
        "zone": Text(ja="時間帯のない時刻の時間帯（例 Asia/Tokyo）", en="the zone of times without one (such as Asia/Tokyo)"),
        "server": Text(ja="装置の名前（複数台あるとき）", en="the device's name (when there are several)"),
    }  # fmt: skip

    def detect(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - a text of any shape
        """Say no: only the operator knows (--kind cgn_text --set patterns=FILE)."""
        return False

    def read(self, source: BinaryIO, tally: Tally, options: Options) -> Iterator[pa.RecordBatch]:
        """Yield batches of statements."""
        patterns, zone = _patterns(str(options.get("patterns") or "")), zone_of(options)
        rejecting, lines, number = Rejecting(tally.reject), WholeLines(source), 1
        scope = f"cgn_text:{options.get('server') or ''}"
        while block := lines.read():
            found, where, states = _matches(block.decode("utf-8", "replace"), number, patterns)
            count = block.count(b"\n")
            number += count
            tally.note("other-lines", count - len(where))
            if not where:
                continue
            rows = Table({role: pa.array([one.get(role) for one in found], pa.string()) for role in _GROUPS.values()},
                         np.array(where), zone)  # fmt: skip
            moment, state = rows.moment(TIME, needed=True), np.array(states)
            times = (np.where(state == BEGINS, moment, 0), np.where(state == ENDS, moment, 0), moment)
            batch = rows.batch(
                str(options.get("source") or self.name), rejecting, state, times, by_begin=False, scope=scope
            )
            tally.good(batch.num_rows)
            yield batch
        if lines.half:
            tally.note("half-line-left-for-next-run")


def _matches(
    text: str, number: int, patterns: _Patterns
) -> tuple[list[dict[str, str]], list[int], list[int]]:
    found, where, states = [], [], []
    for place, line in enumerate(text.split("\n"), number):
        for pattern, state in patterns:
            if match := pattern.search(line):
                said = {name: value for name, value in match.groupdict().items() if value is not None}
                row = {_GROUPS[name]: value for name, value in said.items() if name in _GROUPS}
                if "epoch" in said:
                    row[TIME] = said["epoch"]
                if "size" in said and LAST not in row:
                    sizes = said["size"], said.get("port_begin", "")
                    short = all(_SHORT.fullmatch(one) for one in sizes)
                    row[LAST] = str(sum(map(int, sizes)) - 1) if short else "-1"
                found.append(row)
                where.append(place)
                states.append(state)
                break
    return found, where, states


def _patterns(file: str) -> _Patterns:
    try:
        content = tomllib.loads(Path(file).read_text("utf-8"))
        found = [(re.compile(one["match"]), _EVENTS[one["event"]]) for one in content["pattern"]]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, re.error) as error:
        raise ReadingError(
            Text(ja="CGN の型のファイルを読めない", en="the file of patterns can't be read"), f"{file}: {error}",
            Text(
                ja='[[pattern]] に event = "allocated" か "released"、match = 正規表現 を書く',
                en='write [[pattern]] with event = "allocated" or "released" and match = a regular expression',
            ),
        ) from error  # fmt: skip
    for pattern, _ in found:
        names = set(pattern.groupindex)
        if not (
            {"time", "epoch"} & names and {"outside", "port_begin"} <= names and {"inside", "account"} & names
        ):
            raise ReadingError(
                Text(ja="型に必要な名前がない", en="a pattern lacks groups that are needed"),
                f"{file}: time|epoch, outside, port_begin, inside|account; {', '.join(sorted(names))}",
            )
    return found


READER = CgnText()
