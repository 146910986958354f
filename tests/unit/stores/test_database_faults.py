"""What a database says when it refuses: nothing that nobody has looked at."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from sekisho.errors import StoreError
from sekisho.stores.database import SqlCases, open_sqlite


@pytest.mark.parametrize("begin", [0, 4096])
def test_a_file_that_was_overwritten_is_called_damaged_and_nothing_of_it_safe(
    tmp_path: Path, begin: int
) -> None:
    file = tmp_path / "cases.db"
    open_sqlite(file).close()
    content = file.read_bytes()
    file.write_bytes(content[:begin] + b"rubbish " * ((len(content) - begin) // 8))
    with pytest.raises(StoreError) as caught, closing(open_sqlite(file)) as database:
        SqlCases(database).counts()
    assert "damaged" in caught.value.what.en
    assert "stays good" not in caught.value.what.en
