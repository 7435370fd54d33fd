"""Attendance as a picture: members down, meetings across, to be read on a phone in either theme.

Everything is told by shape as well as by colour, on a background of its own. The names that the
font lacks letters for are told by the row's number, which the text beside the picture has too.
"""

from __future__ import annotations

import functools
import io
import unicodedata
from collections.abc import Sequence
from importlib.resources import files

from PIL import Image, ImageDraw, ImageFont

from bot.ui.attendance_grid import Grid, Head, Row

# Discord shows a picture about 380 points wide on a phone: letters of 30 pixels become 11 points.
WIDTH = 1000
_NAME, _TOTAL = 270, 96  # columns of names and of sums; the rest is the meetings'
_ROW, _HEAD, _TITLE, _LEGEND, _PAD = 54, 112, 74, 60, 16
_MIN_COLUMNS = 6  # few meetings do not become wide ones
_LACKS = "\ufffd"  # the font has this sign for a letter that it has not
_NOWHERE = "\ue000"  # a letter that no font has: what is drawn for those that are missing
_BACK, _STRIPE, _TEXT, _MUTED = "#1e1f22", "#2b2d31", "#f2f3f5", "#b5bac1"
_GREEN, _RED, _BLUE, _GREY = "#2ea56a", "#f0616d", "#7cb3ff", "#80848e"

Font = ImageFont.FreeTypeFont


@functools.cache
def _font(size: int) -> Font:
    path = files("fontpkg_noto_sans") / "files" / "NotoSans[wdth,wght].ttf"
    # Basic layout: no other library, and no surprises from directions in names.
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


@functools.lru_cache(maxsize=4096)
def _has(letter: str) -> bool:
    """Whether the font can draw it: what it cannot looks like what no font can."""

    def shape(text: str) -> tuple[tuple[int, int], bytes]:
        mask = _font(30).getmask(text)
        return mask.size, bytes(mask)

    return shape(letter) != shape(_NOWHERE)


def drawable(name: str) -> str:
    """A name with one sign for every run of letters that cannot be drawn, nothing invisible."""
    kept: list[str] = []
    for letter in unicodedata.normalize("NFC", name):
        kind = unicodedata.category(letter)
        if kind[0] in "CM":  # control signs, joiners and marks without a letter of their own
            continue
        if kind[0] == "Z" or _has(letter):
            kept.append(" " if kind[0] == "Z" else letter)
        elif kept[-1:] != [_LACKS]:
            kept.append(_LACKS)
    return "".join(kept).strip() or _LACKS


def _cut(text: str, font: Font, room: float) -> str:
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(text + "…") > room:
        text = text[:-1]
    return text.rstrip() + "…"


def draw(grid: Grid) -> bytes:
    """A PNG, 1,000 pixels wide. Takes tens of milliseconds: call it in a thread."""
    height = _PAD * 2 + _TITLE + _HEAD + _ROW * len(grid.rows) + _LEGEND
    image = Image.new("RGB", (WIDTH, height), _BACK)
    pen = ImageDraw.Draw(image)
    title = _font(36)
    pen.text(
        (_PAD * 2, _PAD + _TITLE / 2), _cut(drawable(grid.title), title, WIDTH - 4 * _PAD),
        font=title, fill=_TEXT, anchor="lm",
    )  # fmt: skip
    step = (WIDTH - _NAME - _TOTAL) / max(len(grid.heads), _MIN_COLUMNS)
    centers = [_NAME + step * (i + 0.5) for i in range(len(grid.heads))]
    _heads(pen, grid.heads, centers)
    top = _PAD + _TITLE + _HEAD
    for index, row in enumerate(grid.rows):
        _row(pen, row, centers, top + index * _ROW, striped=index % 2 == 0)
    _legend(pen, grid.legend, top + len(grid.rows) * _ROW + _LEGEND / 2 + _PAD / 2)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _heads(pen: ImageDraw.ImageDraw, heads: Sequence[Head], centers: Sequence[float]) -> None:
    top = _PAD + _TITLE
    for head, x in zip(heads, centers, strict=True):
        pen.text((x, top + 20), drawable(head.number), font=_font(30), fill=_TEXT, anchor="mm")
        pen.text((x, top + 56), drawable(head.day), font=_font(24), fill=_MUTED, anchor="mm")
        month = _cut(drawable(head.month), _font(20), 52)
        pen.text((x, top + 84), month, font=_font(20), fill=_MUTED, anchor="mm")


def _row(
    pen: ImageDraw.ImageDraw, row: Row, centers: Sequence[float], top: float, *, striped: bool
) -> None:
    if striped:
        pen.rectangle((_PAD, top, WIDTH - _PAD, top + _ROW - 1), fill=_STRIPE)
    middle = top + _ROW / 2
    pen.text((_PAD + 40, middle), str(row.number), font=_font(22), fill=_MUTED, anchor="rm")
    name = _cut(drawable(row.name), _font(28), _NAME - _PAD - 62)
    pen.text((_PAD + 52, middle), name, font=_font(28), fill=_TEXT, anchor="lm")
    for cell, x in zip(row.cells, centers, strict=True):
        if cell is not None:
            _mark(pen, cell, x, middle)
    pen.text(
        (WIDTH - _PAD - 8, middle), row.total, font=_font(26), fill=_TEXT, anchor="rm"
    )  # fmt: skip


def _mark(pen: ImageDraw.ImageDraw, verdict: str, x: float, y: float) -> None:
    """A filled circle with a tick, a cross, a ring with a bar, or a dot."""
    r = 17
    if verdict == "attended":
        pen.ellipse((x - r, y - r, x + r, y + r), fill=_GREEN)
        tick = ((x - 8, y + 1), (x - 2, y + 7), (x + 9, y - 6))
        pen.line(tick, fill="#ffffff", width=4, joint="curve")
    elif verdict == "absent":
        pen.line((x - 11, y - 11, x + 11, y + 11), fill=_RED, width=6)
        pen.line((x - 11, y + 11, x + 11, y - 11), fill=_RED, width=6)
    elif verdict == "excused":
        pen.ellipse((x - r + 2, y - r + 2, x + r - 2, y + r - 2), outline=_BLUE, width=4)
        pen.line((x - 7, y, x + 7, y), fill=_BLUE, width=4)
    else:
        pen.ellipse((x - 5, y - 5, x + 5, y + 5), fill=_GREY)


def _legend(pen: ImageDraw.ImageDraw, legend: Sequence[tuple[str, str]], y: float) -> None:
    room = (WIDTH - 2 * _PAD) / max(1, len(legend))
    for index, (verdict, word) in enumerate(legend):
        x = _PAD + index * room + 24
        _mark(pen, verdict, x, y)
        said = _cut(drawable(word), _font(26), room - 62)
        pen.text((x + 28, y), said, font=_font(26), fill=_MUTED, anchor="lm")
