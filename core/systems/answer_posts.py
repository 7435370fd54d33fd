"""Which posts a group has about its meetings: one that lives, a line for each that is over.

The living post (kind "answers") belongs to the next meeting; when that is over or does not take
place, the row becomes a line (kind "answers_line") and the following meeting gets a post. Beside
them stands one quiet line a day about what happened (kind "activity").
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import TypedDict
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Meeting
from core.db.models import Projection
from core.db.queries import answers as queries
from core.db.queries import meetings as meeting_queries
from core.db.queries.answer_posts import needing_posts
from core.db.queries.answers import Home
from core.discord_outbound.cache import guild_view
from core.discord_outbound.outcome import Outcome
from core.notifications.scheduler import wakes
from core.reconcile import answers as pure
from core.reconcile.answers import Answered, Shown
from core.reconcile.cleaning import shown as safe
from core.systems import projection_rows, projections
from core.systems.projection_rows import Key, Post
from core.systems.projections import Kind, keeper
from core.words import speaking

LIVING, LINE, ACTIVITY = "answers", "answers_line", "activity"
KINDS = (LIVING, LINE, ACTIVITY)
# Answers reach the group's calendar this long after the first of them: a burst is one write there.
CALENDAR_AFTER = timedelta(seconds=20)
ACTIVITY_APART = 10.0  # seconds; nobody waits for a day's line, and the channel's limit is one


class PostCounts(TypedDict):
    created: int  # living posts that were begun
    collapsed: int  # that became a line
    failed: int


def keys(meeting_ids: Iterable[int]) -> list[Key]:
    """The posts that may show these meetings."""
    return [(kind, str(m)) for m in sorted(set(meeting_ids)) for kind in (LIVING, LINE)]


async def mark(session: AsyncSession, meeting_ids: Iterable[int]) -> None:
    """Answers, time or state of these meetings change in this transaction: edit their posts."""
    await projection_rows.mark(session, keys(meeting_ids))


def marking(meeting_id: int) -> dict[str, str]:
    """The parameters of core.db.queries.answers.MARK, but `guild`."""
    return {"living": LIVING, "line": LINE, "subject": str(meeting_id)}


def marked(session: AsyncSession, meeting_id: int) -> None:
    """After MARK: look at the posts once the transaction is committed."""
    projection_rows.look_after_commit(session, keys([meeting_id]))


def lock_name(meeting_id: int) -> str:
    """The name of the lock of a meeting's posts, for statements that are built once."""
    return projection_rows.lock_name(LIVING, str(meeting_id))


async def needing(session: AsyncSession, now: datetime) -> list[int]:
    """Ids of the groups whose posts are not what they should be; one statement over all.

    A group whose channel is not on Discord (deleted, or the server is away) is left alone.
    """
    found = []
    for guild_id, group_id, channel_id in await needing_posts(session, now, KINDS, LIVING):
        view = guild_view(guild_id)
        if view is not None and view.channel_name(channel_id) is not None:
            found.append(group_id)
    return found


async def sync(group_id: int) -> PostCounts:
    """Bring a group's posts to what they should be, and set the wake for the meeting's end.

    Raises TemporaryError or PermanentError where Discord took one of them not.
    """
    now = utcnow()
    counts: PostCounts = {"created": 0, "collapsed": 0, "failed": 0}
    database = get_database()
    async with database.alone() as session:
        home = await queries.home(session, group_id)
        following = (await meeting_queries.next_of(session, [group_id], now)).get(group_id)
    if home is None:
        return counts
    upcoming = following if home.live and home.channel_id is not None else None
    if upcoming is None and not home.has_posts:
        return counts
    async with database.transaction() as session:
        counts["collapsed"] = await _collapse(session, group_id, home, upcoming)
        if upcoming is not None:
            counts["created"] = await _begin(session, group_id, home, upcoming, now)
            await _touch(session, group_id, home, now)
        todo = await _unfinished(session, group_id)
    if upcoming is not None:
        ends_at = upcoming.starts_at + timedelta(minutes=upcoming.minutes)
        wakes.wake_at("rsvps", group_id, ends_at)
    # Somebody may be waiting for this sync: what Discord would have us wait for comes by itself.
    outcomes = [await keeper.bring(key, again=True, patient=False) for key in todo]
    failed = [o for o in outcomes if not o and o.error_class != "unknown_channel"]
    counts["failed"] = len(failed)
    if failed:
        raise _worst(failed).as_error()
    return counts


def _worst(failed: list[Outcome]) -> Outcome:
    """A permanent failure says more than one that passes."""
    return next((o for o in failed if o.permanent), failed[0])


_LIVING_OF = select(Projection).where(
    Projection.guild_id == bindparam("guild"),
    Projection.group_id == bindparam("group"),
    Projection.kind == LIVING,
)


