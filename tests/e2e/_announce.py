"""Announcements as a moderator makes them, and what stands where."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from core.db.engine import get_database
from core.db.meeting_models import Delivery
from core.operations import membership
from tests.e2e._acting import last, made, mod_of
from tests.world import World


async def groups(w: World, number: int = 2, people: int = 2) -> tuple[Any, list[Any]]:
    """A cohort whose groups have people and channels, and those channels."""
    cohort = await made(w, groups=number)
    for index, group_id in enumerate(cohort.group_ids):
        for person in w.members[index * people : (index + 1) * people]:
            await membership.add(mod_of(w), group_id, person.id, person.name)
        w.worker.bump([group_id])  # one by one: the first makes the category
        await w.settle()
    return cohort, [w.guild.channels[f"group-{n}"] for n in range(1, number + 1)]


async def written(w: World, text: str, **more: Any) -> Any:
    """The preview after the form."""
    form = await w.mod.slash(w.room, "announce", **more)
    return await w.mod.submit_modal(form, values={"text": text})


def said(room: Any) -> list[str]:
    return [m.content for m in room.history() if m.content.startswith(("Hello", "New"))]


async def announced(w: World, cohort: Any, text: str = "Hello **all**", press: str = "Send") -> Any:
    shown = await written(w, text)
    shown = await w.mod.select(last(shown), [f"cohort:{cohort.id}"])
    done = await w.mod.click(last(shown), label=press)
    await w.settle()
    return done


async def count(model: Any) -> int:
    async with get_database().transaction() as session:
        return int(await session.scalar(select(func.count()).select_from(model)) or 0)


async def announces() -> list[Delivery]:
    async with get_database().transaction() as session:
        query = select(Delivery).where(Delivery.announcement_id.is_not(None))
        return list((await session.scalars(query.order_by(Delivery.id))).all())


def labels_of(result: Any) -> list[str]:
    rows = last(result).components
    return [c["label"] for row in rows for c in row["components"] if "label" in c]


async def card(w: World) -> Any:
    shown = await w.mod.slash(w.room, "messages")
    value = next(
        o["value"] for row in last(shown).components for c in row["components"]
        for o in c.get("options", []) if o["value"].startswith("a:")
    )  # fmt: skip
    return await w.mod.select(last(shown), [value], custom_id="muster-pick:message_open:0")


async def withdraw(w: World) -> Any:
    asked = await w.mod.click(last(await card(w)), label="Withdraw")
    done = await w.mod.click(last(asked), label="Withdraw")
    await w.settle()
    return done
