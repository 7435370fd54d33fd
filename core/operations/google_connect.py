"""Connecting a Google calendar: a moderator goes to Google and comes back with a permission.

What goes along (`state`) is signed, good once and for ten minutes, and stands for this moderator
in this server; PKCE's verifier never leaves us. docs/decisions/0011-google.md says what it is
worth.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import delete

from core.calendars.google_desk import Desk
from core.calendars.google_tokens import SCOPE, Client, consent_url, exchange
from core.calendars.office import Access
from core.calendars.port import Unauthorized
from core.clock import utcnow
from core.db.calendar_models import Backend, CalendarLink, OAuthState
from core.db.engine import get_database
from core.db.models import Guild
from core.errors import Refusal
from core.keys import Keys
from core.operations.calendar_link import store
from core.operations.common import Actor, ensure_guild
from core.systems.calendar_rows import named
from core.words import t

PURPOSE = "google"  # of the signature
MINUTES = 10  # that a moderator has at Google; our choice, Google's own page lives longer
_KEPT = timedelta(days=1)  # a late callback can still be told that it is late
_CODE = 12  # letters of a server's word in a shared calendar: 60 bits, nobody guesses it

# Whether somebody (guild, user) is a moderator at this very moment.
May = Callable[[int, int], Awaitable[bool]]


@dataclass(frozen=True)
class Connected:
    """`server` is the guild's name as people typed it; `left`: see calendar_link.store."""

    server: str
    left: int = 0


async def start(actor: Actor, desk: Desk, keys: Keys) -> str:
    """The address at Google where the moderator says yes; good for MINUTES.

    Raises Refusal(not_allowed, google_not_set_up, no_key).
    """
    actor.must_moderate()
    client = _client(desk)
    if not keys.can_seal:
        raise Refusal("no_key", t("Whoever runs Muster has to set MUSTER_KEYS first."))
    now = utcnow()
    nonce, verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
    async with get_database().transaction() as session:
        await ensure_guild(session, actor.guild_id)
        await session.execute(
            delete(OAuthState).where(
                OAuthState.guild_id == actor.guild_id, OAuthState.expires_at < now - _KEPT
            )
        )
        session.add(
            OAuthState(
                nonce=nonce, guild_id=actor.guild_id, user_id=actor.user_id,
                verifier=keys.seal(verifier), expires_at=now + timedelta(minutes=MINUTES),
            )
        )  # fmt: skip
    return consent_url(client, desk.redirect, f"{nonce}.{keys.sign(PURPOSE, nonce)}", verifier)


async def finish(desk: Desk, keys: Keys, query: Mapping[str, str], may: May) -> Connected:
    """What the callback brings: the permission is stored, and the calendar made.

    Raises Refusal (google_bad_link, google_used, google_late, google_denied, not_allowed,
    google_unticked, google_not_lasting), and the errors of the port; nothing is stored then.
    """
    client = _client(desk)
    found = await _taken(keys, query.get("state", ""))
    now = utcnow()
    if found.expires_at <= now:
        raise Refusal("google_late", t("That took more than ten minutes. Begin again on Discord."))
    if not await may(found.guild_id, found.user_id):
        raise Refusal("not_allowed", t("Only moderators can do that. Nothing was changed."))
    if "code" not in query:
        raise Refusal(
            "google_denied",
            t("Google was told not to let Muster in. Nothing was changed."),
        )
    granted = await exchange(
        desk.session, client, query["code"], keys.open(found.verifier), desk.redirect
    )
    if SCOPE not in granted.scopes:
        raise Refusal(
            "google_unticked",
            t("The box for calendars was not ticked. Begin again on Discord, and tick it."),
        )
    if not granted.lasting:
        raise Refusal(
            "google_not_lasting",
            t(
                "Google gave a permission for an hour only, so nothing was changed. Take Muster "
                "away from this Google account (myaccount.google.com/connections), or choose "
                "another account, and begin again on Discord."
            ),
        )
    return await _connected(desk, keys, found, granted.lasting)