async def _collapse(
    session: AsyncSession, group_id: int, home: Home, upcoming: Meeting | None
) -> int:
    """Living posts of other meetings than the next become lines; how many did."""
    rows = await session.scalars(_LIVING_OF, {"guild": home.guild_id, "group": group_id})
    done = 0
    for row in rows.all():
        right = upcoming is not None and row.subject == str(upcoming.id)
        if right and row.channel_id == home.channel_id:
            continue
        if right or row.message_id is None:
            await session.delete(row)  # nothing was shown, or its channel was made anew
            continue
        await session.execute(
            delete(Projection).where(
                Projection.guild_id == home.guild_id,
                Projection.kind == LINE,
                Projection.subject == row.subject,
            )
        )
        row.kind, row.dirty = LINE, True
        done += 1
    await session.flush()
    return done


async def _begin(
    session: AsyncSession, group_id: int, home: Home, upcoming: Meeting, now: datetime
) -> int:
    assert home.channel_id is not None
    subject = str(upcoming.id)
    made = await projection_rows.add(
        session, guild_id=home.guild_id, kind=LIVING, subject=subject,
        channel_id=home.channel_id, group_id=group_id, now=now,
    )  # fmt: skip
    if made is None:  # people came or went, perhaps; drawn the same, nothing is edited
        await projection_rows.mark(session, [(LIVING, subject)])
    return int(made is not None)


_UNFINISHED = text("""
    select kind, subject from projections
    where group_id = :group and kind = any(:kinds) and (dirty or shown_hash is null)
    order by kind <> :line, id
    """)


async def _unfinished(session: AsyncSession, group_id: int) -> list[Key]:
    """The group's posts to look at, lines first: they stand above the new one."""
    values = {"group": group_id, "kinds": KINDS, "line": LINE}
    return [(kind, subject) for kind, subject in await session.execute(_UNFINISHED, values)]


_MARK_ONE = text("""
    update projections set dirty = true
    where guild_id = :guild and kind = :kind and subject = :subject returning id
    """)


async def _touch(session: AsyncSession, group_id: int, home: Home, now: datetime) -> None:
    """Have the day's line looked at, where the guild wants one."""
    if not home.settings.activity_line or home.channel_id is None:
        return
    day = now.astimezone(ZoneInfo(home.settings.zone)).date()
    subject = f"{group_id}:{day.isoformat()}"
    values = {"guild": home.guild_id, "kind": ACTIVITY, "subject": subject}
    if await session.scalar(_MARK_ONE, values) is not None:
        projection_rows.look_after_commit(session, [(ACTIVITY, subject)])
        return
    if not await _today(session, group_id, home, day):
        return
    await projection_rows.add(
        session, guild_id=home.guild_id, kind=ACTIVITY, subject=subject,
        channel_id=home.channel_id, group_id=group_id, now=now,
    )  # fmt: skip


async def _today(session: AsyncSession, group_id: int, home: Home, day: date) -> queries.Today:
    zone = ZoneInfo(home.settings.zone)
    since, until = (datetime.combine(d, time(), zone) for d in (day, day + timedelta(days=1)))
    return await queries.today(session, home.guild_id, group_id, since, until)


async def _draw_living(post: Post) -> Shown | None:
    """The next meeting's post. What was answered also counts for the day's line."""
    now = utcnow()
    async with get_database().transaction() as session:
        facts = await queries.post_facts(session, post.guild_id, int(post.subject))
        if facts is None or facts.meeting.status != "planned" or now >= facts.meeting.ends_at:
            return None  # it becomes a line with the next sync
        people = await queries.audience(session, post.guild_id, facts.meeting.id)
        home = await queries.home(session, facts.group_id)
        if home is not None and post.message_id is not None:
            await _touch(session, facts.group_id, home, now)
    if home is not None and home.in_calendar:
        wakes.wake_by("calendar", facts.group_id, now + CALENDAR_AFTER)
    with speaking(facts.settings.language):
        return pure.post(facts.meeting, _named(post.guild_id, people))


def _named(guild_id: int, people: Iterable[queries.Somebody]) -> list[Answered]:
    """People as they are called on the server now, else as they were called last."""
    view = guild_view(guild_id)
    named = []
    for person in people:
        member = view.member(person.user_id) if view is not None else None
        name = safe(member.name if member is not None else person.name)
        named.append(Answered(name, person.answer, person.guest))
    return named


async def _draw_line(post: Post) -> Shown | None:
    async with get_database().alone() as session:
        facts = await queries.post_facts(session, post.guild_id, int(post.subject))
        if facts is None:
            return None
        people = await queries.audience(session, post.guild_id, facts.meeting.id)
    yes = pure.tally(p.answer for p in people)[pure.ATTENDING]
    with speaking(facts.settings.language):
        return pure.line(facts.meeting, yes=yes, came=facts.came, now=utcnow())


async def _draw_activity(post: Post) -> Shown | None:
    group_id, _, day = post.subject.partition(":")
    async with get_database().alone() as session:
        home = await queries.home(session, int(group_id))
        if home is None or not home.settings.activity_line:
            return None
        today = await _today(session, int(group_id), home, date.fromisoformat(day))
    with speaking(home.settings.language):
        text = pure.activity(today.joined, today.left, today.answered)
    return Shown(text) if text is not None else None


projections.register(LIVING, Kind(_draw_living))
projections.register(LINE, Kind(_draw_line, restore=False))
projections.register(ACTIVITY, Kind(_draw_activity, restore=False, gather=ACTIVITY_APART))
