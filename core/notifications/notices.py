"""The rows of messages that operations cause. What they say is worked out when they are sent.

`joined`, `left`, `meeting`, … give a row for `deliveries.enqueue`; `came` and `went` write theirs
themselves, since whoever leaves and is back at once is no news.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.meeting_models import Delivery, DeliveryStatus, Meeting
from core.db.models import Group, GroupStatus, User
from core.db.queries.deliveries import New, enqueue, wake
from core.notifications.kinds import KINDS, wants

# Access comes within a second or two; a mention of somebody who cannot see the channel is lost.
JOINED_AFTER = timedelta(seconds=10)
# Whoever leaves by mistake, or to look at another group, is back within that: no news.
LEFT_AFTER = timedelta(minutes=2)
# After a long absence thousands of rows are gone through; the list is complete by then.
MISSED_AFTER = timedelta(minutes=5)

OfMeeting = Literal["moved", "skipped", "cancelled", "added", "restored"]


def _day(now: datetime) -> str:
    return now.astimezone(UTC).date().isoformat()


def joined(guild_id: int, group_id: int, user_id: int, now: datetime) -> New:
    """Somebody came into a group that was announced already. Once per person, group and day."""
    return New(
        guild_id, "joined", f"joined:{group_id}:{user_id}:{_day(now)}", now + JOINED_AFTER,
        group_id=group_id, about_id=user_id,
    )  # fmt: skip


def left(guild_id: int, group_id: int, user_id: int, now: datetime) -> New:
    """Somebody left it. Once per person, group and day."""
    return New(
        guild_id, "left", f"left:{group_id}:{user_id}:{_day(now)}", now + LEFT_AFTER,
        group_id=group_id, about_id=user_id,
    )  # fmt: skip


def assigned(guild_id: int, group_id: int, now: datetime) -> New:
    """A group opens: one post for everybody in it. Once per group, however often it opens."""
    return New(guild_id, "assigned", f"assigned:{group_id}", now, group_id=group_id)


def assigned_dms(guild_id: int, group_id: int, user_ids: Iterable[int], now: datetime) -> list[New]:
    """The same personally, one row each; who did not choose it gets none when it is sent."""
    return [
        New(guild_id, "assigned_dm", f"assigned_dm:{group_id}:{user}", now, user_id=user,
            group_id=group_id)
        for user in user_ids
    ]  # fmt: skip


def meeting(kind: OfMeeting, row: Meeting, audit_id: int, now: datetime, **payload: Any) -> New:
    """A meeting was moved, skipped, …, by the history's entry `audit_id`.

    `payload` for moved: again=True where everybody is asked anew; for any of them reason=…, a
    person's own words. What the group was told before stands in the row's told_starts_at.
    """
    return New(
        row.guild_id, kind, f"{kind}:{row.id}:{audit_id}", now, group_id=row.group_id,
        meeting_id=row.id, payload=payload,
    )  # fmt: skip


def guest(
    guild_id: int, visit_id: int, group_id: int, meeting_id: int, user_id: int, now: datetime
) -> New:
    """Somebody of another group comes to one meeting of `group_id`: that group hears of it."""
    return New(
        guild_id, "guest", f"guest:{visit_id}", now, group_id=group_id, meeting_id=meeting_id,
        about_id=user_id,
    )  # fmt: skip


def missed(
    guild_id: int, user_id: int | None, now: datetime, since: datetime,
    *, group_id: int | None = None, channel_id: int | None = None,
) -> New:  # fmt: skip
    """What could not be said in time, once a day: to a facilitator about all their groups.

    Without `user_id`, in the moderators' channel: about the groups that have no facilitator.
    `since` is when the first of it was due.
    """
    return New(
        guild_id, "missed", f"missed:{guild_id}:{user_id or 0}:{_day(now)}", now + MISSED_AFTER,
        user_id=user_id, group_id=group_id, channel_id=channel_id,
        payload={"since": since.isoformat()},
    )  # fmt: skip


def announce(
    guild_id: int, announcement_id: int, channel_id: int, now: datetime,
    group_id: int | None = None, *, cohort_id: int | None = None, mention: Sequence[int] = (),
    part: int = 0,
) -> New:  # fmt: skip
    """An announcement in one channel (Discord's id): a group's, or the one that a cohort shares.

    `mention` are the people whom it notifies there. One message takes so many; further ones go
    into parts 1, 2, …, which say nothing else.
    """
    payload: dict[str, Any] = {"mention": list(mention)} if mention else {}
    payload |= {"more": True} if part else {}
    payload |= {"cohort": cohort_id} if cohort_id is not None else {}
    key = f"announce:{announcement_id}:{channel_id}"
    return New(
        guild_id, "announce", f"{key}:{part}" if part else key, now, channel_id=channel_id,
        group_id=group_id, announcement_id=announcement_id, payload=payload,
    )  # fmt: skip


def announce_edit(
    *, guild_id: int, announcement_id: int, version: int, post: int, channel_id: int,
    message_id: int, group_id: int | None, payload: Mapping[str, Any], now: datetime,
) -> New:  # fmt: skip
    """Bring the post of the delivery `post` to that version of its announcement.

    `payload` is that delivery's.
    """
    mine = {"version": version, "post": post, "message": message_id}
    return New(
        guild_id, "announce_edit", f"announce_edit:{announcement_id}:{version}:{post}", now,
        channel_id=channel_id, group_id=group_id, announcement_id=announcement_id,
        payload={**payload, **mine},
    )  # fmt: skip


async def came(session: AsyncSession, group: Group, user_id: int, now: datetime) -> None:
    """Write that somebody joined, if the group was announced and is not to hear they left."""
    if group.status != GroupStatus.active:
        return
    await _tell(session, joined(group.guild_id, group.id, user_id, now), "left", now)
    switches = await session.scalar(select(User.switches).where(User.id == user_id))
    if wants(KINDS["assigned_dm"], switches or {}):
        await enqueue(session, assigned_dms(group.guild_id, group.id, [user_id], now), now)


async def went(session: AsyncSession, group: Group, user_id: int, now: datetime) -> None:
    """Write that somebody left, if the group was announced and heard that they came."""
    if group.status == GroupStatus.active:
        await _tell(session, left(group.guild_id, group.id, user_id, now), "joined", now)


async def _tell(session: AsyncSession, row: New, opposite: str, now: datetime) -> None:
    """Write the row unless its opposite still waits: then that one is skipped, and all is said."""
    waits = await session.scalar(
        select(
            exists().where(
                Delivery.guild_id == row.guild_id,
                Delivery.group_id == row.group_id,
                Delivery.about_id == row.about_id,
                Delivery.kind == opposite,
                Delivery.status == DeliveryStatus.pending,
            )
        )
    )
    if waits or await enqueue(session, [row], now):
        return
    # Skipped earlier today, since they were back in time: now it is news after all.
    revived = await session.execute(
        update(Delivery)
        .where(
            Delivery.guild_id == row.guild_id,
            Delivery.key == row.key,
            Delivery.status == DeliveryStatus.skipped,
        )
        .values(
            status=DeliveryStatus.pending, due_at=row.due_at, next_at=row.due_at,
            error_class=None, error_text=None,
        )
    )  # fmt: skip
    if revived.rowcount:  # type: ignore[attr-defined]  # of an update
        await wake(session)


async def is_here(session: AsyncSession, guild_id: int, user_id: int, now: datetime) -> None:
    """Somebody is on the server (again): what waited for them is looked at now."""
    woken = await session.execute(
        update(Delivery)
        .where(
            Delivery.guild_id == guild_id,
            or_(Delivery.user_id == user_id, Delivery.about_id == user_id),
            Delivery.status == DeliveryStatus.pending,
            Delivery.error_class == "not_here",
        )
        .values(next_at=now)
    )
    if woken.rowcount:  # type: ignore[attr-defined]  # of an update
        await wake(session)
