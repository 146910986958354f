"""CRC-32 (that of ISO-HDLC, as zlib has it) of stored rows: by zlib-ng where the extra ``fast`` brought it, else by zlib.

Both give the same number, so files move freely between installations. It shows what a disk altered, not what somebody
altered on purpose.
"""

from __future__ import annotations

try:
    from zlib_ng.zlib_ng import crc32
except ImportError:
    from zlib import crc32

__all__ = ["crc32"]
