r"""Rebuild the font subset that the PDF report carries.

Run it after ``pip install fonttools noto-cjk-sans-jp-regular noto-cjk-sans-jp-bold``:

    python docs/10-assess/subset_font.py src/sekisho/reports/fonts

It keeps the repertoire of cp932 (JIS X 0208 with the NEC and IBM rows, so 髙 and 﨑 too), Latin-1, the
general punctuation and the signs that the report itself draws with, and writes beside the two fonts
``coverage.json``: the code points that can be printed, as ranges. What is not in it is shown as an
escape such as ``\u{1F600}``, because PDF/A forbids a character without a glyph.
"""  # noqa: INP001 - a script beside the page that tells about it

import json
import sys
from importlib import import_module
from pathlib import Path

from fontTools import subset

FACES = {"Regular": "noto_cjk_sans_jp_regular", "Bold": "noto_cjk_sans_jp_bold"}
EXTRA = (
    "髙﨑𠮷塚琢神社祥福靖精益晴隆鶴閒朗葛飾辻祇薩芦蓬鯖→←↑↓↔⇒⇔▶◀▲▼●○◎◇◆□■★☆✓…‥―‐‑–—−×÷±≤≥≠≈∞µΩ℃№㈱㈲㈹"
    "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳㍻㍼㍽㍾㋿©®™°§¶†‡•′″¥€£¢〜～‖｜"
)


def repertoire() -> set[int]:
    """Return the code points to keep."""
    points = set(range(0x20, 0x7F)) | (set(range(0xA0, 0x180)) - {0xAD}) | {ord(sign) for sign in EXTRA}
    points |= set(range(0x2010, 0x2028)) | set(range(0x2030, 0x205F)) | set(range(0x2400, 0x2427))
    for lead in (*range(0x81, 0xA0), *range(0xE0, 0xFD)):
        for trail in range(0x40, 0xFD):
            try:
                points.update(ord(sign) for sign in bytes((lead, trail)).decode("cp932"))
            except UnicodeDecodeError:
                continue
    points.update(ord(bytes((single,)).decode("cp932")) for single in range(0xA1, 0xE0))
    # The private use area of cp932's last rows has no meaning outside one company.
    return points - set(range(0xE000, 0xF900))


def ranges(points: set[int]) -> list[list[int]]:
    """Return sorted code points as inclusive ``[first, last]`` pairs."""
    pairs: list[list[int]] = []
    for point in sorted(points):
        if pairs and point == pairs[-1][1] + 1:
            pairs[-1][1] = point
        else:
            pairs.append([point, point])
    return pairs


def main(target: Path) -> None:
    """Write the two subset fonts and the coverage list into ``target``."""
    covered: set[int] | None = None
    for face, module in FACES.items():
        options = subset.Options(
            layout_features=["kern", "liga", "ccmp", "locl", "palt", "pwid", "hwid", "fwid"],
            hinting=False,
            notdef_outline=True,
            name_IDs=["*"],
            drop_tables=[*subset.Options().drop_tables, "VORG", "vhea", "vmtx", "BASE"],
        )
        font = subset.load_font(str(import_module(module).FONT_PATH), options)
        worker = subset.Subsetter(options)
        worker.populate(unicodes=repertoire())
        worker.subset(font)
        path = target / f"NotoSansCJKjp-{face}.subset.otf"
        subset.save_font(font, str(path), options)
        points = set(font.getBestCmap())
        covered = points if covered is None else covered & points
        print(f"{path}: {path.stat().st_size:,} bytes, {len(points):,} characters")  # noqa: T201
    (target / "coverage.json").write_text(json.dumps(ranges(covered or set()), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
