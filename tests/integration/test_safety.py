"""No row of one guild is reachable from another: every operation is walked."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from sqlalchemy import select, text, update

from core import operations
from core.clock import utcnow
from core.db.calendar_models import Backend
from core.db.engine import Database, get_database
from core.db.meeting_models import Announcement, Answer, Delivery, Source
from core.db.models import Base, Membership
from core.db.queries.deliveries import enqueue
from core.errors import MusterError, Refusal
from core.keys import Keys
from core.notifications import notices
from core.operations import (
    announcements,
    cohorts,
    greeting,
    meeting_views,
    membership,
    merging,
    settings,
)
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from core.reconcile.hand_made import Wishes
from core.reconcile.roster_list import Row
from core.reconcile.roster_seats import Placed
from core.schedule import Piece, Rule, Slot

MINE, THEIRS = 500, 600
HERE = Actor(MINE, 1, "mod here", moderator=True)
THERE = Actor(THEIRS, 2, "mod there", moderator=True)
SECRET = "Secret"
RULE = Rule((Piece(Slot(2, time(19), "Europe/Berlin")),))

# What belongs to the process rather than to anybody in a guild, with the reason.
INTERNAL = {
    "feeds.find": "a link's signature says whose it is",
    "feeds.opened": "of what `find` gave",
    "google_connect.finish": "a state says whose it is, good once; the rights are checked again",
    "google_connect.rotated": "called by the calendar of a guild, about its own secret",
    "meeting_rights.guild_of": "a button in direct messages; refused to whoever has no place there",
    "presence.tick": "by the clock, every meeting that runs",
    "posts.guilds": "which guilds the bot keeps posts in",
    "rekey.rekey": "the operator's command, on everything that is sealed",
    "retention.delete_left": "by the clock, about servers that Muster left long ago",
    "retention.note_left": "at the start, about servers that Muster is no longer in",
    "seats.waited_in": "called by the bot for a group that it has just synced",
    "seats.waited_for": "which groups the bot looks after",
}
# Written for one guild as a whole; they name nothing of it that could be another's.
NO_NAMES = {
    "overview.names": "needs a Discord",
    "addresses.give": "needs an office; of the asker alone",
    "calendar_link.connect_caldav": "needs an office; of the asker's server alone",
    "calendar_link.connect_own": "needs an office; of the asker's server alone",
    "calendar_link.disconnect": "needs an office; of the asker's server alone",
    "google_connect.start": "needs an office; of the asker's server alone",
    "google_connect.connect_shared": "needs an office; of the asker's server alone",
    "posts.publish": "needs a Discord",
    "posts.refresh": "needs a Discord",
    "settings.change": "has a test of its own below",
}


def walk() -> list[tuple[str, Callable[..., Any]]]:
    found = []
    for info in pkgutil.iter_modules(operations.__path__):
        if info.name == "common":
            continue
        module = importlib.import_module(f"core.operations.{info.name}")
        found += [
            (f"{info.name}.{name}", function)
            for name, function in vars(module).items()
            if inspect.iscoroutinefunction(function)
            and function.__module__ == module.__name__
            and not name.startswith("_")
            and "session" not in inspect.signature(function).parameters
        ]
    return found


def test_every_operation_says_for_whom() -> None:
    for name, function in walk():
        first = next(iter(inspect.signature(function).parameters), "")
        assert first in {"actor", "guild_id"} or name in INTERNAL, name
    assert len(walk()) > 30
    assert set(INTERNAL) <= {name for name, _ in walk()}


async def everything(database: Database, guild_id: int) -> dict[str, list[str]]:
    """All rows of one guild, in words, by table; asked after each call, so in one statement."""
    names = [t.name for t in Base.metadata.sorted_tables if "guild_id" in t.c]
    each = [
        f"SELECT '{n}', ARRAY(SELECT r::text FROM {n} AS r WHERE guild_id = :guild ORDER BY 1)"
        for n in names
    ]
    async with database.alone() as session:
        found = await session.execute(text(" UNION ALL ".join(each)), {"guild": guild_id})
        return dict(found.all())


async def build(actor: Actor) -> dict[str, int]:
    made = await cohorts.create(
        actor,
        CohortDraft(f"{SECRET} {actor.guild_id}", date(2099, 1, 1), seats=1, rule=RULE),
        open_now=True,
    )
    await membership.join(Actor(actor.guild_id, 3, f"{SECRET} person"), made.group_ids[0])
    assert made.entry_id is not None
    [meeting, *_] = await meeting_views.list_for_group(actor.guild_id, made.group_ids[0])
    announcement, delivery = await announced(actor.guild_id, made.group_ids[0])
    async with get_database().transaction() as session:
        membership_id = await session.scalar(
            select(Membership.id).where(Membership.guild_id == actor.guild_id)
        )
    assert membership_id is not None
    return {
        "cohort": made.id, "group": made.group_ids[0], "membership": membership_id,
        "other": made.group_ids[1],
        "entry": made.entry_id, "meeting": meeting.id, "announcement": announcement,
        "delivery": delivery,
    }  # fmt: skip


async def announced(guild_id: int, group_id: int) -> tuple[int, int]:
    """An announcement, and its one post that failed."""
    async with get_database().transaction() as session:
        news = Announcement(
            guild_id=guild_id, draft_id=guild_id, author_id=1, content=f"{SECRET} {guild_id}",
            targets={"names": [SECRET]}, ping=False, created_at=utcnow(),
        )  # fmt: skip
        session.add(news)
        await session.flush()
        await enqueue(
            session, [notices.announce(guild_id, news.id, 71, utcnow(), group_id)], utcnow()
        )
        mine = update(Delivery).where(Delivery.announcement_id == news.id).values(status="dead")
        return news.id, (await session.scalars(mine.returning(Delivery.id))).one()


def argument(name: str, theirs: dict[str, int]) -> Any:
    """What somebody would have to guess to reach into the other guild."""
    values: dict[str, Any] = {
        "guild_id": MINE, "actor": HERE, "cohort_id": theirs["cohort"],
        "group_id": theirs["group"], "source_id": theirs["group"], "target_id": theirs["other"],
        "group_ids": [theirs["group"]], "user_id": 3, "name": "x", "query": SECRET,
        "rows": [Row(1, "x", user_id=3)], "username": "x",
        "placed": [
            Placed(1, theirs["group"], "participant", "x", 9),
            Placed(2, theirs["other"], "participant", "x"),
        ],
        "before_id": 10**9, "discord_id": 71, "message_ids": [1], "nickname": "n", "code": "x",
        "entry_id": theirs["entry"], "number": 1, "days": 7, "locale": "en-GB",
        "role_id": 72, "arrival": greeting.Arrival.new, "in_dm": str, "in_room": str, "page": 0,
        "size": 10,
        "meeting_id": theirs["meeting"], "change": "skip", "rule": RULE,
        "starts_at": datetime(2099, 2, 1, tzinfo=UTC),
        "wishes": Wishes(channels=(71,)), "shown": "0",
        "announcement_id": theirs["announcement"], "delivery_id": theirs["delivery"],
        "targets": [f"cohort:{theirs['cohort']}"], "which": "all", "ping": False, "on": True,
        "typed": "x", "status": Answer.attending, "source": Source.button, "reason": "x",
        "membership_id": theirs["membership"], "meeting_ids": [theirs["meeting"]],
        "missed_meeting_id": theirs["meeting"], "host_meeting_id": theirs["meeting"],
        "said": "attended", "text": "{person} x", "cause": "missed", "kind": "joined",
        "event_id": 81,
        "channel_id": 71, "interested": True, "leaving": False, "day": date(2099, 1, 7),
        "news": announcements.Draft(1, "x", (f"cohort:{theirs['cohort']}",)),
        "draft": CohortDraft("Mine", date(2099, 1, 1)), "open_now": True,
        "keys": Keys([], "x" * 32), "desk": None, "subject_id": theirs["group"], "feed_id": 1,
        "url": "https://example.org", "user": "x", "password": "x", "calendar_id": "x",
        "remove": True, "back": True, "backend": Backend.memory, "address": "x",
        "words": "{} {}".format,
        "secret": None,
    }  # fmt: skip
    return values[name]


async def answer_of(name: str, function: Callable[..., Any], theirs: dict[str, int]) -> Any:
    """Call it with the other guild's ids wherever it takes any; what the asker gets to read."""
    arguments = {
        p.name: argument(p.name, theirs)
        for p in inspect.signature(function).parameters.values()
        if p.default is p.empty or p.name in {"group_ids", "group_id", "user_id", "before_id"}
        if p.kind is not p.VAR_KEYWORD
    }
    try:
        return await function(**arguments)
    except Refusal as refused:
        codes = {
            "cohort_not_found", "group_not_found", "not_allowed", "entry_not_found",
            "not_different", "meeting_not_found", "target_not_found", "announcement_not_found",
            "message_not_found", "no_longer", "not_declined",
            "no_such_visit", "nothing_asked", "not_in_group", "feed_not_found",
        }  # fmt: skip
        assert refused.code in codes, (name, refused)  # noqa: PT017 - an answer is right as well
        return str(refused)
    except (MusterError, RuntimeError) as error:
        # No Discord here: what asks it first ends there, and is walked through the bot.
        assert re.search("set_bot|Discord", str(error)), (name, error)  # noqa: PT017 - likewise
        return None


