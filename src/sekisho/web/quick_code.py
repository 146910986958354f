"""A QR code of an address as a drawing: what leads a phone to the page that a screen shows."""

from __future__ import annotations

from markupsafe import Markup

_BORDER = 4  # modules of quiet around it (ISO/IEC 18004)


def drawing(address: str, title: str) -> Markup:
    """Return an SVG; black on white in every theme, because cameras look for dark on light."""
    import segno

    rows = list(segno.make(address, error="m", micro=False).matrix_iter(border=_BORDER))
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return Markup(
        '<svg class="quick-code" role="img" viewBox="0 0 {n} {n}" shape-rendering="crispEdges"><title>{title}</title>'
        '<rect width="{n}" height="{n}" fill="#fff"/><path d="{path}" fill="#000"/></svg>'
    ).format(n=len(rows), title=title, path=path)
