"""Times that don't say their zone: whose clock it was has to be told, and is never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sekisho.errors import ReadingError
from sekisho.formats.text_columns import times
from sekisho.language import Text
from sekisho.model.verdict import Scalar

#: What the option ``zone`` of a reader of flows says of itself.
ZONE_WORD = Text(
    ja="時間帯のない時刻の時間帯（例 Asia/Tokyo）。そうした時刻があるのに指定がなければ、ファイルごと取り込まない",
    en="the zone of times without one (such as Asia/Tokyo); a file with such times is refused without it",
)


def zone_of(options: Mapping[str, Scalar]) -> str:
    """Return the option ``zone``, checked. :raises ReadingError: there is no such zone."""
    name = str(options.get("zone") or "")
    if name:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ReadingError(
                Text(ja="その時間帯はない", en="there is no such time zone"), name,
                Text(ja="例：Asia/Tokyo、UTC", en="such as Asia/Tokyo, UTC"),
            ) from None  # fmt: skip
    return name


def moments(
    texts: pa.Array, zone: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return milliseconds, which are good, and which lack a zone that nobody named (or are twice, or never, there)."""
    values, good = times(texts)
    unknown = np.zeros(len(texts), bool)
    if pa.types.is_floating(texts.type):  # seconds of the epoch
        return values, good, unknown
    local = pc.and_(
        pc.match_substring(texts, ":"),
        pc.invert(pc.match_substring_regex(texts, r"(Z|[+-][0-9]{2}:?[0-9]{2})\s*$")),
    )
    which = np.flatnonzero(pc.fill_null(local, False).to_numpy(zero_copy_only=False) & good)
    if len(which) and zone:
        values[which], unknown[which] = placed(values[which], zone)
    else:
        unknown[which] = True
    return values, good, unknown


def placed(values: npt.NDArray[np.int64], zone: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return milliseconds of a clock of ``zone`` as those of the epoch, and which are twice, or never, there."""
    naive = pa.array(values).cast(pa.timestamp("ms"))
    both = [
        pc.assume_timezone(naive, zone, ambiguous=side, nonexistent=side).cast(pa.int64()).to_numpy()
        for side in ("earliest", "latest")
    ]
    return both[0], both[0] != both[1]


def untold(where: str) -> ReadingError:
    """Return the refusal of a file with times of which nobody said the zone; ``where`` shows one of them."""
    return ReadingError(
        Text(ja="時刻に時間帯がなく、何時のことか決められない", en="its times have no zone: when it was can't be told"),
        where,
        Text(
            ja="書いた機械の時間帯を指定する（例 sekisho ingest --zone Asia/Tokyo。UTC なら --zone UTC）",
            en="name the zone of the machine that wrote it (such as sekisho ingest --zone Asia/Tokyo; UTC: --zone UTC)",
        ),
    )  # fmt: skip