async def test_nothing_of_another_guild(database: Database) -> None:
    await build(HERE)
    theirs = await build(THERE)
    before = await everything(database, THEIRS)
    assert all(before[table] for table in ("cohorts", "memberships", "meetings", "deliveries"))
    walked = [(n, f) for n, f in walk() if n not in INTERNAL | NO_NAMES.keys()]
    assert len(walked) > 25
    for name, function in walked:
        answer = await answer_of(name, function, theirs)
        assert f"{SECRET} {THEIRS}" not in repr(answer), f"{name} tells a name of the other guild"
        assert await everything(database, THEIRS) == before, f"{name} changed the other guild"


async def test_settings_stay_at_home(database: Database) -> None:
    await build(THERE)
    await build(HERE)
    before = await everything(database, THEIRS)
    after, touched = await settings.change(HERE, moderator_role_id=5, zone="berlin")
    assert (after.moderator_role_id, after.zone) == (5, "Europe/Berlin")
    assert touched
    assert await settings.get(THEIRS) == type(after)()
    assert await everything(database, THEIRS) == before


async def test_everyone_is_no_moderator_role(database: Database) -> None:
    with pytest.raises(Refusal) as refused:
        await settings.change(HERE, moderator_role_id=MINE)
    assert refused.value.code == "everyone"


