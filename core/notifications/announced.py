"""Posts of an announcement that went out while it was changed or withdrawn are changed as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.meeting_models import Announcement, Delivery, DeliveryStatus
from core.db.queries.deliveries import New, enqueue
from core.notifications import notices
from core.notifications.outgoing import Done


async def catch_up(session: AsyncSession, done: Sequence[Done]) -> None:
    """Write a row for each post that shows another version than the one of now.

    The lock is shared with whoever changes an announcement: they see these rows as sent, or we
    see their version.
    """
    mine = [one for one in done if one.row.announcement_id is not None and "version" in one.extra]
    if not mine:
        return
    query = select(Announcement.id, Announcement.version, Announcement.withdrawn_at).where(
        Announcement.guild_id.in_({one.row.guild_id for one in mine}),
        Announcement.id.in_({one.row.announcement_id for one in mine}),
    )
    rows = await session.execute(query.order_by(Announcement.id).with_for_update(read=True))
    found = {number: (version, withdrawn_at is not None) for number, version, withdrawn_at in rows}
    for one in mine:
        version, withdrawn = found.get(one.row.announcement_id or 0, (0, False))
        # Lists of mentions have no text that could be another.
        stays = one.row.payload.get("more") and not withdrawn
        if version > one.extra["version"] and not stays:
            await _change(session, one, version)


async def _change(session: AsyncSession, one: Done, version: int) -> None:
    row = one.row
    new = notices.announce_edit(
        guild_id=row.guild_id, announcement_id=row.announcement_id or 0, version=version,
        post=int(row.payload.get("post", row.id)), channel_id=one.channel_id,
        message_id=one.message_id, group_id=row.group_id, payload=row.payload, now=one.at,
    )  # fmt: skip
    if not await enqueue(session, [new], one.at) and await _is_sent(session, new):
        # It was shown, and then we put the older text over it.
        await enqueue(session, [replace(new, key=f"{new.key}:{row.id}")], one.at)


async def _is_sent(session: AsyncSession, new: New) -> bool:
    query = exists().where(
        Delivery.guild_id == new.guild_id,
        Delivery.key == new.key,
        Delivery.status == DeliveryStatus.sent,
    )
    return bool(await session.scalar(select(query)))
