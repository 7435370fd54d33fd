"""Tokens for Google: of a person who gave permission, and of a service account."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from google.auth import jwt
from google.auth.crypt import RSASigner
from pydantic import BaseModel, ValidationError
from yarl import URL

from core.calendars.google_errors import again, failure
from core.calendars.google_http import parsed, reason, request
from core.calendars.port import Refused, Unauthorized
from core.clock import utcnow
from core.errors import ConfigurationError, MusterError
from core.words import t

CONSENT = "https://accounts.google.com/o/oauth2/v2/auth"
TOKEN = "https://oauth2.googleapis.com/token"
# The least there is: calendars that Muster made itself, and nothing else of the account.
SCOPE = "https://www.googleapis.com/auth/calendar.app.created"
# A service account makes no calendar: people share theirs with it.
SERVICE_SCOPE = "https://www.googleapis.com/auth/calendar.events"
_EARLY = timedelta(seconds=60)  # a token is not used in its last minute
_JWT_SECONDS = 3600  # the longest that Google takes
_OK = 200


@dataclass(frozen=True, slots=True)
class Client:
    """The operator's OAuth app, and where Google's two pages for it are."""

    id: str
    secret: str = field(repr=False)
    consent: str = CONSENT
    token: str = TOKEN


@dataclass(frozen=True, slots=True)
class Access:
    token: str = field(repr=False)
    until: datetime


# Access tokens by what they were got with, hashed: they outlive a calendar that is opened for a
# poll, so that a poll does not ask for a new one each time.
Kept = dict[str, Access]


class Tokens(Protocol):
    """Whom Muster writes for."""

    @property
    def invites(self) -> bool:
        """Whether attendees can be written."""

    async def access(self, session: aiohttp.ClientSession, *, fresh: bool = False) -> str:
        """A token that is good for a minute at least; `fresh`: the last one was refused."""


class _Answer(BaseModel):
    access_token: str
    expires_in: int = 3600
    refresh_token: str | None = None
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a person's consent gave. `lasting` is the refresh token, "" where there was none."""

    lasting: str = field(repr=False)
    access: Access
    scopes: frozenset[str]


class UserTokens:
    """Of a person. `rotated` gets the refresh token and its successor, where Google makes one."""

    invites = True

    def __init__(
        self,
        client: Client,
        lasting: str,
        rotated: Callable[[str, str], Awaitable[None]],
        kept: Kept | None = None,
    ) -> None:
        self._client = client
        self._lasting = lasting
        self._rotated = rotated
        self._kept = {} if kept is None else kept

    async def access(self, session: aiohttp.ClientSession, *, fresh: bool = False) -> str:
        """Raises Unauthorized, Refused, SlowDown or Unreachable."""
        if not fresh and (found := _still(self._kept, self._lasting)) is not None:
            return found
        form = {"grant_type": "refresh_token", "refresh_token": self._lasting}
        answer = await _asked(session, self._client.token, _with(self._client, form), again)
        if answer.refresh_token and answer.refresh_token != self._lasting:
            self._kept.pop(_key(self._lasting), None)
            old, self._lasting = self._lasting, answer.refresh_token
            await self._rotated(old, self._lasting)
        self._kept[_key(self._lasting)] = _access(answer)
        return answer.access_token


class ServiceAccount(BaseModel):
    """The JSON key of a service account, as Google gives it to the operator."""

    client_email: str
    private_key: str = field(repr=False)
    private_key_id: str = ""

    @property
    def signer(self) -> Any:
        """Raises ValueError where the key is none."""
        info = {"private_key": self.private_key, "private_key_id": self.private_key_id}
        return RSASigner.from_service_account_info(info)  # type: ignore[no-untyped-call]  # theirs


def service_account(file: Path) -> ServiceAccount:
    """The key in `file`. Raises ConfigurationError where it is not one."""
    try:
        found = ServiceAccount.model_validate_json(file.read_bytes())
        _ = found.signer
    except (OSError, ValidationError, ValueError) as error:
        raise ConfigurationError(
            "MUSTER_GOOGLE_SERVICE_ACCOUNT is not the JSON key of a service account: "
            f"{type(error).__name__}."
        ) from None
    return found


