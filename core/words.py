"""Which language people read: English in the code, the others in core/locale/<language>.po.

`t("Joined {group}.", group=name)` is the sentence in the language of whoever reads it now. What
it returns is a plain `str` that also remembers how it was made, so that a text which is stored
(`pack`) can be shown in another language later (`unpack`).
"""

from __future__ import annotations

import gettext
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

SOURCE = "en"
LANGUAGES = {"en": "English", "de": "Deutsch"}  # code: its own name for itself
FOLDER = Path(__file__).parent / "locale"
COMMAND = "command"  # the context under which texts of the command tree are translated
_MARK = "\x02"  # begins a packed text; nobody types it, Discord refuses it in names

_speaking: ContextVar[str] = ContextVar("language", default=SOURCE)


class Said(str):
    """A text in one language that can be said again in another."""

    __slots__ = ("how",)
    how: tuple[str, str | None, int, dict[str, Any]]  # template, plural template, n, values

    def __str__(self) -> Said:
        return self


def language() -> str:
    """The language that is being spoken now: a key of LANGUAGES."""
    return _speaking.get()


def speak(locale: str) -> None:
    """From here on, in this task, speak this language ("de", "en-GB"); unknown ones are English."""
    _speaking.set(nearest(locale))


@contextmanager
def speaking(locale: str) -> Iterator[None]:
    """Speak this language within the block."""
    token = _speaking.set(nearest(locale))
    try:
        yield
    finally:
        _speaking.reset(token)


def nearest(locale: str) -> str:
    """The key of LANGUAGES for a locale as Discord writes it: "de" → "de", "pt-BR" → "en"."""
    short = locale.split("-", maxsplit=1)[0].lower()
    return short if short in LANGUAGES else SOURCE


def t(text: str, /, **values: Any) -> str:
    """`text` in the language spoken now, its {names} filled in. The text must be a literal."""
    return _say(text, None, 0, values)


def tn(one: str, many: str, n: int, /, **values: Any) -> str:
    """Likewise by number, as in "{n} seat" and "{n} seats"; {n} is filled in by itself."""
    return _say(one, many, n, values)


def mark(text: str, /) -> str:
    """A literal that is kept now and said later, with t(); the catalog finds it here."""
    return text


def _say(one: str, many: str | None, n: int, values: dict[str, Any]) -> Said:
    catalog = _catalog(language())
    found = catalog.gettext(one) if many is None else catalog.ngettext(one, many, n)
    filled = {k: again(v) for k, v in values.items()}
    if many is not None:
        filled.setdefault("n", n)
    said = Said(found.format_map(filled))
    said.how = (one, many, n, values)
    return said


def of_command(text: str, locale: str) -> str | None:
    """A description or option name of the command tree; None where it stays as it is written."""
    code = nearest(locale)
    found = _catalog(code).pgettext(COMMAND, text)
    return found if code != SOURCE and found != text else None


def digest() -> str:
    """Changes when any translation does."""
    files = sorted(FOLDER.glob("*.po"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def again(value: Any) -> Any:
    """A text that was said before, in the language spoken now; anything else as it is."""
    return _say(*value.how) if isinstance(value, Said) else value


def pack(text: str) -> str:
    """A text to store, such that `unpack` can say it in any language."""
    return _MARK + json.dumps(_fold(text)) if isinstance(text, Said) else text


def unpack(stored: str) -> str:
    """What `pack` stored, in the language spoken now. Other texts come back as they are.

    What begins like a packed text and is none (cut off, written by another version) comes back
    without its mark: the reader still gets something.
    """
    if not stored.startswith(_MARK):
        return stored
    try:
        return str(_unfold(json.loads(stored[1:])))
    except (ValueError, KeyError, TypeError, AttributeError):  # no JSON, or of another shape
        return stored[1:]


def _fold(value: Any) -> Any:
    if isinstance(value, Said):
        one, many, n, values = value.how
        return {"t": one, "m": many, "n": n, "v": {k: _fold(v) for k, v in values.items()}}
    return value if isinstance(value, int | float) else str(value)


def _unfold(value: Any) -> Any:
    if isinstance(value, dict):
        values = {k: _unfold(v) for k, v in value["v"].items()}
        return _say(value["t"], value["m"], value["n"], values)
    return value


def day(value: date) -> str:
    """A calendar day as the language writes it: "Mon 5 January 2026", "Mo. 5. Januar 2026"."""
    form = {"de": "EEE d. MMMM y"}.get(language(), "EEE d MMMM y")
    return str(format_date(value, form, locale=language()))


def near_day(value: date) -> str:
    """A day of about now, without its year: "Wed 4 March", "Mi. 4. März"."""
    form = {"de": "EEE d. MMMM"}.get(language(), "EEE d MMMM")
    return str(format_date(value, form, locale=language()))


@cache
def _catalog(code: str) -> gettext.NullTranslations:
    if code == SOURCE:
        return gettext.NullTranslations()
    with (FOLDER / f"{code}.po").open("rb") as source:
        catalog = read_po(source, locale=code)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
