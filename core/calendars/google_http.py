"""One request to Google at a time: bounded in time and size, every failure an error of the port."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError
from yarl import URL

from core.calendars.port import Unreachable
from core.words import t

SECONDS = 30.0  # for one request; Google's own servers end theirs sooner
# Bytes of one answer. A page has 250 entries at most; with 60 guests each it has about 3 MB.
LARGEST = 8 * 1024 * 1024
_LONGEST_WAIT = 6  # digits of a Retry-After that we believe: 11 days

M = TypeVar("M", bound=BaseModel)


async def request(
    session: aiohttp.ClientSession, method: str, url: URL | str, **more: Any
) -> tuple[int, bytes, float | None]:
    """Status, body and Retry-After (seconds) of one answer. Raises Unreachable."""
    try:
        async with session.request(
            method,
            url,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=SECONDS),
            **more,
        ) as response:
            text = bytearray()
            async for chunk in response.content.iter_chunked(64 * 1024):
                text += chunk
                if len(text) > LARGEST:
                    raise Unreachable(t("Google's answer is too large to be right."))
            return response.status, bytes(text), _seconds(response.headers.get("Retry-After"))
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise Unreachable(t("Google cannot be reached just now.")) from error


def parsed(into: type[M], text: bytes) -> M:
    """An answer's JSON as a model. Raises Unreachable where it is something else."""
    try:
        return into.model_validate_json(text or b"{}")
    except ValidationError:
        # Without the error itself: it would repeat people's addresses in a log.
        raise Unreachable(t("Google gave an answer that makes no sense.")) from None


def reason(text: bytes) -> str:
    """Why Google refused, in its own word; "" where the answer is not Google's."""
    try:
        error = json.loads(text)["error"]
        return str(error["errors"][0]["reason"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return ""


def _seconds(value: str | None) -> float | None:
    """Retry-After as a number of seconds; a date, which Google does not send, counts as none."""
    plain = value is not None and value.isdecimal() and len(value) <= _LONGEST_WAIT
    return float(value) if plain and value else None