async def _taken(keys: Keys, state: str) -> OAuthState:
    """The row that `state` stands for, which is gone with that: nobody gets it twice."""
    nonce, _, signature = state.partition(".")
    if not nonce or not keys.verify(PURPOSE, nonce, signature):
        raise Refusal(
            "google_bad_link", t("This address is not from Muster. Begin again on Discord.")
        )
    async with get_database().transaction() as session:
        # No guild is known yet: the signature says that the row is ours.
        found: OAuthState | None = await session.scalar(
            delete(OAuthState).where(OAuthState.nonce == nonce).returning(OAuthState)
        )
        if found is not None:
            session.expunge(found)
    if found is None:
        raise Refusal(
            "google_used", t("This address was used before. To connect again, begin on Discord.")
        )
    return found


async def _connected(desk: Desk, keys: Keys, found: OAuthState, lasting: str) -> Connected:
    """The calendar, the old one where this account can write to it, and the link."""
    guild_id = found.guild_id
    async with get_database().transaction() as session:
        link = await session.get(CalendarLink, guild_id)
        guild = await session.get_one(Guild, guild_id)
        known = link.address if link is not None and link.backend == Backend.google else None
        name = guild.name
    access = Access(guild_id, Backend.google, secret=lasting, address=known)
    try:
        address = await desk.of_person(access).ensure_calendar(named(name))
    except Unauthorized:
        if known is None:
            raise  # else it is another account, which may not write to the first one's calendar
        address = await desk.of_person(replace(access, address=None)).ensure_calendar(named(name))
    actor = Actor(guild_id, found.user_id, "", moderator=True)
    left = await store(actor, Backend.google, address, keys.seal(lasting))
    return Connected(name, left)


def service_word(keys: Keys, guild_id: int) -> str:
    """What has to stand in the description of a calendar before this server may write to it."""
    return f"muster-{keys.sign('google-service', str(guild_id))[:_CODE]}"


async def connect_shared(actor: Actor, desk: Desk, keys: Keys, calendar_id: str) -> int:
    """Use a calendar that is shared with the operator's service account.

    That account serves all servers, so an id alone is no proof: whoever manages the calendar has
    to write this server's word into its description. Returns like `calendar_link.store`. Raises
    Refusal(not_allowed, google_not_set_up, google_no_word) and the errors of the port.
    """
    actor.must_moderate()
    if desk.service is None:
        raise Refusal(
            "google_not_set_up", t("Whoever runs Muster has set no service account of Google.")
        )
    address = calendar_id.strip()
    word = service_word(keys, actor.guild_id)
    access = Access(actor.guild_id, Backend.service, address=address)
    if word not in await desk.shared(access).description():
        raise Refusal(
            "google_no_word",
            t(
                "Write {word} into the calendar's description first (its settings in Google "
                "Calendar): it shows that the calendar is meant for this server.",
                word=word,
            ),
        )
    return await store(actor, Backend.service, address, None)


async def rotated(keys: Keys, guild_id: int, old: str, new: str) -> None:
    """Google handed out a new refresh token: the old one may end at any time.

    Of a calendar that was connected anew meanwhile, with another permission, nothing changes.
    """
    async with get_database().transaction() as session:
        link = await session.get(CalendarLink, guild_id, with_for_update=True)
        if link is None or link.backend != Backend.google or link.secret is None:
            return
        if keys.open(link.secret) == old:
            link.secret = keys.seal(new)


def _client(desk: Desk) -> Client:
    if desk.client is None:
        raise Refusal(
            "google_not_set_up",
            t(
                "Whoever runs Muster has to set MUSTER_GOOGLE_CLIENT_ID and "
                "MUSTER_GOOGLE_CLIENT_SECRET first."
            ),
        )
    return desk.client
