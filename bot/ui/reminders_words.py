"""When a group is reminded, in words. Rendering only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.ui.text import when
from core.notifications.kinds import KINDS
from core.reconcile.lengths import spoken
from core.reconcile.reminders import OFFSETS
from core.words import t

# The order in which they come.
ORDER = ("nudge", "remind_first", "remind_last")


def offsets_words(value: Any) -> str:
    """Offsets as they are stored, also only some: Reminder just before: 1 hour."""
    if not isinstance(value, Mapping):
        return t("none")
    have = {**OFFSETS, **{k: v for k, v in value.items() if isinstance(v, int)}}
    return ", ".join(
        t("{kind}: {length}", kind=t(KINDS[kind].title), length=spoken(have[kind]))
        for kind in ORDER
    )


def plan(minutes: Mapping[str, int], starts_at: datetime | None, now: datetime) -> list[str]:
    """A line for each, with the moment before the next meeting (UTC) where there is one."""
    lines = []
    for kind in ORDER:
        line = t("{kind}: {length}", kind=t(KINDS[kind].title), length=spoken(minutes[kind]))
        if minutes[kind] and starts_at is not None:
            at = starts_at - timedelta(minutes=minutes[kind])
            if at > now:
                line = t("{line}, next {time}", line=line, time=when(at, "F"))
            else:
                line = t("{line}, from the meeting after the next one on", line=line)
        lines.append(f"▫️ {line}")
    return lines
