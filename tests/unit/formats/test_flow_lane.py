"""The memory that rows lie in: used again when nobody holds it, never before."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from sekisho.formats.flow_lane import Room

KINDS = (("port", np.uint16), ("address", np.uint32))


def place(columns: dict[str, np.ndarray]) -> int:
    return int(columns["port"].ctypes.data)


def test_columns_lie_apart_in_one_piece_of_memory() -> None:
    columns = Room().columns(KINDS, 1001)
    columns["port"][:], columns["address"][:] = 7, 1 << 31
    assert [len(column) for column in columns.values()] == [1001, 1001]
    assert (columns["port"] == 7).all()
    assert (columns["address"] == 1 << 31).all()


def test_memory_is_used_again_once_nobody_holds_rows_in_it() -> None:
    room = Room()
    columns = room.columns(KINDS, 1000)
    first = place(columns)
    del columns
    assert place(room.columns(KINDS, 900)) == first


def test_rows_that_somebody_holds_stay() -> None:
    room = Room(most=2)
    held = []
    for number in range(5):
        columns = room.columns(KINDS, 100)
        columns["port"][:] = number
        # As the journal's batches hold them: an array of Arrow's, or a part of one.
        held.append(pa.array(columns["port"]).slice(3, 50))
        del columns
    assert [set(one.to_pylist()) for one in held] == [{number} for number in range(5)]
    del held[0]
    columns = room.columns(KINDS, 100)
    columns["port"][:] = 99
    assert [set(one.to_pylist()) for one in held] == [{number} for number in range(1, 5)]


def test_more_rows_than_there_was_room_for_get_more() -> None:
    room = Room(most=1)
    for rows in (10, 100_000, 50, 1 << 20, 1):
        columns = room.columns(KINDS, rows)
        assert len(columns["address"]) == rows
        columns["address"][:] = rows
        assert int(columns["address"][-1]) == rows
