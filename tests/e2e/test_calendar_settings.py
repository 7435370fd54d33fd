"""Settings → Calendar and the members' addresses, as people see them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.ui import invitations
from bot.ui.calendar_panel import panel
from bot.web.page import landing
from core.calendars import port
from core.calendars.office import Access, Account, Office, set_office
from core.calendars.port import Calendar
from core.clock import set_clock, utcnow
from core.db.calendar_models import CalendarAddress, CalendarLink
from core.db.engine import Database, get_database
from core.errors import PermanentError, Refusal
from core.keys import Keys
from core.operations import (
    addresses,
    calendar_link,
    calendar_status,
    history,
    mine,
    rekey,
    settings,
)
from core.operations.calendar_status import Exchange, Ways
from core.operations.common import Actor
from core.operations.feeds import Addresses
from core.systems import calendar, calendar_answers
from tests import calendars_here as here
from tests.calendars_here import KEY, Shelf
from tests.e2e._acting import filled, last, made, mod_of, on_discord
from tests.world import World, text_of, words_of


class Dav(Shelf):
    """Takes one password, and is the office's CalDAV."""

    def __call__(self, access: Access) -> Calendar:
        if access.secret != "right":
            self.raises = {"ensure": [port.Unauthorized("The user or password is wrong.")]}
        return super().__call__(access)


@pytest.fixture
async def dav(database: Database) -> AsyncIterator[Dav]:
    shelf = Dav()
    own = {1: Account("https://dav.example.org/", "muster", "right")}
    set_office(Office(Keys([KEY]), makers={"caldav": shelf}, accounts=own))
    yield shelf
    set_office(None)


async def _ready(w: World) -> Any:
    """The last step of /setup is done; the settings show everything."""
    pressed = await w.mod.slash(w.room, "settings")
    return await w.mod.click(last(pressed), label="Accept all")


async def _calendar(w: World) -> Any:
    shown = await w.mod.slash(w.room, "settings")
    return await w.mod.click(last(shown), label="Calendar")


async def _connect(w: World, password: str = "right") -> Any:
    form = await w.mod.click(last(await _calendar(w)), label="Connect CalDAV")
    assert "passes through Discord" in json.dumps(form.modal)
    given = {"url": "dav.example.org", "user": "muster", "password": password}
    return await w.mod.submit_modal(form, given)


@on_discord
async def test_connecting_is_tried_at_once_and_refused_with_the_reason(w: World, dav: Dav) -> None:
    await _ready(w)
    said = words_of(last(await _connect(w, "wrong")))
    assert "The user or password is wrong." in said
    assert await calendar_status.status(w.guild.id) is None
    dav.raises.clear()
    said = words_of(last(await _connect(w)))
    assert "Connected" in said
    assert "muster · dav.example.org" in said
    async with get_database().transaction() as session:
        row = await session.get_one(CalendarLink, w.guild.id)
    assert row.secret is not None
    assert b"right" not in row.secret


@on_discord
async def test_entries_follow_and_disconnecting_asks_what_becomes_of_them(
    w: World, dav: Dav
) -> None:
    await _ready(w)
    cohort = await made(w, rule=here.RULE)
    await filled(w, cohort)
    await _connect(w)
    await w.settle()
    [home] = dav.server.calendars
    assert len(dav.entries(home)) == len(cohort.group_ids)
    asked = await w.mod.click(last(await _calendar(w)), label="Disconnect")
    assert "deleted" in words_of(last(asked))
    assert len(dav.entries(home)) > 0
    done = await w.mod.click(last(asked), label="Delete the entries")
    assert "Disconnected" in words_of(last(done))
    assert dav.entries(home) == {}
    await w.settle()
    assert dav.entries(home) == {}
    seen = [e.action for e in await history.page(w.guild.id)][:2]
    assert seen == ["calendar_disconnected", "calendar_connected"]


@on_discord
async def test_an_entry_that_was_deleted_twice_is_asked_about(w: World, dav: Dav) -> None:
    await _ready(w)
    cohort = await made(w, rule=here.RULE, groups=1)
    await filled(w, cohort)
    await _connect(w)
    await w.settle()
    [home] = dav.server.calendars
    for _ in range(2):
        dav.delete_by_hand(home)
        await calendar_answers.poll(w.guild.id)
        await w.settle()
    assert dav.entries(home) == {}
    for command, told in (("check", "deleted in the calendar twice"),
                          ("muster", "1 entry was deleted there"),
                          ("muster", "1 thing needs a person")):  # fmt: skip
        assert told in text_of(await w.mod.slash(w.room, command))
    shown = await w.mod.click(last(await _calendar(w)), label="Put it back")
    assert "Saved" in words_of(last(shown))
    await w.settle()
    assert len(dav.entries(home)) == 1


