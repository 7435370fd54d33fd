"""Groups with people and meetings as rows, and what is decided about the messages to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from core.db.engine import Database
from core.db.meeting_models import Delivery, Meeting
from core.db.models import Group, ManagedObject, Member, Membership, User
from core.db.queries.deliveries import New, enqueue
from core.notifications import actions
from core.notifications.outgoing import Claimed
from core.reconcile.reminders import reminder_key

GUILD = 500
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
ROOM = 9000  # and the group's number: Discord's id of its text channel
FACILITATOR = 100  # and the members after it


async def group(
    database: Database, number: int, *, people: int = 3, room: bool = True, **more: Any
) -> int:
    """An active group with a facilitator and members, and a meeting in an hour; its id."""
    async with database.transaction() as session:
        made = await session.scalar(
            insert(Group)
            .values(
                guild_id=GUILD, cohort_id=1, name=f"Group {number}", seats=8,
                created_at=NOW, **({"status": "active"} | more),
            )
            .returning(Group.id)
        )  # fmt: skip
        assert made == number  # the database counts, from 1
        for n in range(people):
            user = number * 1000 + FACILITATOR + n
            await session.execute(insert(User).values(id=user))
            await session.execute(
                insert(Member).values(guild_id=GUILD, user_id=user, name=f"p{user}")
            )
            await session.execute(
                insert(Membership).values(
                    guild_id=GUILD, cohort_id=1, group_id=number, user_id=user,
                    role="participant" if n else "facilitator", seat=n or None, created_at=NOW,
                )
            )  # fmt: skip
        if room:
            await session.execute(
                insert(ManagedObject).values(
                    guild_id=GUILD, kind="text", group_id=number, discord_id=ROOM + number,
                    state="created", name="group", intent_at=NOW,
                )
            )  # fmt: skip
    return number


def user(number: int, index: int = 1) -> int:
    return number * 1000 + FACILITATOR + index


async def meets(database: Database, of: int, at: datetime, **more: Any) -> Meeting:
    async with database.transaction() as session:
        row = Meeting(
            guild_id=GUILD, group_id=of, starts_at=at, minutes=60, created_at=NOW,
            **({"number": 1, "told_starts_at": at, "occurrence_date": at.date()} | more),
        )  # fmt: skip
        session.add(row)
        await session.flush()
        session.expunge(row)
        return row


def reminder(kind: str, row: Meeting, due: datetime, user_id: int | None = None) -> New:
    """As the reconciler of reminders writes it."""
    return New(
        row.guild_id, kind, reminder_key(kind, row.id, row.starts_at), due, user_id=user_id,
        group_id=row.group_id, meeting_id=row.id,
    )  # fmt: skip


async def written(database: Database, *rows: New) -> list[Claimed]:
    """Rows as the dispatcher gets them."""
    async with database.transaction() as session:
        await enqueue(session, rows, NOW - timedelta(days=30))
    return await stored(database, *[row.key for row in rows])


async def stored(database: Database, *keys: str) -> list[Claimed]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(Delivery).where(Delivery.key.in_(keys)).order_by(Delivery.id)
        )
        return [
            Claimed(
                d.id, d.guild_id, d.kind, d.key, d.user_id, d.channel_id, d.group_id,
                d.meeting_id, d.announcement_id, d.about_id, d.payload, d.due_at, 1, d.created_at,
            )
            for d in found
        ]  # fmt: skip


async def decided(database: Database, *rows: Claimed, now: datetime = NOW) -> list[Any]:
    async with database.transaction() as session:
        found = await actions.prepare(session, rows, now)
    assert set(found) == {row.id for row in rows}
    return [found[row.id] for row in rows]
