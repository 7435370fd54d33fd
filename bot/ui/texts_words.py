"""The texts of messages, as people see them in lists. Rendering only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.ui.text import plain, when
from core.config import GuildSettings
from core.notifications.kinds import KINDS
from core.notifications.templates import render
from core.reconcile.answers import name_of
from core.words import day, speaking, t

_SHOWN = 40  # characters of a text in the history
_NAMES = ("Ada", "Ben", "Cleo")  # in examples


def texts_words(templates: Mapping[str, str]) -> str:
    """Which messages have a server's own words, and how they begin."""
    texts = [
        f"{t(KINDS[kind].title)} “{plain(_short(text))}”"
        for kind, text in templates.items()
        if kind in KINDS
    ]
    return ", ".join(texts) or t("none")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def sample(kind: str, settings: GuildSettings, now: datetime) -> str:
    """The message as the server's people would read it, with invented names."""
    at = now.replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    with speaking(settings.language):
        values = {
            "group": t("Group {number}", number=1),
            "cohort": t("Spring"),
            "server": t("Your server"),
            "channel": "#group-1",
            "meeting": name_of(3),
            "when": when(at, "F"),
            "relative": when(at, "R"),
            "old": when(at - timedelta(hours=2), "F"),
            "next": when(at + timedelta(days=7), "F"),
            "person": "**Ada**",
            "members": ", ".join(_NAMES),
            "answers": t(
                "{yes} yes, {maybe} maybe, {no} no, {silent} without an answer",
                yes=5, maybe=1, no=1, silent=1,
            ),
            "silent": "**Ben**",
            "last": t("no data"),
            "day": day(at.date()),
            "times": "19:00, 18:00",
            "list": "• …",
        }  # fmt: skip
        return render(kind, settings, values)
