"""Who reads a calendar feed, and what it holds: one statement each, whatever its size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.config import GuildSettings
from core.db.calendar_models import Feed

BACK = timedelta(weeks=8)  # what lies further back than this is not in a feed
# The soonest of them; five years of one group are 260, a cohort of 80 groups has 960 a term.
MOST = 1000

Kind = Literal["member", "group", "cohort", "meeting"]


@dataclass(frozen=True, slots=True)
class FeedFacts:
    """A feed whose reader is on its server. `zone` and `language` as its server or reader chose.

    `subject`: the name of the group or cohort, `cohort`: of the group's; None for a person's own.
    """

    id: int
    guild_id: int
    user_id: int
    kind: str
    subject_id: int
    generation: int
    read_at: datetime | None
    server: str
    zone: str
    language: str
    subject: str | None = None
    cohort: str | None = None


_FIND = text("""
    select f.id, f.guild_id, f.user_id, f.kind, f.subject_id, f.generation, f.read_at,
        s.name as server, coalesce(s.settings->>'zone', :zone) as zone,
        coalesce(u.language, s.settings->>'language', :language) as language,
        coalesce(g.name, c.name) as subject, gc.name as cohort
    from feeds f
    join guilds s on s.id = f.guild_id and s.left_at is null
    join members m on m.guild_id = f.guild_id and m.user_id = f.user_id and m.left_at is null
    join users u on u.id = f.user_id
    left join groups g on f.kind = 'group' and g.id = f.subject_id and g.guild_id = f.guild_id
    left join cohorts gc on gc.id = g.cohort_id
    left join cohorts c on f.kind = 'cohort' and c.id = f.subject_id and c.guild_id = f.guild_id
    where f.id = :feed
    """)
_DEFAULTS = {name: GuildSettings.model_fields[name].default for name in ("zone", "language")}


async def find(session: AsyncSession, feed_id: int) -> FeedFacts | None:
    """A feed by its id: the address of one says nothing of its server.

    None where there is none, its reader left the server, or Muster did.
    """
    row = (await session.execute(_FIND, {"feed": feed_id, **_DEFAULTS})).one_or_none()
    return None if row is None else FeedFacts(*row)


# Which meetings, by kind. `inside`: what the person is in, or was until it ended.
_WHICH: dict[Kind, str] = {
    "member": "m.group_id in (select group_id from inside) or m.id in (select id from visited)",
    "group": "m.group_id = :subject and :subject in (select group_id from inside)",
    "cohort": """m.group_id in
        (select id from groups where guild_id = :guild and cohort_id = :subject)
        and :subject in (select cohort_id from inside)""",
    "meeting": """m.id = :subject and (:anybody or m.group_id in (select group_id from inside)
        or m.id in (select id from visited))""",
}
_CONTENT = """
    with inside as (
        select group_id, cohort_id from memberships
        where guild_id = :guild and user_id = :person and status in ('active', 'completed')
    ), visited as (
        select meeting_id as id from visits
        where guild_id = :guild and user_id = :person and ended_at is null
    ), theirs as (
        select m.*, r.status = 'not_attending' and :own as away
        from meetings m left join rsvps r on r.meeting_id = m.id and r.user_id = :person
        where m.guild_id = :guild and m.starts_at > :since and ({which})
        order by m.starts_at, m.id limit :most
    )
    select json_build_object(
        'meetings', (
            select coalesce(json_agg(json_build_array(
                id, revision, created_at, starts_at, minutes, status, number, group_id,
                occurrence_date, away
            ) order by starts_at, id), '[]')
            from theirs
        ),
        'groups', (
            select coalesce(json_object_agg(g.id, json_build_array(g.name, c.name, g.rule, (
                select o.discord_id from managed_objects o
                where o.group_id = g.id and o.kind in ('text', 'voice') and o.state = 'created'
                order by o.kind limit 1
            )) order by g.id), '{{}}')
            from groups g join cohorts c on c.id = g.cohort_id
            where g.guild_id = :guild and g.id in (select group_id from theirs)
        )
    )::text
    """
_STATEMENTS = {kind: text(_CONTENT.format(which=which)) for kind, which in _WHICH.items()}


async def content(
    session: AsyncSession,
    guild_id: int,
    user_id: int,
    kind: Kind,
    subject_id: int,
    since: datetime,
    *,
    anybody: bool = False,
) -> str:
    """All that the meetings of a feed say, as JSON text: the same text, the same file.

    `meetings`: rows of id, revision, created, starts (UTC), minutes, status, number, group, day,
    whether the person cannot come (only in their own). `groups`: by id, its name, its cohort's,
    its rule and its channel. `anybody`: also who is not in the meeting's group may see it.
    """
    given: dict[str, Any] = {
        "guild": guild_id, "person": user_id, "since": since, "most": MOST,
        "own": kind in {"member", "meeting"},
    }  # fmt: skip
    if kind != "member":
        given["subject"] = subject_id
    if kind == "meeting":
        given["anybody"] = anybody
    found: str = (await session.execute(_STATEMENTS[kind], given)).scalar_one()
    return found


async def note_read(session: AsyncSession, found: FeedFacts, hour: datetime) -> None:
    """A program fetched it in this hour; nothing is noted of a link that was renewed meanwhile."""
    await session.execute(
        update(Feed)
        .where(
            Feed.guild_id == found.guild_id,
            Feed.id == found.id,
            Feed.generation == found.generation,
        )
        .values(read_at=hour)
    )
