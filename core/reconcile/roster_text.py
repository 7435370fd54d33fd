"""The text of an uploaded file, whatever program wrote it."""

from __future__ import annotations

import codecs
import re

from core.errors import Refusal
from core.words import t

MAX_BYTES = 4_000_000  # 10,000 lines (roster_list.MAX_LINES) of 200 characters, as UTF-16

_MARKS = (
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Excel (zip and the old kind), PDF, pictures, gzip: what people upload instead of a CSV.
_OTHER_FILES = (
    b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF-", b"\x89PNG", b"GIF89a", b"\xff\xd8\xff",
    b"\x1f\x8b",
)  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def decode(data: bytes) -> str:
    """The text of a file: UTF-8, UTF-16 or UTF-32 by mark, else UTF-8, else Windows-1252.

    Raises Refusal(too_large, no_text).
    """
    if len(data) > MAX_BYTES:
        raise too_large()
    codec = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if codec is None and data.startswith(_OTHER_FILES):
        raise _no_text()
    for name in [codec] if codec else [*_without_mark(data), "utf-8", "cp1252"]:
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if not _CONTROL.search(text):
            return text
    raise _no_text()


def too_large() -> Refusal:
    """For files that are refused before they are read."""
    return Refusal(
        "too_large",
        t("The file is larger than {n} MB. Keep the column with the names and leave out the rest.",
          n=MAX_BYTES // 1_000_000),
    )  # fmt: skip


def _no_text() -> Refusal:
    return Refusal(
        "no_text",
        t("This file cannot be read as a text. In your spreadsheet choose Save as, CSV (UTF-8), "
          "and upload that file; or paste the lines."),
    )  # fmt: skip


def _without_mark(data: bytes) -> list[str]:
    """UTF-16 shows by its zeros: every second byte of Latin letters is one."""
    head = data[:4000]
    if b"\0" not in head:
        return []
    return ["utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"]
