"""The office of calendars for a running bot, from the operator's settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from bot.web.google import PATH
from core.calendars.google_desk import Desk, GoogleMaker
from core.calendars.google_tokens import Client, service_account
from core.calendars.makers import CalDavMaker
from core.calendars.office import Maker, Office, accounts, set_office
from core.config import Settings
from core.keys import Keys
from core.operations import google_connect


@asynccontextmanager
async def calendars(settings: Settings, keys: Keys) -> AsyncIterator[Desk]:
    """The ambient office for as long as the block lasts; gives Google's side of it.

    Raises ConfigurationError.
    """
    desk = _desk(settings, keys)
    makers: dict[str, Maker] = {"caldav": CalDavMaker(settings.caldav_hosts)}
    if desk.client is not None:
        makers["google"] = GoogleMaker(desk)
    if desk.service is not None:
        makers["service"] = GoogleMaker(desk, shared=True)
    given = settings.caldav_accounts
    office = Office(
        keys, makers=makers, accounts=accounts(given.get_secret_value() if given else "")
    )
    set_office(office)
    try:
        yield desk
    finally:
        set_office(None)
        await office.close()
        await desk.close()


def _desk(settings: Settings, keys: Keys) -> Desk:
    """Google sends browsers back to the public address, else to this machine's own."""
    base = str(settings.public_url or f"http://127.0.0.1:{settings.http_port}")
    client = None
    if settings.google_client_id and settings.google_client_secret:
        client = Client(settings.google_client_id, settings.google_client_secret.get_secret_value())
    file = settings.google_service_account
    return Desk(
        client,
        base.rstrip("/") + PATH,
        partial(google_connect.rotated, keys),
        service_account(file) if file is not None else None,
    )
