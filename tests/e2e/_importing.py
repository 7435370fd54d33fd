"""/member import as a moderator fills it in, and what became of the list."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from core.db.engine import get_database
from core.db.models import Expected, Membership
from tests.world import World


async def pasted(w: World, lines: str = "", **more: Any) -> Any:
    """The form filled in with these lines (or a file), and what the answer is then."""
    form = await w.mod.slash(w.room, "member import", cohort="Stats")
    assert form.modal["title"] == "Import into Stats"
    values: dict[str, Any] = {"lines": lines} if lines else {}
    return await w.mod.submit_modal(form, {**values, **more})


async def press(w: World, message: Any, *pressed: str) -> None:
    for label in pressed:
        await w.mod.click(message, label=label)


async def memberships() -> dict[int, int]:
    async with get_database().transaction() as session:
        rows = await session.execute(
            select(Membership.user_id, Membership.group_id).where(Membership.status == "active")
        )
        return dict(rows.all())


async def expected() -> list[str]:
    async with get_database().transaction() as session:
        return list(await session.scalars(select(Expected.name).order_by(Expected.name)))


async def crowd(w: World, names: list[str], **more: Any) -> list[Any]:
    """People who come to the server, a few at a time."""
    came = []
    for start in range(0, len(names), 8):
        some = names[start : start + 8]
        came += [w.guild.add_member(w.env.create_user(name, **more)) for name in some]
        await w.env.settle()
    return came


def report(w: World, result: Any) -> str:
    """The report that came as a file, as text."""
    (attachment,) = result.followups[-1].attachments
    assert result.followups[-1].ephemeral
    data = w.env.backend.cdn.get(attachment.url)
    assert data is not None
    return data.decode("utf-8-sig")


def calls(w: World, method: str, part: str, since: int) -> list[str]:
    return [r.path for r in w.env.http_requests[since:] if r.method == method and part in r.path]
