"""Pure: what people typed, without what shows nothing or turns text around.

Markdown and mentions stay as they were typed: they are made harmless where a text is shown.
"""

from __future__ import annotations

import unicodedata

# Invisible characters that turn text around; the rest of "Cf" keeps emoji together.
_HOSTILE = frozenset(
    map(chr, (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF))
)
# Hidden between letters; and letters and symbols that show nothing (Hangul fillers, the blank
# Braille cell). In a name they only make two look the same.
_HIDDEN = frozenset("\u200b\u2060\u00ad\u115f\u1160\u2800\u3164\uffa0")
# Control characters, halves of surrogate pairs, private use, not assigned.
_NO_TEXT = frozenset({"Cc", "Cs", "Co", "Cn"})


def lines(text: str) -> str:
    """A text of several lines, without control or direction characters."""
    normal = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in normal if c == "\n" or _shows(c)).strip()


def one_line(text: str) -> str:
    """A name: one line with single spaces, also without hidden and blank characters."""
    spaced = "".join(" " if c.isspace() else c for c in unicodedata.normalize("NFC", text))
    return " ".join("".join(c for c in spaced if _shows(c) and c not in _HIDDEN).split())


def says_something(text: str) -> bool:
    """Whether there is a letter, a digit, a sign or a symbol in it."""
    return any(unicodedata.category(c)[0] in "LNSP" for c in text)


def _shows(c: str) -> bool:
    return c not in _HOSTILE and unicodedata.category(c) not in _NO_TEXT
