"""A disk that fills up: files can't grow beyond some octets, so that a write takes a part first, as on a real one."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def full_at(octets: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``octets`` (Python ignores the signal, so writes fail with EFBIG)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
