"""Sealing everything anew with the newest key, so that an old one can be taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from core.db.calendar_models import CalendarAddress, CalendarLink, OAuthState
from core.db.engine import get_database
from core.errors import PermanentError
from core.keys import Keys

# Where something is sealed: table, column. A test compares this with the tables.
SEALED: tuple[tuple[Any, str], ...] = (
    (CalendarLink, "secret"), (CalendarAddress, "sealed"), (OAuthState, "verifier"),
)  # fmt: skip


@dataclass(frozen=True)
class Sealed:
    """How much of a table's was sealed anew, and how much no key of ours opens."""

    table: str
    done: int
    lost: int


async def rekey(keys: Keys) -> list[Sealed]:
    """Seal every secret of every server anew. Raises PermanentError where there is no key."""
    found = []
    for table, column in SEALED:
        done = lost = 0
        key = table.__table__.primary_key.columns
        value = table.__table__.c[column]
        async with get_database().transaction() as session:
            rows = await session.execute(
                select(*key, value).where(value.is_not(None)).with_for_update()
            )
            for *ids, sealed in rows.all():
                try:
                    again = keys.again(sealed)
                except PermanentError:
                    if not keys.can_seal:
                        raise
                    lost += 1
                    continue
                one = [c == i for c, i in zip(key, ids, strict=True)]
                await session.execute(update(table.__table__).where(*one).values({column: again}))
                done += 1
        found.append(Sealed(table.__tablename__, done, lost))
    return found
