"""The control API of the simulated Discord: POST /control/<name> with a JSON object of arguments.

The answer is ``{"result": …}``, or status 409 with ``{"error": …}`` for what nobody could do in
a real client. ``discord_client.DiscordServer`` is the typed way to call it.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Any

import discord
from aiohttp import web

from tests.e2e._discord_limits import Signal
from tests.e2e._discord_people import People
from tests.e2e._discord_rest import Entry, Rest
from tests.e2e._discord_simcord import BackendError, Json, SetupError
from tests.e2e._discord_world import Scene, to_overwrites

#: Gateway attributes that ``configure`` may set.
_GATEWAY_SETTINGS = ("token", "heartbeat_interval", "member_request_window", "ack_heartbeats")
_LIMIT_SETTINGS = ("global_limit", "renames", "rename_window")


class Control:
    """Every public coroutine or method here is one control call; arguments are its JSON."""

    def __init__(self, rest: Rest, scene: Scene, people: People, signal: Signal) -> None:
        self._rest = rest
        self._scene = scene
        self._people = people
        self._signal = signal
        self._backend = rest.backend
        self._gateway = rest.gateway

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one control call."""
        name = request.match_info["name"]
        method: Callable[..., Any] | None = getattr(self, name, None)
        if name.startswith("_") or name == "handle" or method is None:
            return web.json_response({"error": f"no control call named {name}"}, status=404)
        try:
            result = method(**(await request.json()))
            if inspect.isawaitable(result):
                result = await result
        except (SetupError, BackendError, TypeError, ValueError, KeyError) as error:
            text = str(error) or type(error).__name__
            return web.json_response({"error": text}, status=409)
        self._signal.fire()
        return web.Response(text=json.dumps({"result": result}), content_type="application/json")

    # ------------------------------------------------------------- the world

    def create_guild(
        self,
        name: str,
        bot_permissions: int,
        owner_id: int | None = None,
        everyone: int | None = None,
    ) -> Json:
        return self._scene.create_guild(name, bot_permissions, owner_id, everyone)

    def remove_guild(self, guild_id: int) -> None:
        self._backend.remove_guild(guild_id)

    def create_role(
        self, guild_id: int, name: str, permissions: int = 0, position: int | None = None
    ) -> int:
        return self._backend.create_role(
            guild_id, name, permissions=permissions, position=position
        ).id

    def edit_role(self, guild_id: int, role_id: int, changes: Json) -> None:
        self._backend.edit_role(guild_id, role_id, changes)

    def delete_role(self, guild_id: int, role_id: int) -> None:
        self._backend.delete_role(guild_id, role_id)

    def add_member(self, guild_id: int, name: str, **fields: Any) -> int:
        return self._scene.add_member(guild_id, name, **fields)

    def edit_member(self, guild_id: int, user_id: int, changes: Json) -> None:
        self._scene.edit_member(guild_id, user_id, changes)

    def remove_member(self, guild_id: int, user_id: int) -> None:
        self._backend.remove_member(guild_id, user_id)

    def create_channel(
        self, guild_id: int, name: str, kind: int, parent_id: int | None, overwrites: list[Json]
    ) -> int:
        return self._scene.create_channel(guild_id, name, kind, parent_id, overwrites)

    def edit_channel(self, channel_id: int, changes: Json) -> None:
        self._backend.edit_channel(channel_id, changes)

    def delete_channel(self, channel_id: int) -> None:
        self._backend.delete_channel(channel_id)

    def set_overwrite(self, channel_id: int, overwrite: Json) -> None:
        self._backend.set_overwrite(channel_id, to_overwrites([overwrite])[0])

    def delete_overwrite(self, channel_id: int, target_id: int) -> None:
        self._backend.delete_overwrite(channel_id, target_id)

    def post(self, channel_id: int, user_id: int, content: str) -> int:
        return self._scene.post(channel_id, user_id, content)

    def delete_message(self, channel_id: int, message_id: int) -> None:
        self._backend.delete_message(channel_id, message_id)

    def close_dms(self, user_id: int, *, closed: bool) -> None:
        (self._people.closed_dms.add if closed else self._people.closed_dms.discard)(user_id)

    def move_voice(self, guild_id: int, user_id: int, channel_id: int | None) -> None:
        self._backend.set_voice_state(guild_id, user_id, channel_id)

    def follow_event(self, guild_id: int, event_id: int, user_id: int, *, interested: bool) -> None:
        self._backend.set_scheduled_event_subscription(guild_id, event_id, user_id, interested)

    def delete_event(self, guild_id: int, event_id: int) -> None:
        self._backend.delete_scheduled_event(guild_id, event_id)

    def advance_clock(self, seconds: float) -> None:
        self._backend.clock.advance(seconds)
        self._backend.activate_due_scheduled_events()

    # --------------------------------------------------------------- reading

    def guilds(self) -> list[int]:
        return list(self._backend.guilds)

    def dump(self, guild_id: int, *, messages: bool = False) -> Json:
        return self._scene.dump(guild_id, messages=messages)

    def messages(self, channel_id: int) -> list[Json]:
        return self._scene.messages(channel_id)

    def direct_messages(self, user_id: int) -> list[Json]:
        return self._scene.direct_messages(user_id)

    def permissions(self, guild_id: int, user_id: int, channel_id: int | None = None) -> int:
        return self._backend.compute_permissions(guild_id, user_id, channel_id)

    def visible_channels(self, guild_id: int, user_id: int) -> list[int]:
        bit = discord.Permissions.view_channel.flag
        channels = self._backend.get_guild(guild_id).channel_ids
        return [c for c in channels if self.permissions(guild_id, user_id, c) & bit]

    def commands(self, guild_id: int | None = None) -> list[Json]:
        return list(self._backend.commands.get(guild_id, {}).values())

    def calls(self, after: int = 0, *, bodies: bool = True) -> list[Json]:
        hidden = () if bodies else ("body", "answer")
        return [
            {key: value for key, value in vars(entry).items() if key not in hidden}
            for entry in self._rest.log[after:]
        ]

    def violations(self) -> list[Json]:
        return self._rest.violations

    def status(self) -> Json:
        return {
            "gateway": self._gateway.status(),
            "statuses": dict(self._rest.counted),
            "calls": len(self._rest.log),
            "validating": self._rest.validator is not None and self._rest.validate,
        }

    # ------------------------------------------------------------ misbehaving

    def configure(self, **settings: Any) -> None:
        rest, gateway = self._rest, self._gateway
        for key, value in settings.items():
            if key in _GATEWAY_SETTINGS:
                setattr(gateway, key, value)
            elif key in _LIMIT_SETTINGS:
                setattr(rest.limits, key, value)
            elif key == "buckets":
                rest.limits.buckets.update({k: (int(v[0]), float(v[1])) for k, v in value.items()})
            elif key == "approved_intents":
                gateway.approved = set(value)
            elif key == "nonce_window":
                rest.nonces.window = value
            elif key in ("validate", "latency"):
                setattr(rest, key, value)
            else:
                raise SetupError(f"unknown setting {key}")

    def add_fault(self, **spec: Any) -> int:
        return self._rest.faults.add(spec).id

    def faults(self) -> list[Json]:
        return [fault.describe() for fault in self._rest.faults.active.values()]

    def clear_faults(self, fault_id: int | None = None) -> None:
        self._rest.faults.clear(fault_id)

    def gateway(self, action: str, code: int = 4000) -> int:
        return self._gateway.act(action, code)

    def refuse_gateway(self, times: int, how: str = "reset") -> None:
        self._gateway.refuse_next, self._gateway.refuse_how = times, how

    def hold_events(self) -> None:
        self._gateway.hold()

    def release_events(self) -> int:
        return self._gateway.release()

    # --------------------------------------------------------------- waiting

    async def wait_gateway(self, field: str, at_least: int, timeout: float) -> Json:
        gateway = self._gateway
        await self._until(lambda: gateway.status()[field] >= at_least, timeout, f"gateway {field}")
        return gateway.status()

    async def wait_fault(self, fault_id: int, hits: int, timeout: float) -> Json:
        fault = self._rest.faults.active[fault_id]
        await self._until(lambda: fault.hits >= hits, timeout, f"fault {fault_id}")
        return fault.describe()

    async def wait_commands(self, count: int, guild_id: int | None, timeout: float) -> None:
        known = self._backend.commands
        await self._until(lambda: len(known.get(guild_id, {})) >= count, timeout, "commands")

    async def wait_calls(
        self, method: str, route: str, count: int, after: int, timeout: float
    ) -> list[Json]:
        def found() -> list[Entry]:
            return [
                entry
                for entry in self._rest.log[after:]
                if entry.status is not None
                and method in ("*", entry.method)
                and route in ("*", entry.route)
            ]

        await self._until(lambda: len(found()) >= count, timeout, f"{method} {route}")
        return [dict(vars(entry)) for entry in found()]

    async def wait_interaction(
        self, interaction_id: int, until: str, contains: str, timeout: float
    ) -> Json:
        people = self._people

        def ready() -> bool:
            if contains:
                return contains in json.dumps(_shown(people.interaction(interaction_id)))
            if until == "ack":
                return bool(people.interaction(interaction_id)["acknowledged"])
            return people.complete(interaction_id)

        await self._signal.until(ready, timeout)
        return people.interaction(interaction_id)

    async def _until(self, ready: Callable[[], bool], timeout: float, what: str) -> None:
        if not await self._signal.until(ready, timeout):
            raise SetupError(f"waited {timeout} s in vain for {what}")

    # --------------------------------------------------------------- actions

    async def slash(self, channel_id: int, user_id: int, command: str, options: Json) -> int:
        return await self._people.slash(channel_id, user_id, command, options)

    async def autocomplete(
        self, channel_id: int, user_id: int, command: str, option: str, typed: str, filled: Json
    ) -> int:
        people = self._people
        return await people.autocomplete(channel_id, user_id, command, option, typed, filled)

    async def click(
        self,
        channel_id: int,
        message_id: int,
        user_id: int,
        custom_id: str | None = None,
        label: str | None = None,
    ) -> int:
        return await self._people.click(channel_id, message_id, user_id, custom_id, label)

    async def rush(
        self,
        channel_id: int,
        message_id: int,
        user_ids: list[int],
        custom_id: str,
        timeout: float = 30,
    ) -> list[float]:
        """Press at once; milliseconds to each one's acknowledgement."""
        people = self._people
        made = people.rush(channel_id, message_id, user_ids, custom_id)
        records = [people.records[one] for one in made]
        await self._until(
            lambda: all(r.ack_ms is not None for r in records), timeout, "acknowledgements"
        )
        return [r.ack_ms for r in records if r.ack_ms is not None]

    async def select(
        self,
        channel_id: int,
        message_id: int,
        user_id: int,
        values: list[Any],
        custom_id: str | None = None,
    ) -> int:
        return await self._people.select(channel_id, message_id, user_id, values, custom_id)

    async def submit(self, interaction_id: int, user_id: int, values: Json) -> int:
        return await self._people.submit(interaction_id, user_id, values)

    def forge(
        self, channel_id: int, user_id: int, kind: int, data: Json, message_id: int | None = None
    ) -> int:
        return self._people.forge(channel_id, user_id, kind, data, message_id)

    async def ping(self) -> str:
        await asyncio.sleep(0)
        return "pong"


def _shown(interaction: Json) -> list[Any]:
    """What the person sees of an interaction, without what the bot sent to get there."""
    return [interaction[key] for key in ("message", "followups", "modal", "choices")]
