"""What is posted is in the server's language, what is sent in the person's, and stored in none."""

from __future__ import annotations

import gettext
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from core import words
from core.clock import utcnow
from core.db.engine import Database
from core.db.models import SyncState, User
from core.operations import (
    cohorts,
    group_views,
    groups,
    membership,
    posts,
    seats,
    settings,
    sync_status,
)
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from core.operations.group_views import GroupView
from core.plan import Gone
from core.systems import telling
from core.words import pack, speaking, t, tn
from tests.world import World, world


class Backwards(gettext.NullTranslations):
    """A language of its own: every sentence with a mark before it."""

    def gettext(self, message: str) -> str:
        return "¡" + message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return "¡" + (msgid1 if n == 1 else msgid2)


@pytest.fixture(autouse=True)
def catalogs(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"en": gettext.NullTranslations(), "de": Backwards()}
    monkeypatch.setattr(words, "_catalog", found.__getitem__)


def moderator(w: World) -> Actor:
    return Actor(w.guild.id, w.mod.id, "mod", moderator=True)


async def german(w: World, *, seats: int = 8) -> list[int]:
    """A German server with a moderators' channel and an open cohort of two; the group ids."""
    await settings.change(moderator(w), language="de", moderator_channel_id=w.room.id)
    tomorrow = utcnow().date() + timedelta(days=1)
    draft = CohortDraft("Stats", tomorrow, groups=2, seats=seats)
    return (await cohorts.create(moderator(w), draft, open_now=True)).group_ids


def said(w: World) -> list[str]:
    return [m.content for m in w.room.history() if "pinned a message" not in m.content]


async def test_new_groups_are_named_in_the_servers_language(database: Database) -> None:
    async with world(database) as w:
        made = await german(w)
        shown = await cohorts.show(
            w.guild.id, (await group_views.show(w.guild.id, made[0])).cohort_id
        )
        assert [name for _, name, *_ in shown.groups] == ["¡Group 1", "¡Group 2"]


async def test_what_gave_up_is_stored_in_no_language(database: Database) -> None:
    """Recorded in the background, told to moderators in theirs, shown to each in their own."""
    async with world(database) as w:
        group, _ = await german(w)
        await membership.add(moderator(w), group, w.members[0].id, "Ada")
        w.env.inject_error("POST", f"/guilds/{w.guild.id}/channels", status=403, code=50013)
        await w.settle()
        async with database.transaction() as session:
            stored = await session.scalar(
                select(SyncState.error_text).where(
                    SyncState.group_id == group, SyncState.system == "discord"
                )
            )
        why = "Muster lacks a permission, or its role is too low"
        assert stored == pack(t(why))
        assert stored != why
        (told,) = said(w)
        assert told.startswith("¡⚠️ **¡Group 1** · Stats: access is not complete.")
        assert f"¡{why}." in told
        (state,) = await sync_status.status(w.guild.id)
        assert state.error == why
        with speaking("de"):
            (state,) = await sync_status.status(w.guild.id)
            assert state.error == f"¡{why}"


async def test_moderators_read_what_was_said_in_another_language(database: Database) -> None:
    async with world(database) as w:
        await german(w)
        assert await telling.tell_moderators(w.guild.id, t("a group"), key="x")
        gone = [Gone("text", 5, "owls"), Gone("voice", 6, "Owls Voice")]
        await telling.tell_gone(w.guild.id, 10**9, gone)
        assert said(w) == [
            "¡a group",
            (
                "¡⚠️ **¡a group**: ¡the text channel “owls”, ¡the voice channel “Owls Voice” was "
                "deleted on Discord. Nothing was made again. To bring it back, press **Repair** "
                "in `/sync status`."
            ),
        ]


async def test_the_audit_log_is_in_the_servers_language(database: Database) -> None:
    async with world(database) as w:
        group, _ = await german(w)
        await membership.add(moderator(w), group, w.members[0].id, "Ada")
        await w.settle()
        guild = w.bot.get_guild(w.guild.id)
        assert guild is not None
        reasons = {str(entry.reason) async for entry in guild.audit_logs()}
        assert "¡Muster: ¡Group 1 (Stats), by itself" in reasons


async def test_the_posted_list_is_in_the_servers_language(database: Database) -> None:
    async with world(database) as w:
        await german(w)

        def draw(shown: Sequence[GroupView]) -> tuple[str, Any]:
            return tn("{n} group", "{n} groups", len(shown)), None

        await posts.publish(moderator(w), w.room.id, draw)
        assert said(w) == ["¡2 groups"]
        await settings.change(moderator(w), language="en")
        with speaking("de"):  # of whoever happens to have changed something
            await posts.refresh(w.guild.id, draw)
        assert said(w) == ["2 groups"]


@pytest.mark.parametrize(("own", "expected"), [(None, "¡"), ("de", "¡"), ("en", "")])
async def test_a_message_is_in_the_persons_language(
    database: Database, own: str | None, expected: str
) -> None:
    """Else in the server's; and what has to be posted instead is in the server's anyway."""
    async with world(database) as w:
        group, _ = await german(w, seats=1)
        first, ada, ben = w.members[:3]
        await membership.add(moderator(w), group, first.id, "first")
        for person in (ada, ben):
            await seats.watch(Actor(w.guild.id, person.id, person.name), group)
        async with database.transaction() as session:
            (await session.get_one(User, ada.id)).language = own
            (await session.get_one(User, ben.id)).language = own
            (await session.get_one(User, ben.id)).dm_enabled = False
        await posts.publish(moderator(w), w.room.id, lambda _: ("the list", None))
        await membership.remove(moderator(w), group, first.id)
        await groups.edit(moderator(w), group, seats=2)

        def sentence(label: str, server: str) -> str:
            return t("free in {label} on {server}", label=label, server=server)

        assert await seats.tell_watchers(w.guild.id, group, sentence) == 2
        plain = "free in ¡Group 1 · Stats on Study Hall"
        assert [m.content for m in ada.user.dm_channel.history()] == [expected + plain]
        assert f"<@{ben.id}> ¡{plain}" in said(w)
