"""When a cohort's groups meet, for its card. Rendering only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from bot.ui import meeting_words
from bot.ui.text import when
from core.operations.cohorts import CohortSummary
from core.operations.meeting_views import Slots
from core.reconcile.trace import LIVE
from core.words import t


def _live(cohort: CohortSummary) -> list[int]:
    return [g[0] for g in cohort.groups if g[2] in LIVE]


def _same_rule(cohort: CohortSummary, times: Mapping[int, Slots]) -> bool:
    rules = [times[i].rule for i in _live(cohort)]
    return bool(rules) and all(rule == rules[0] for rule in rules)


def all_times(cohort: CohortSummary, times: Mapping[int, Slots]) -> list[str]:
    """When all its live groups meet, if that is the same for all; and the weeks without."""
    parts = []
    if _same_rule(cohort, times):
        rule = times[_live(cohort)[0]].rule
        parts.append(
            t("All groups: {time}", time=meeting_words.rule(rule))
            if rule is not None
            else t("Meetings: no time yet")
        )
    if cohort.breaks:
        parts.append(meeting_words.weeks_off([date.fromisoformat(day) for day in cohort.breaks]))
    return parts


def own_time(cohort: CohortSummary, times: Mapping[int, Slots], group_id: int) -> list[str]:
    """A group's own time where they differ, and its next meeting."""
    found = times[group_id]
    own = not _same_rule(cohort, times) and found.rule is not None and group_id in _live(cohort)
    parts = [meeting_words.rule(found.rule)] if own and found.rule is not None else []
    if found.next is not None:
        parts.append(t("next {time}", time=when(found.next.starts_at, "f")))
    return parts
