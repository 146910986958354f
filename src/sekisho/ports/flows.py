"""The sockets of the watch: readers, the record store, detectors. Arrow batches of `model.tables` are the currency.

A module of its own, so that assessing a terminal never loads Arrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Protocol

import msgspec
import pyarrow as pa

from sekisho.language import Text
from sekisho.model.detection import Coverage, Detection, Window
from sekisho.model.purpose import Label, Purpose, Receipt
from sekisho.model.query import Query
from sekisho.model.verdict import Scalar

__all__ = ["Damage", "Detector", "Finds", "Options", "Query", "Reader", "RecordStore", "Tables", "Tally"]

Options = Mapping[str, Scalar]


class Tally(Protocol):
    """Counts what happens to the input on its way, so that nobody has to ask where a flow went."""

    def good(self, rows: int) -> None:
        """Rows that came out of a reader."""
        ...

    def reject(self, reason: str, where: str = "", count: int = 1) -> None:
        """Something left out: a stable reason id, where it stood (line, offset, exporter), how often."""
        ...

    def note(self, name: str, count: int = 1) -> None:
        """Something worth counting that lost nothing: a template learnt, a sequence gap of ``count`` records."""
        ...


class Reader(Protocol):
    """Turns one kind of input into FLOW batches, streaming and in bounded memory.

    The module docstring has Question, How, Evidence, Limits, Source. Instances hold no state: one serves many files.
    ``options`` documents each option of `read` by name.
    """

    name: str
    title: Text
    options: Mapping[str, Text]

    def detect(self, head: bytes, name: str) -> bool:
        """Say whether a file called ``name`` that begins with ``head`` (up to 64 kB, unpacked) is of this kind."""
        ...

    def read(self, source: BinaryIO, tally: Tally, options: Options) -> Iterator[pa.RecordBatch]:
        """Yield FLOW batches (at most about a million rows each, raw addresses: nothing here touches a disk).

        Bad input is counted with ``tally`` and skipped; what was good before and after it comes out.

        :raises ReadingError: when nothing of the file can be read at all, or an option is wrong
        """
        ...


class Damage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stored file that is no longer what was written: none of what is damaged in it is read as data.

    ``window`` holds the rows that are lost; None when not even that can be told.
    """

    file: str
    window: Window | None = None

    def meets(self, window: Window) -> bool:
        """Say whether rows of ``window`` may be lost."""
        return self.window is None or (self.window.begin < window.end and window.begin < self.window.end)


class Tables(Protocol):
    """What a detector may ask: already bound to a window, a purpose and an engine."""

    window: Window

    def ask(self, query: Query) -> pa.Table:
        """Return the answer; rows in no particular order unless ``merge`` orders them."""
        ...

    def damaged(self) -> tuple[Damage, ...]:
        """Return the files of the window that are damaged: answers are without their rows."""
        ...


class Once(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What makes an append happen exactly once: a stream of input, and a place in it that only grows.

    A file is a stream by itself (its digest, place 0); a spool is one whose places are its ordinals.
    """

    stream: str
    position: int = 0


class RecordStore(Protocol):
    """Keeps WATCHED rows as columns, partitioned by time and sharded by line.

    The contract suite in ``tests/contract`` fixes what every engine must do.
    """

    def append(
        self, dataset: str, batches: Iterator[pa.RecordBatch], label: Label, once: Once | None = None
    ) -> int:
        """Add WATCHED batches under ``label``; return the rows kept. On the disk when this returns.

        With ``once`` all rows of the call appear together or none does, whatever ends the process, and the stream's
        position is kept with them. A position that is not beyond the one kept (see `kept`) appends nothing, doesn't
        touch ``batches``, and returns 0.

        :raises StoreError: the disk is full or refuses; earlier rows stay good (of this call: none with ``once``)
        """
        ...

    def kept(self, dataset: str, stream: str) -> int | None:
        """Return the newest position of ``stream`` whose rows were kept; None when none was.

        It is remembered at least as long as the label of its rows lasts.
        """
        ...

    def tables(self, dataset: str, window: Window, purpose: Purpose) -> Tables:
        """Return the window of a dataset for a stated purpose.

        :raises PurposeError: when the label of any row in it doesn't allow that purpose; the refusal is logged
        """
        ...

    def compact(self, dataset: str) -> Mapping[str, int]:
        """Turn journals and small files into large sorted ones; return what was done in counts."""
        ...

    def expire(self, now: int) -> tuple[Receipt, ...]:
        """Delete what is past its expiry; return a receipt for each deletion (also kept)."""
        ...

    def state(self) -> Mapping[str, Any]:
        """Say what is held: rows, octets, files, damaged files, oldest, newest, label by dataset."""
        ...


class Finds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a detector found and what it was able to look at."""

    detections: tuple[Detection, ...]
    coverage: Coverage


class Detector(Protocol):
    """One method. Pure: time, tables and parameters come in, detections go out.

    ``reasons`` holds the sentence of each reason id (detections' and coverage notes'). ``parameters`` documents every
    parameter; its value comes from the catalogue ``detection.toml`` or from the operator: never a hidden constant.
    A method that counts over time sets the attribute ``counts_over_time`` to True: it is then also shown the windows
    that lie across the others' edges.
    """

    name: str
    version: str
    title: Text
    purpose: Purpose
    reasons: Mapping[str, Text]
    parameters: Mapping[str, Text]

    def detect(self, tables: Tables, window: Window, parameters: Options) -> Finds:
        """Look at ``window`` and return what was found."""
        ...
