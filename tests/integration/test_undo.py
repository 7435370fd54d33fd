"""What can be taken back, what no longer can, and that nothing is half done. Rows only."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from core.clock import set_clock
from core.db.engine import Database
from core.db.models import AuditEntry, Expected, Membership, Role
from core.errors import Refusal
from core.operations import (
    cohorts,
    group_views,
    groups,
    history,
    membership,
    merging,
    settings,
    undo,
)
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from core.reconcile.undo_facts import Code, Line

GUILD = 500
MOD = Actor(GUILD, 1, "mod", moderator=True)
NOW = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _february() -> None:
    set_clock(lambda: NOW)


async def season(name: str = "Stats", **more: Any) -> cohorts.CohortSummary:
    draft = CohortDraft(name, date(2026, 3, 1), **more)
    return await cohorts.create(MOD, draft, open_now=True)


async def newest() -> int:
    return (await history.page(GUILD, limit=1))[0].id


async def seats(database: Database) -> dict[int, tuple[int, str, int | None]]:
    """By user id: group, role and seat of who is in a group now."""
    async with database.transaction() as session:
        rows = await session.execute(
            select(Membership.user_id, Membership.group_id, Membership.role, Membership.seat).where(
                Membership.status == "active"
            )
        )
        return {user: (group, role, seat) for user, group, role, seat in rows}


def codes(found: Sequence[Line]) -> list[Code]:
    return [line.code for line in found]


async def refused(entry_id: int, actor: Actor = MOD) -> str:
    with pytest.raises(Refusal) as error:
        await undo.apply(actor, entry_id)
    return error.value.code


async def test_an_entry_stands_until_a_standing_one_takes_it_back(database: Database) -> None:
    made = await season()
    await membership.add(MOD, made.group_ids[0], 7, "ann")
    first = await newest()
    for _ in range(3):  # back, again, back, again …
        done = await undo.apply(MOD, first)
        assert await seats(database) == {}
        assert await refused(first) == "already_undone"
        assert done.entry_id is not None
        redone = await undo.apply(MOD, done.entry_id)
        assert await seats(database) == {7: (made.group_ids[0], "participant", 1)}
        assert await refused(done.entry_id) == "already_undone"
        assert redone.entry_id is not None
        page = {e.id: e for e in await history.page(GUILD, limit=50)}
        assert page[first].stands
        assert not page[done.entry_id].stands
        assert page[redone.entry_id].root == page[first] or page[redone.entry_id].root is not None


async def test_twice_at_once_does_it_once(database: Database) -> None:
    made = await season()
    moved = await membership.add(MOD, made.group_ids[0], 7, "ann")
    assert moved.entry_id is not None
    found = await asyncio.gather(
        *(undo.apply(MOD, moved.entry_id) for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(r, undo.Done) for r in found) == 1
    assert {r.code for r in found if isinstance(r, Refusal)} == {"already_undone"}
    assert await seats(database) == {}


async def test_a_person_who_went_on_is_left_alone(database: Database) -> None:
    made = await season()
    one, two, three = made.group_ids
    await membership.add(MOD, one, 7, "ann")
    moved = await membership.move(MOD, two, 7, "ann")
    await membership.join(Actor(GUILD, 7, "ann"), three)
    assert moved.entry_id is not None
    shown = await undo.preview(MOD, moved.entry_id)
    assert shown.does == ()
    assert shown.cannot == (Line(Code.elsewhere, "Group 3", (7,)),)
    assert await refused(moved.entry_id) == "nothing_left"
    assert (await seats(database))[7][0] == three


async def test_a_merge_comes_apart_but_for_who_went_on(database: Database) -> None:
    made = await season(seats=3)
    one, two, three = made.group_ids
    for user in (11, 12, 13):
        await membership.add(MOD, one, user, f"p{user}")
    await membership.add(MOD, two, 21, "p21")
    await membership.add(MOD, one, 14, "guide", role=Role.facilitator)
    before = await seats(database)
    target, moved = await merging.merge(MOD, one, two)
    assert moved == 4
    assert target.entry_id is not None
    await membership.move(MOD, three, 12, "p12")
    shown = await undo.preview(MOD, target.entry_id)
    assert codes(shown.does) == [Code.group_back, Code.put_back, Code.take_out]
    assert shown.cannot == (Line(Code.elsewhere, "Group 3", (12,)),)
    done = await undo.apply(MOD, target.entry_id, seen=shown.mark)
    assert done.group_ids[0] == two  # who loses people is synced first
    after = await seats(database)
    assert after.pop(12)[0] == three
    before.pop(12)
    assert after == before


async def test_a_name_that_is_taken_by_now(database: Database) -> None:
    made = await season()
    archived = await groups.archive(MOD, made.group_ids[0])
    await groups.create(MOD, made.id, "Group 1")
    assert archived.entry_id is not None
    shown = await undo.preview(MOD, archived.entry_id)
    assert codes(shown.cannot) == [Code.group_name]
    edited = await groups.edit(MOD, made.group_ids[1], name="Owls", seats=5)
    await groups.create(MOD, made.id, "Group 2", 3)
    assert edited.entry_id is not None
    shown = await undo.preview(MOD, edited.entry_id)
    assert codes(shown.cannot) == [Code.group_name]
    assert [(line.code, line.field) for line in shown.does] == [(Code.group_field, "seats")]
    await undo.apply(MOD, edited.entry_id)
    now = await group_views.show(GUILD, made.group_ids[1])
    assert (now.name, now.seats) == ("Owls", 8)


async def test_seats_of_each_group_come_back(database: Database) -> None:
    made = await season()
    await groups.edit(MOD, made.group_ids[1], seats=3)
    edited = await cohorts.edit(MOD, made.id, seats=20, start_date=date(2026, 5, 5))
    assert {g[4] for g in edited.groups} == {20}
    assert edited.entry_id is not None
    await undo.apply(MOD, edited.entry_id)
    now = await cohorts.show(GUILD, made.id)
    assert [g[4] for g in now.groups] == [8, 3, 8]
    assert (now.seats, now.start_date) == (8, date(2026, 3, 1))


async def test_what_somebody_uses_is_not_taken_away(database: Database) -> None:
    made = await season()
    extra = await groups.create(MOD, made.id, "Extra")
    await membership.add(MOD, extra.id, 7, "ann")
    assert extra.entry_id is not None
    assert made.entry_id is not None
    shown = await undo.preview(MOD, extra.entry_id)
    assert shown.cannot == (Line(Code.group_used, "Extra", n=1),)
    shown = await undo.preview(MOD, made.entry_id)
    assert shown.cannot == (Line(Code.cohort_used, "Stats", n=1),)
    await membership.remove(MOD, extra.id, 7)
    await undo.apply(MOD, made.entry_id)
    now = await cohorts.show(GUILD, made.id)
    assert now.status == "cancelled"
    assert {g[2] for g in now.groups} == {"cancelled"}


async def test_settings_one_by_one(database: Database) -> None:
    changed = await settings.change(MOD, zone="Europe/Berlin", keep_nicknames=False)
    await settings.change(MOD, zone="Asia/Tokyo")
    assert changed.entry_id is not None
    shown = await undo.preview(MOD, changed.entry_id)
    assert [(x.code, x.field) for x in shown.does] == [(Code.setting, "keep_nicknames")]
    assert [(x.code, x.field) for x in shown.cannot] == [(Code.setting_since, "zone")]
    await undo.apply(MOD, changed.entry_id)
    now = await settings.get(GUILD)
    assert (now.zone, now.keep_nicknames) == ("Asia/Tokyo", True)


async def test_only_what_the_preview_showed(database: Database) -> None:
    made = await season()
    for user in (7, 8):
        await membership.add(MOD, made.group_ids[0], user, "x")
    closed = await groups.archive(MOD, made.group_ids[0])
    assert closed.entry_id is not None
    shown = await undo.preview(MOD, closed.entry_id)
    await membership.add(MOD, made.group_ids[1], 7, "x")
    with pytest.raises(Refusal) as error:
        await undo.apply(MOD, closed.entry_id, seen=shown.mark)
    assert error.value.code == "changed_meanwhile"
    fresh = await undo.preview(MOD, closed.entry_id)
    assert fresh.mark != shown.mark
    await undo.apply(MOD, closed.entry_id, seen=fresh.mark)
    assert {u: g for u, (g, _, _) in (await seats(database)).items()} == {
        7: made.group_ids[1], 8: made.group_ids[0],
    }  # fmt: skip


async def test_an_import_comes_off_again(database: Database) -> None:
    """Its entry has people and groups instead of rows, and people who are not here yet."""
    made = await season()
    one, two, _ = made.group_ids
    await membership.add(MOD, two, 8, "ben")
    await membership.move(MOD, one, 8, "ben")
    await membership.add(MOD, one, 7, "ann")
    async with database.transaction() as session:
        session.add(
            Expected(
                guild_id=GUILD, cohort_id=made.id, group_id=two, name="cleo", seat=1, created_at=NOW
            )
        )
        entry = AuditEntry(
            guild_id=GUILD, at=NOW, actor_id=1, action="members_imported", cohort_id=made.id,
            before={}, after={
                "people": [[7, one, "participant", None], [8, one, "participant", two]],
                "expected": [["cleo", two], ["gone", two]],
            },
        )  # fmt: skip
        session.add(entry)
    shown = await undo.preview(MOD, entry.id)
    assert codes(shown.does) == [Code.put_back, Code.take_out, Code.unexpect]
    assert codes(shown.cannot) == [Code.arrived]
    done = await undo.apply(MOD, entry.id)
    # ben's old seat is held for cleo no longer, so he has it again.
    assert await seats(database) == {8: (two, "participant", 1)}
    async with database.transaction() as session:
        assert (await session.scalars(select(Expected.name))).all() == []
    assert done.entry_id is not None
    await undo.apply(MOD, done.entry_id)
    assert set(await seats(database)) == {7, 8}
    async with database.transaction() as session:
        assert (await session.scalars(select(Expected.name))).all() == ["cleo"]


async def test_entries_of_before_hold_enough_or_say_so(database: Database) -> None:
    made = await season()
    one, two, _ = made.group_ids
    await membership.add(MOD, one, 7, "ann")
    await membership.move(MOD, two, 7, "ann")
    moved = await newest()
    archived = await groups.archive(MOD, made.group_ids[2])
    async with database.transaction() as session:
        for entry in await session.scalars(select(AuditEntry)):
            entry.before = {k: v for k, v in entry.before.items() if k != "rows"}
    assert archived.entry_id is not None
    assert await refused(archived.entry_id) == "too_old"
    await undo.apply(MOD, moved)
    assert await seats(database) == {7: (one, "participant", 1)}


async def test_who_may_and_what_is_there(database: Database) -> None:
    await season()
    entry = await newest()
    assert await refused(entry, Actor(GUILD, 9, "member")) == "not_allowed"
    assert await refused(entry, Actor(501, 2, "thief", moderator=True)) == "entry_not_found"
    assert await refused(10**12) == "entry_not_found"
