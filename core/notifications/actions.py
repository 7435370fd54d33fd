"""What is done about due messages: the facts about all of them, then a decision for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.models import Role
from core.db.queries.deliveries import New, enqueue
from core.notifications import announced, facts, notices
from core.notifications.deciding import decide
from core.notifications.kinds import KINDS
from core.notifications.known import Facts
from core.notifications.outgoing import Claimed, Decision, Done, Skip

_TOLD = text("""
    update meetings m set told_starts_at = r.at
    from unnest(
        cast(:guilds as bigint[]), cast(:meetings as bigint[]), cast(:times as timestamptz[])
    ) as r(guild_id, id, at)
    where m.guild_id = r.guild_id and m.id = r.id
    """)


async def prepare(
    session: AsyncSession, rows: Sequence[Claimed], now: datetime
) -> dict[int, Decision]:
    """Send, skip or wait, by the row's id. A constant number of statements, however many rows.

    Writes the rows by which facilitators hear what is skipped since it is too late. `now` is UTC.
    """
    if not rows:
        return {}
    known = await facts.gather(session, rows, now)
    decisions = {row.id: decide(row, known, now) for row in rows}
    await enqueue(session, _missed(rows, decisions, known, now), now)
    return decisions


def _missed(
    rows: Sequence[Claimed], decisions: Mapping[int, Decision], known: Facts, now: datetime
) -> list[New]:
    """One row for every facilitator of whose groups something is too late; see notices.missed."""
    found: dict[str, New] = {}
    late = [r for r in rows if _is_missed(r, decisions[r.id])]
    for row in sorted(late, key=lambda r: r.due_at):
        group = known.groups.get(row.group_id or 0)
        if group is None:
            continue
        leads = [user for user, role in group.people.items() if role == Role.facilitator]
        channel = known.servers[row.guild_id].settings.moderator_channel_id
        if leads:
            new = [
                notices.missed(row.guild_id, user, now, row.due_at, group_id=group.id)
                for user in leads
            ]
        elif channel is not None:
            new = [notices.missed(row.guild_id, None, now, row.due_at, channel_id=channel)]
        else:
            new = []
        for one in new:
            found.setdefault(one.key, one)
    return list(found.values())


def _is_missed(row: Claimed, decision: Decision) -> bool:
    kind = KINDS.get(row.kind)
    late = isinstance(decision, Skip) and decision.code == "too_late"
    return late and kind is not None and kind.counts


async def sent(session: AsyncSession, done: Sequence[Done]) -> None:
    """Note what people know now: a meeting's time, an announcement's text."""
    await announced.catch_up(session, done)
    times = {  # the last one counts
        (one.row.guild_id, one.row.meeting_id): datetime.fromisoformat(one.extra["starts_at"])
        for one in done
        if one.row.meeting_id is not None and "starts_at" in one.extra
    }
    if times:
        guilds, meetings = zip(*times, strict=True)
        given = {"guilds": guilds, "meetings": meetings, "times": list(times.values())}
        await session.execute(_TOLD, given)
