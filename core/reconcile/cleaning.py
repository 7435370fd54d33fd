"""Pure: what people typed, without what shows nothing or turns text around.

Markdown and mentions are kept as they were typed: `shown` makes them harmless in a message.
"""

from __future__ import annotations

import re
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
# What Discord shows as a link stays one; every other sign of its markdown is escaped by itself:
# a pattern for whole links, such as discord.py's, takes two of them and all between for one.
_MARKDOWN = re.compile(
    r"""(?P<url>https?://[^\s<()\[\]]+)|(?P<sign>[\\`*_~|\[\]]|^[ ]*(?:>|\#|-))""",
    re.MULTILINE,
)


def shown(text: str) -> str:
    """What people typed, in a message: it stands there as it is, and does nothing.

    No markdown, no link under another name, no mention, nothing that turns text around.
    """
    kept = "".join(c for c in text if c == "\n" or _shows(c))
    plain = _MARKDOWN.sub(lambda m: m["url"] or _escaped(m["sign"]), kept)
    # A zero-width space defuses what allowed_mentions does not: channels, timestamps.
    return re.sub("@(?=everyone|here)", "@\u200b", plain).replace("<", "<\u200b")


def _escaped(sign: str) -> str:
    """At the start of a line there may be spaces before it."""
    return f"{sign[:-1]}\\{sign[-1]}"


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