@on_discord
async def test_the_moderators_are_told_once_and_see_it_in_their_home(w: World, dav: Dav) -> None:
    await _ready(w)
    await settings.change(mod_of(w), moderator_channel_id=w.room.id)
    cohort = await made(w, rule=here.RULE, groups=1)
    people = await filled(w, cohort)
    await _connect(w)
    await w.settle()
    dav.raises["put"] = [port.Unauthorized("The password is not taken any more.")]
    await addresses.give(Actor(w.guild.id, people[0].id, "member1"), "me@example.org")
    w.worker.bump(cohort.group_ids)
    await w.settle()
    told = [m.content for m in w.room.history() if "no longer let into" in m.content]
    assert len(told) == 1
    home = text_of(await w.mod.slash(w.room, "muster"))
    assert "The password is not taken any more" in home
    assert "1 thing needs a person" in home
    assert "Nothing needs you" not in home
    assert "is not let into the server's calendar" in text_of(
        await w.mod.slash(w.room, "sync status")
    )
    dav.took()
    w.worker.bump(cohort.group_ids)
    await w.settle()
    assert dav.took() == []
    await _connect(w)
    await w.settle()
    assert "me@example.org" in dav.only(next(iter(dav.server.calendars)))


def _told(w: World, part: str) -> int:
    return sum(part in message.content for message in w.room.history())


@on_discord
async def test_an_hour_without_an_answer_an_edit_and_a_deletion_are_a_line_each(
    w: World, dav: Dav
) -> None:
    await _ready(w)
    await settings.change(mod_of(w), moderator_channel_id=w.room.id)
    cohort = await made(w, rule=here.RULE, groups=1)
    await filled(w, cohort)
    await _connect(w)
    await w.settle()
    [home] = dav.server.calendars
    now = utcnow()
    dav.server.failing = port.Unreachable("No answer from the server.")
    clock = [now]
    set_clock(lambda: clock[0])
    for _ in range(18):
        await calendar_answers.poll_due()
        clock[0] += timedelta(minutes=5)
    assert _told(w, "has not answered for a while. No answer from the server.") == 1
    dav.server.failing = None
    clock[0] = now + timedelta(hours=3)
    await calendar_answers.poll_due()
    found = await calendar_status.status(w.guild.id)
    assert found is not None
    assert found.error is None

    def rename(ics: Any) -> None:
        ics.events[0]["SUMMARY"] = "Party"

    dav.edit(rename, home)
    for _ in range(2):
        await calendar_answers.poll(w.guild.id)
        w.worker.bump(cohort.group_ids)
        await w.settle()
    assert "Party" not in dav.only(home)
    assert _told(w, "somebody changed its entry") == 1
    for _ in range(2):
        dav.delete_by_hand(home)
        await calendar_answers.poll(w.guild.id)
        await w.settle()
    await calendar_answers.poll(w.guild.id)
    assert _told(w, "was deleted in the calendar again") == 1


@on_discord
async def test_a_member_gives_an_address_sees_it_masked_and_deletes_it(w: World, dav: Dav) -> None:
    await _ready(w)
    cohort = await made(w, rule=here.RULE, groups=1)
    [anna, *_] = await filled(w, cohort)
    await _connect(w)
    await w.settle()
    [home] = dav.server.calendars
    opened = await anna.click(last(await anna.slash(w.room, "calendar")),
                              label="Invitations by e-mail")  # fmt: skip
    assert "may see the address" in words_of(last(opened))
    form = await anna.click(last(opened), label="Give an address")
    wrong = await anna.submit_modal(form, {"address": "nobody"})
    assert "no e-mail address" in words_of(last(wrong))
    form = await anna.click(last(opened), label="Give an address")
    given = await anna.submit_modal(form, {"address": " Anna.B@Example.org "})
    assert "a…@example.org" in words_of(last(given))
    assert "tells nobody by itself" in words_of(last(given))
    assert "anna.b" not in words_of(last(given))
    await w.settle()
    assert "anna.b@example.org" in dav.only(home).replace("\r\n ", "")
    async with get_database().transaction() as session:
        [row] = await session.scalars(select(CalendarAddress))
    assert b"anna" not in row.sealed
    own = await mine.data(Actor(w.guild.id, anna.id, "anna"))
    assert own["invitations"]["address"] == "anna.b@example.org"
    gone = await anna.click(last(given), label="Delete it")
    assert "You gave no address" in words_of(last(gone))
    await w.settle()
    assert "anna.b@example.org" not in dav.only(home)


@on_discord
async def test_without_a_key_no_address_and_no_password_is_taken(w: World) -> None:
    set_office(Office(Keys([], "l" * 32), makers={"caldav": Dav()}))
    try:
        actor = Actor(w.guild.id, w.members[0].id, "anna")
        with pytest.raises(Refusal) as refused:
            await addresses.give(actor, "anna@example.org")
        assert refused.value.code == "no_key"
        with pytest.raises(Refusal) as refused:
            await calendar_link.connect_caldav(mod_of(w), "dav.example.org", "u", "right")
        assert refused.value.code == "no_key"
    finally:
        set_office(None)


