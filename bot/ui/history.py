"""What /history shows: one plain sentence for every action, all in one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import discord

from bot import checks
from bot.ui.answer import acknowledge, show
from bot.ui.base import Handler, View
from bot.ui.text import count, lines, plain, when
from core.operations import history
from core.operations.history import Entry

PAGE = 10  # entries of the history per page
Who = Callable[[int | None], str]
_NAMES = {
    "name": "name",
    "seats": "seats",
    "start_date": "start date",
    "meetings": "meetings",
    "access_mode": "way of access",
    "rooms": "rooms",
    "moderator_role_id": "moderator role",
    "moderator_channel_id": "moderators' channel",
    "zone": "time zone",
    "language": "language",
    "by_hand": "what was changed by hand",
    "facilitators_moderate": "facilitators' extra rights",
    "keep_nicknames": "keep nicknames",
}
_VALUES = {
    ("by_hand", "report"): "only reported",
    ("by_hand", "repair"): "put back",
    ("access_mode", "overwrites"): "channel permissions",
    ("access_mode", "role"): "a role",
    ("rooms", "both"): "text and voice",
}


def _value(key: str, value: Any) -> str:
    if value is None:
        return {"moderator_role_id": "Manage Server decides"}.get(key, "none")
    if isinstance(value, bool):
        return "on" if value else "off"
    if key == "moderator_role_id":
        return f"<@&{int(value)}>"
    if key in {"moderator_channel_id", "channel_id"}:
        return f"<#{int(value)}>"
    return _VALUES.get((key, str(value)), plain(str(value)))


def _changes(e: Entry) -> str:
    return ", ".join(
        f"{_NAMES.get(key, key)} from {_value(key, e.before.get(key))} to {_value(key, new)}"
        for key, new in e.after.items()
        if e.before.get(key) != new
    )


def _group(e: Entry) -> str:
    name = plain(e.group or str(e.after.get("name", "a group")))
    return f"{name} ({plain(e.cohort)})" if e.cohort else name


def _cohort(e: Entry) -> str:
    return f"the cohort {plain(e.cohort or str(e.after.get('name', '')))}"


def _from_to(e: Entry) -> str:
    old, new = plain(str(e.before.get("group"))), plain(str(e.after.get("group")))
    return f"from {old} to {new}" + (f" ({plain(e.cohort)})" if e.cohort else "")


def _people(e: Entry) -> int:
    people = e.after.get("people", e.before.get("people", 0))
    return len(people) if isinstance(people, list) else int(people)


def _moved(e: Entry, who: Who) -> str:
    if e.before.get("group_id") == e.after.get("group_id"):
        return f"{who(e.actor_id)} changed what {who(e.user_id)} is in {_group(e)}"
    return f"{who(e.actor_id)} moved {who(e.user_id)} {_from_to(e)}"


def _switched(e: Entry, who: Who) -> str:
    if e.before.get("group_id") == e.after.get("group_id"):
        return f"{who(e.user_id)} changed what they are in {_group(e)}"
    return f"{who(e.user_id)} switched {_from_to(e)}"


def _removed(e: Entry, who: Who) -> str:
    reason = str(e.after.get("reason") or "removed")
    because = "" if reason == "removed" else f": {plain(reason)}"
    return f"{who(e.actor_id)} took {who(e.user_id)} out of {_group(e)}{because}"


def _repaired(e: Entry, who: Who) -> str:
    kinds = {"text": "text channel", "voice": "voice channel"}
    what = " and ".join(f"the {kinds.get(k, str(k))}" for k in e.after.get("kinds", []))
    return f"{who(e.actor_id)} had {what} of {_group(e)} created again"


def _cohort_created(e: Entry, who: Who) -> str:
    made = count(int(e.after.get("groups", 0)), "group")
    kept = "" if e.after.get("open") else ", as a draft"
    return f"{who(e.actor_id)} created {_cohort(e)} with {made}{kept}"


# Every action that core.operations writes; a test reads its source and misses none.
SENTENCES: dict[str, Callable[[Entry, Who], str]] = {
    "joined": lambda e, who: f"{who(e.user_id)} joined {_group(e)}",
    "switched": _switched,
    "left": lambda e, who: f"{who(e.user_id)} left {_group(e)}",
    "member_added": lambda e, who: f"{who(e.actor_id)} put {who(e.user_id)} into {_group(e)}",
    "member_moved": _moved,
    "member_removed": _removed,
    "group_created": lambda e, who: f"{who(e.actor_id)} created {_group(e)}",
    "group_edited": lambda e, who: f"{who(e.actor_id)} changed {_group(e)}: {_changes(e)}",
    "group_opened": lambda e, who: f"{who(e.actor_id)} opened {_group(e)}",
    "group_archived": lambda e, who: (
        f"{who(e.actor_id)} archived {_group(e)} with {count(_people(e), 'person', 'people')}"
    ),
    "group_repaired": _repaired,
    "group_merged": lambda e, who: (
        f"{who(e.actor_id)} merged {_group(e)} into {plain(str(e.after.get('group')))}: "
        f"{count(_people(e), 'person', 'people')} moved"
    ),
    "cohort_created": _cohort_created,
    "cohort_edited": lambda e, who: f"{who(e.actor_id)} changed {_cohort(e)}: {_changes(e)}",
    "cohort_opened": lambda e, who: f"{who(e.actor_id)} opened {_cohort(e)}",
    "cohort_closed": lambda e, who: f"{who(e.actor_id)} closed {_cohort(e)}",
    "cohort_cancelled": lambda e, who: f"{who(e.actor_id)} cancelled {_cohort(e)}",
    "groups_posted": lambda e, who: (
        f"{who(e.actor_id)} posted the list of groups in "
        f"{_value('channel_id', e.after.get('channel_id'))}"
    ),
    "sync_applied": lambda e, who: (
        f"{who(e.actor_id)} applied a sync to {count(int(e.after.get('groups', 0)), 'group')}"
    ),
    "settings_changed": lambda e, who: f"{who(e.actor_id)} changed the settings: {_changes(e)}",
}


def sentence(entry: Entry, who: Who) -> str:
    """One change as a plain sentence with its time."""
    tell = SENTENCES.get(entry.action)
    words = tell(entry, who) if tell else f"{who(entry.actor_id)}: {entry.action.replace('_', ' ')}"
    return f"{words} · {when(entry.at, 'R')}"


def names_in(guild: discord.Guild) -> Who:
    """From a Discord id to what this guild calls the person; who left is mentioned, not pinged."""

    def who(user_id: int | None) -> str:
        if user_id is None:
            return "Muster"
        member = guild.get_member(user_id)
        return plain(member.display_name) if member else f"<@{user_id}>"

    return who


class HistoryView(View):
    """[Older] [Newer]. `starts` are the entries before which each page so far began."""

    def __init__(
        self, *, user_id: int | None, group_id: int | None, starts: tuple[int | None, ...] = (None,)
    ) -> None:
        super().__init__()
        self._user_id, self._group_id, self._starts = user_id, group_id, starts

    async def show(self, interaction: discord.Interaction) -> None:
        """Read this page with the asker's rights of now, and show it."""
        actor = await checks.moderator(interaction)
        await acknowledge(interaction)
        found = await history.page(
            actor.guild_id, before_id=self._starts[-1], group_id=self._group_id,
            user_id=self._user_id, limit=PAGE + 1,
        )  # fmt: skip
        guild = interaction.guild
        assert guild is not None
        who = names_in(guild)
        if len(found) > PAGE:
            self.add_button("Older", self._go((*self._starts, found[PAGE - 1].id)))
        if len(self._starts) > 1:
            self.add_button("Newer", self._go(self._starts[:-1]))
        told = [f"- {sentence(e, who)}" for e in found[:PAGE]]
        text = lines(told) if told else "Nothing was changed yet."
        await show(interaction, text, self if self.children else None)

    def _go(self, starts: tuple[int | None, ...]) -> Handler:
        async def pressed(interaction: discord.Interaction) -> None:
            self.stop()
            turned = HistoryView(user_id=self._user_id, group_id=self._group_id, starts=starts)
            await turned.show(interaction)

        return pressed
