"""Which octets are a picture that browsers show as nothing but a picture: PNG, JPEG, GIF, WebP. SVG is none (scripts)."""

from __future__ import annotations

LARGEST = 24 * 1024 * 1024
_HEADS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def picture(content: bytes) -> str:
    """Return the media type of a picture; empty for anything else, and for one that is too large to be shown."""
    if len(content) > LARGEST:
        return ""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((media for head, media in _HEADS if content.startswith(head)), "")