@on_discord
async def test_the_operators_account_needs_no_key_and_is_its_servers_alone(w: World) -> None:
    shelf = Dav()
    own = {w.guild.id: Account("https://dav.example.org/", "muster", "right")}
    set_office(Office(Keys([], "l" * 32), makers={"caldav": shelf}, accounts=own))
    try:
        await _ready(w)
        shown = await w.mod.click(
            last(await _calendar(w)), label="Connect the account that is set here"
        )
        assert "Connected" in words_of(last(shown))
        elsewhere = Actor(w.guild.id + 1, w.mod.id, "mod", moderator=True)
        with pytest.raises(Refusal) as refused:
            await calendar_link.connect_own(elsewhere)
        assert refused.value.code == "no_account"
    finally:
        set_office(None)


def test_the_page_of_a_feed_says_how_invitations_stand() -> None:
    where = Addresses("https://a/p", "https://a/f", "webcal://a/f", "https://g")
    at = utcnow() - timedelta(minutes=5)
    fine = Exchange("caldav", "", False, None, at, True, 1, ())
    assert "answers were read last 5 minutes ago" in str(landing("Mine", where, at, fine).text)
    ahead = replace(fine, at=utcnow() + timedelta(hours=1))  # the clock was put back since
    assert "were read last 1 second ago" in str(landing("Mine", where, at, ahead).text)
    away = replace(fine, error="no answer", failing=True)
    assert "are late: No answer." in str(landing("Mine", where, at, away).text)
    assert "Invitations" not in str(landing("Mine", where, at, None).text)


@pytest.mark.parametrize(
    ("guests", "told", "on", "said", "button"),
    [
        (True, True, True, "address are invited", "Invite nobody"),
        (True, False, True, "This server sends nobody an invitation", "Invite nobody"),
        (True, False, False, "Nobody is invited", "Invite members"),
        (False, False, True, "takes no guests", None),
    ],
)
def test_what_is_said_of_invitations(
    guests: bool, told: bool, on: bool, said: str, button: str | None
) -> None:
    found = Exchange("caldav", "", False, None, None, on, 1, (), guests=guests, told=told)
    view = panel(found, Ways(sealed=True, caldav=True, own=False), None)
    shown = json.dumps(view.to_components())  # type: ignore[no-untyped-call]  # theirs
    assert said in shown
    assert [word for word in ("Invite nobody", "Invite members") if f'"{word}"' in shown] == (
        [button] if button else []
    )


@pytest.mark.parametrize(
    "typed",
    ["", "a", "a@b", "a@@b.org", "a b@c.org", "a@b.org\nX:1", "a@b.org;X=1", 'a"@b.org',
     "a@-b.org", "a@b..org", f"{'a' * 250}@b.org"],
)  # fmt: skip
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(Refusal):
        addresses.checked(typed)


def test_what_is_an_address() -> None:
    assert addresses.checked(" Anna@Müller.de ") == "anna@xn--mller-kva.de"
    assert addresses.checked("mailto:a.b+c@d.example.org") == "a.b+c@d.example.org"
    assert addresses.masked("anna@example.org") == "a…@example.org"


async def test_sealing_anew_lets_the_old_key_go(database: Database) -> None:
    old, new = "o" * 32, "n" * 32
    async with here.office(keys=Keys([old])) as shelf:
        await here.season()
        await here.link(shelf, secret=Keys([old]).seal("secret"))
    async with get_database().transaction() as session:
        await session.execute(update(CalendarAddress).values(sealed=Keys([old]).seal("a@b.org")))
    done = {s.table: (s.done, s.lost) for s in await rekey.rekey(Keys([new, old]))}
    assert done == {"calendar_links": (1, 0), "calendar_addresses": (1, 0), "oauth_states": (0, 0)}
    async with get_database().transaction() as session:
        [row] = await session.scalars(select(CalendarAddress))
        link = await session.get_one(CalendarLink, here.GUILD)
    assert Keys([new]).open(row.sealed) == "a@b.org"
    assert link.secret is not None
    assert Keys([new]).open(link.secret) == "secret"
    again = {s.table: (s.done, s.lost) for s in await rekey.rekey(Keys(["x" * 32]))}
    assert again["calendar_addresses"] == (0, 1)
    with pytest.raises(PermanentError):
        await rekey.rekey(Keys([], "l" * 32))


async def test_an_address_whose_key_is_gone_stops_its_group_with_a_sentence(
    database: Database,
) -> None:
    async with here.office() as shelf:
        group = await here.season()
        await here.link(shelf)
        async with get_database().transaction() as session:
            sealed = Keys(["o" * 32]).seal("a@b.org")
            await session.execute(update(CalendarAddress).values(sealed=sealed))
        assert (await calendar.sync(group))["failed"] == 1
        assert (await here.state(group)).error_class == "no_key"
        assert shelf.took() == []
        own = await addresses.mine(Actor(here.GUILD, 3, "member3"))
        assert own.masked == ""
        assert "Give it again" in invitations.view_of(own)[0]