class ServiceTokens:
    """Of a service account. It cannot invite anybody: that takes a Workspace administrator."""

    invites = False

    def __init__(self, account: ServiceAccount, kept: Kept | None = None, url: str = TOKEN) -> None:
        self._account = account
        self._kept = {} if kept is None else kept
        self._url = url

    async def access(self, session: aiohttp.ClientSession, *, fresh: bool = False) -> str:
        """Raises Unauthorized, Refused, SlowDown or Unreachable."""
        if not fresh and (found := _still(self._kept, self._account.private_key)) is not None:
            return found
        now = int(utcnow().timestamp())
        claims = {
            "iss": self._account.client_email, "scope": SERVICE_SCOPE, "aud": self._url,
            "iat": now, "exp": now + _JWT_SECONDS,
        }  # fmt: skip
        signed: bytes = jwt.encode(self._account.signer, claims)  # type: ignore[no-untyped-call]  # theirs
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": signed.decode(),
        }
        answer = await _asked(session, self._url, form, _service_again)
        self._kept[_key(self._account.private_key)] = _access(answer)
        return answer.access_token


def consent_url(client: Client, redirect: str, state: str, verifier: str) -> str:
    """Where a moderator's browser goes. `verifier`: PKCE's, 43 to 128 characters (RFC 7636)."""
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "client_id": client.id, "redirect_uri": redirect, "response_type": "code", "scope": SCOPE,
        # Only so Google gives a refresh token every time, not just the first time.
        "access_type": "offline", "prompt": "consent",
        "state": state, "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    return str(URL(client.consent).with_query(query))


async def exchange(
    session: aiohttp.ClientSession, client: Client, code: str, verifier: str, redirect: str
) -> Granted:
    """What the code from the callback is good for. Raises Unauthorized, Refused or Unreachable."""
    form = {
        "grant_type": "authorization_code", "code": code, "code_verifier": verifier,
        "redirect_uri": redirect,
    }  # fmt: skip
    answer = await _asked(session, client.token, _with(client, form), _code_again)
    scopes = frozenset(answer.scope.split())
    return Granted(answer.refresh_token or "", _access(answer), scopes)


async def _asked(
    session: aiohttp.ClientSession, url: str, form: Mapping[str, str], refused: Callable[[], str]
) -> _Answer:
    """The token endpoint's answer; `refused` says what invalid_grant means here."""
    status, text, retry = await request(session, "POST", url, data=dict(form))
    if status == _OK:
        return parsed(_Answer, text)
    raise _refusal(status, reason(text), refused, retry)


def _refusal(status: int, why: str, refused: Callable[[], str], retry: float | None) -> MusterError:
    """By RFC 6749, section 5.2: all that is not passing has a word for what is wrong."""
    if why in {"invalid_grant", "access_denied", "admin_policy_enforced"}:
        return Unauthorized(refused())
    if why in {"invalid_client", "unauthorized_client", "deleted_client", "redirect_uri_mismatch"}:
        return Unauthorized(
            t(
                "Google does not know Muster's client. Whoever runs Muster has to check "
                "MUSTER_GOOGLE_CLIENT_ID, MUSTER_GOOGLE_CLIENT_SECRET and the redirect address "
                "at Google ({code}).",
                code=why,
            )
        )
    if why and status in {400, 401, 403}:
        return Refused(t("Google refused to give a permission ({code}).", code=why))
    return failure(status if status not in {400, 401, 403, 404} else 503, "", "calendar", retry)


def _with(client: Client, form: Mapping[str, str]) -> dict[str, str]:
    return {**form, "client_id": client.id, "client_secret": client.secret}


def _access(answer: _Answer) -> Access:
    return Access(answer.access_token, utcnow() + timedelta(seconds=min(answer.expires_in, 86400)))


def _still(kept: Kept, secret: str) -> str | None:
    found = kept.get(_key(secret))
    return found.token if found is not None and found.until - _EARLY > utcnow() else None


def _key(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _service_again() -> str:
    return t(
        "Google does not take the service account's key. Either it was deleted at Google, or the "
        "clock of the machine that Muster runs on is wrong."
    )


def _code_again() -> str:
    return t("Google did not take the answer that it gave before. Begin again on Discord.")
