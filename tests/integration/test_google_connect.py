"""Connecting Google: what is stored when it goes well, and that nothing is when it does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from aiohttp import ClientSession
from sqlalchemy import func, select
from yarl import URL

from core.calendars import port
from core.calendars.google_desk import Desk
from core.calendars.google_tokens import CONSENT, Client, ServiceAccount
from core.calendars.office import Access
from core.clock import set_clock, utcnow
from core.db.calendar_models import CalendarLink, OAuthState
from core.db.engine import Database
from core.db.models import AuditEntry
from core.errors import MusterError, Refusal
from core.keys import Keys
from core.operations import google_connect
from core.operations.common import Actor, ensure_guild
from tests.e2e._google import GoogleStandIn, google
from tests.e2e._google_parts import Book
from tests.integration._google_there import ANN, BEN, private_key, series

GUILD, MOD = 7, 70
ACTOR = Actor(GUILD, MOD, "mod", moderator=True)
REDIRECT = "http://127.0.0.1:8090/google/callback"


async def yes(guild_id: int, user_id: int) -> bool:
    return (guild_id, user_id) == (GUILD, MOD)


async def no(_guild: int, _user: int) -> bool:
    return False


@dataclass
class Case:
    stand_in: GoogleStandIn
    database: Database
    desk: Desk
    keys: Keys

    async def start(self) -> str:
        return await google_connect.start(ACTOR, self.desk, self.keys)

    async def at_google(self, url: str, press: str = "yes") -> dict[str, str]:
        """What the browser brings back after that button."""
        async with ClientSession() as browser, browser.get(url) as response:
            text = await response.text()
        link = text.split(f"<a id={press} href='")[1].split("'")[0]
        return dict(URL(link).query)

    async def finish(
        self, query: dict[str, str], may: google_connect.May = yes
    ) -> google_connect.Connected:
        return await google_connect.finish(self.desk, self.keys, query, may)

    async def link(self) -> CalendarLink | None:
        async with self.database.transaction() as session:
            return await session.get(CalendarLink, GUILD)


@pytest.fixture
async def case(database: Database) -> AsyncIterator[Case]:
    keys = Keys(["k" * 43])
    async with google() as stand_in, closing(stand_in, keys) as desk:
        async with database.transaction() as session:
            await ensure_guild(session, GUILD, "Study <Hall>")
        yield Case(stand_in, database, desk, keys)
    set_clock(None)


@asynccontextmanager
async def closing(stand_in: GoogleStandIn, keys: Keys) -> AsyncIterator[Desk]:
    stand_in.redirects.add(REDIRECT)
    desk = Desk(
        stand_in.client, REDIRECT, partial(google_connect.rotated, keys),
        api_base=stand_in.api_base, token_url=stand_in.client.token,
    )  # fmt: skip
    try:
        yield desk
    finally:
        await desk.close()


async def test_the_permission_is_sealed_and_the_calendar_made(case: Case) -> None:
    done = await case.finish(await case.at_google(await case.start()))
    assert done == google_connect.Connected("Study <Hall>")
    link = await case.link()
    assert link is not None
    assert link.secret is not None
    (lasting,) = case.stand_in.lasting
    assert case.keys.open(link.secret) == lasting
    assert lasting.encode() not in link.secret
    [(address, book)] = case.stand_in.books.items()
    assert (address, book.summary) == (link.address, "Muster · Study <Hall>")
    async with case.database.transaction() as session:
        entry = (await session.scalars(select(AuditEntry))).one()
        assert await session.scalar(select(func.count()).select_from(OAuthState)) == 0
    assert (entry.action, entry.actor_id) == ("calendar_connected", MOD)
    assert lasting not in str(entry.after)


async def test_a_permission_given_again_keeps_the_calendar(case: Case) -> None:
    await case.finish(await case.at_google(await case.start()))
    first = await case.link()
    case.stand_in.lasting.clear()  # seven days later
    await case.finish(await case.at_google(await case.start()))
    again = await case.link()
    assert first is not None
    assert again is not None
    assert again.address == first.address
    assert again.secret != first.secret
    assert again.address is not None
    case.stand_in.account = "other@example.org"
    case.stand_in.books[again.address].shared["other@example.org"] = "reader"
    await case.finish(await case.at_google(await case.start()))
    other = await case.link()
    assert other is not None
    assert other.address != first.address


def _late(case: Case, _: dict[str, str]) -> None:
    later = utcnow() + timedelta(minutes=google_connect.MINUTES)
    set_clock(lambda: later)


def _forged(_: Case, query: dict[str, str]) -> dict[str, str]:
    nonce, signature = query["state"].split(".")
    return {**query, "state": f"{nonce}.{'a' * len(signature)}"}


def _other_state(_: Case, query: dict[str, str]) -> dict[str, str]:
    nonce, signature = query["state"].split(".")
    return {**query, "state": f"{nonce}x.{signature}"}


def _down(case: Case, _: dict[str, str]) -> None:
    case.stand_in.fail(503, "backendError", suits=lambda seen: seen.path == "/token")


def _down_later(case: Case, _: dict[str, str]) -> None:
    case.stand_in.fail(503, "backendError", suits=lambda seen: seen.path != "/token")


def _not_on(case: Case, _: dict[str, str]) -> None:
    case.stand_in.fail(
        403, "accessNotConfigured", times=2, suits=lambda seen: seen.path != "/token"
    )


def _other_code(_: Case, query: dict[str, str]) -> dict[str, str]:
    return {**query, "code": "code-of-somebody-else"}


@pytest.mark.parametrize(
    ("breaks", "kind"),
    [
        (_late, "google_late"),
        (_forged, "google_bad_link"),
        (_other_state, "google_bad_link"),
        (lambda _, query: {}, "google_bad_link"),
        (_other_code, "calendar_unauthorized"),
        (_down, "calendar_down"),
        (_down_later, "calendar_down"),
        (_not_on, "calendar_unauthorized"),
    ],
)
async def test_nothing_is_stored(case: Case, breaks: Any, kind: str) -> None:
    query = await case.at_google(await case.start())
    changed = breaks(case, query)
    query = query if changed is None else changed
    with pytest.raises(MusterError) as failed:
        await case.finish(query)
    error = failed.value
    assert (error.code if isinstance(error, Refusal) else getattr(error, "kind", "")) == kind
    assert await case.link() is None


async def test_a_callback_is_good_once(case: Case) -> None:
    query = await case.at_google(await case.start())
    await case.finish(query)
    with pytest.raises(Refusal) as refused:
        await case.finish(query)
    assert refused.value.code == "google_used"


async def test_whoever_is_no_moderator_any_more_connects_nothing(case: Case) -> None:
    query = await case.at_google(await case.start())
    with pytest.raises(Refusal) as refused:
        await case.finish(query, no)
    assert refused.value.code == "not_allowed"
    assert await case.link() is None
    assert "/token" not in [seen.path for seen in case.stand_in.seen]


async def test_denied_unticked_and_no_lasting_permission(case: Case) -> None:
    async def refused() -> str:
        with pytest.raises(Refusal) as found:
            await case.finish(await case.at_google(await case.start(), press))
        assert await case.link() is None
        return found.value.code

    press = "no"
    assert await refused() == "google_denied"
    press = "yes"
    case.stand_in.consents = False
    assert await refused() == "google_not_lasting"
    case.stand_in.ticks = frozenset({"openid"})
    assert await refused() == "google_unticked"


async def test_who_may_begin(case: Case) -> None:
    async def code(desk: Desk, keys: Keys, actor: Actor) -> str:
        with pytest.raises(Refusal) as refused:
            await google_connect.start(actor, desk, keys)
        return refused.value.code

    assert await code(case.desk, case.keys, replace(ACTOR, moderator=False)) == "not_allowed"
    assert await code(case.desk, Keys([], "l" * 43), ACTOR) == "no_key"
    assert await code(replace(case.desk, client=None), case.keys, ACTOR) == "google_not_set_up"


async def test_the_address_fits_a_button(case: Case) -> None:
    """Discord takes 512 characters in a link button."""
    client = Client(f"{'9' * 12}-{'a' * 32}.apps.googleusercontent.com", "word")
    assert client.consent == CONSENT
    desk = replace(case.desk, client=client, redirect=f"https://{'m' * 40}.org/google/callback")
    assert len(await google_connect.start(ACTOR, desk, case.keys)) <= 512


async def test_a_rotated_token_is_stored(case: Case) -> None:
    await case.finish(await case.at_google(await case.start()))
    link = await case.link()
    assert link is not None
    assert link.secret is not None
    case.stand_in.rotates = True
    case.stand_in.access.clear()
    case.desk._kept.clear()
    access = Access(GUILD, "google", secret=case.keys.open(link.secret), address=link.address)
    calendar = case.desk.of_person(access)
    stored = await calendar.put(series(ANN), None)
    await calendar.put(series(ANN, BEN), stored)
    after = await case.link()
    assert after is not None
    assert after.secret is not None
    assert [case.keys.open(after.secret)] == list(case.stand_in.lasting)


async def test_a_late_successor_does_not_replace_a_new_permission(case: Case) -> None:
    await case.finish(await case.at_google(await case.start()))
    await google_connect.rotated(case.keys, GUILD, "an older one", "its successor")
    link = await case.link()
    assert link is not None
    assert link.secret is not None
    assert [case.keys.open(link.secret)] == list(case.stand_in.lasting)


async def test_a_shared_calendar_needs_the_servers_word(case: Case) -> None:
    account = ServiceAccount(
        client_email="muster@p.iam.gserviceaccount.com", private_key=private_key()
    )
    desk = replace(case.desk, service=account)
    book = Book("club@group.calendar.google.com", "club@example.org")
    case.stand_in.books[book.id] = book
    with pytest.raises(port.CalendarGone):
        await google_connect.connect_shared(ACTOR, desk, case.keys, book.id)
    book.shared[account.client_email] = "writer"
    book.description = google_connect.service_word(case.keys, GUILD + 1)
    with pytest.raises(Refusal) as refused:
        await google_connect.connect_shared(ACTOR, desk, case.keys, book.id)
    assert refused.value.code == "google_no_word"
    assert google_connect.service_word(case.keys, GUILD) in str(refused.value)
    assert await case.link() is None
    book.description = f"Meetings {google_connect.service_word(case.keys, GUILD)}"
    await google_connect.connect_shared(ACTOR, desk, case.keys, f" {book.id} ")
    link = await case.link()
    assert link is not None
    assert (link.backend, link.address, link.secret) == ("service", book.id, None)
    await desk.close()