async def test_a_group_cannot_be_merged_into_another_guild(database: Database) -> None:
    mine, theirs = await build(HERE), await build(THERE)
    for pair in ((mine["group"], theirs["group"]), (theirs["group"], mine["group"])):
        with pytest.raises(Refusal) as refused:
            await merging.merge(HERE, *pair)
        assert refused.value.code == "group_not_found"


async def test_members_decide_nothing_for_others(database: Database) -> None:
    """Every operation that takes somebody else's name or a setting asks for a moderator."""
    mine = await build(HERE)
    member = Actor(MINE, 9, "member")
    open_to_all = {
        "membership.join", "membership.leave", "seats.watch",
        "mine.settings", "mine.change", "mine.data", "meeting_views.list_for_member",
        "meeting_views.choices", "meeting_views.group_choices", "meeting_views.own_zone",
        # For themselves; for somebody else only as a moderator (tests/integration/test_answers.py).
        "answers.answer", "answers.explain", "answers.roll", "visits.offers", "visits.visit",
        "visits.cancel", "mine.groups_of", "attendance.choices",
        # Of the asker's own; nobody else's can be named.
        "addresses.mine", "addresses.give", "addresses.forget", "feeds.link", "feeds.of",
        "feeds.rotate", "feeds.file", "feeds.one", "feeds.choices",
    }  # fmt: skip
    for name, function in walk():
        parameters = inspect.signature(function).parameters
        if "actor" not in parameters or name in open_to_all or name == "posts.publish":
            continue
        arguments = {
            p.name: {**mine, "actor": member}.get(p.name, argument(p.name, {**mine}))
            for p in parameters.values()
            if p.default is p.empty and p.kind is not p.VAR_KEYWORD
        }
        arguments["actor"] = member
        try:
            await function(**arguments)
        except Refusal as refused:
            assert refused.code == "not_allowed", name  # noqa: PT017 - the name says which
        else:
            pytest.fail(f"{name} was allowed")
