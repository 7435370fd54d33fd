"""The typed way to drive the simulated Discord of ``discord_server`` from pytest.

    async with DiscordServer(seed="small") as server:
        bot = start_the_bot(**server.environment)
        await server.wait_connected()
        result = await server.slash(server.seed["general_id"], member_id, "ping")
        assert result.message["content"] == "pong"

Ids are ``int``, permission bits ``int``, timeouts seconds, times in answers ISO 8601 UTC. A call
that nobody could make in a real client (a hidden command, a missing button) raises Impossible.
"""

from __future__ import annotations

from typing import Any, Literal, cast

from tests.e2e._discord_client_world import (
    BOT_PERMISSIONS,
    CATEGORY,
    TEXT,
    VOICE,
    Impossible,
    Interaction,
    Json,
    ServerProcess,
    WorldClient,
)

FaultKind = Literal["status", "hang", "hang_after", "reset", "reset_after", "half", "delay"]
GatewayAction = Literal[
    "reconnect", "invalid", "invalid_resumable", "close", "drop", "heartbeat", "forget"
]

__all__ = [
    "BOT_PERMISSIONS",
    "CATEGORY",
    "TEXT",
    "VOICE",
    "DiscordServer",
    "Impossible",
    "Interaction",
    "Json",
    "ServerProcess",
]


class DiscordServer(WorldClient):
    """A simulated Discord in a process of its own; an async context manager.

    Its arguments, building the world and reading it are in ``WorldClient``; here are scripted
    trouble, waiting, and what people do.
    """

    # ------------------------------------------------------------ misbehaving

    async def configure(self, **settings: Any) -> None:
        """Set switches.

        global_limit (calls/s, 0 off), buckets ({"METHOD /route": [calls, seconds]}), renames and
        rename_window, nonce_window (s), latency (s added to each REST call), validate, token
        (None takes any), approved_intents (names), heartbeat_interval (s), ack_heartbeats,
        member_request_window (s between full member requests of a guild, 0 off).
        """
        await self.call("configure", **settings)

    async def fault(self, kind: FaultKind, **spec: Any) -> int:
        """Script a fault; its id.

        spec: method, path (shell pattern on path or the route template), nth, times (None for
        ever), status, code, message, retry_after, scope, delay, body_contains,
        include_interactions. See ``_discord_limits.Fault`` for the kinds.
        """
        return int(await self.call("add_fault", kind=kind, **spec))

    async def faults(self) -> list[Json]:
        """The scripted faults with how many calls they saw and hit."""
        return cast("list[Json]", await self.call("faults"))

    async def clear_faults(self, fault_id: int | None = None) -> None:
        """Remove one fault or all; hanging calls go on (a hang then processes and answers)."""
        await self.call("clear_faults", fault_id=fault_id)

    async def gateway(self, action: GatewayAction, code: int = 4000) -> int:
        """Do something to every gateway connection; how many there were."""
        return int(await self.call("gateway", action=action, code=code))

    async def refuse_gateway(self, times: int, how: Literal["reset", "503"] = "reset") -> None:
        """Refuse the next gateway connections."""
        await self.call("refuse_gateway", times=times, how=how)

    async def hold_events(self) -> None:
        """Hold gateway events back: the bot's cache goes stale."""
        await self.call("hold_events")

    async def release_events(self) -> int:
        """Send what was held back; how many events."""
        return int(await self.call("release_events"))

    # --------------------------------------------------------------- waiting

    async def wait_connected(self, sessions: int = 1, timeout: float = 30) -> Json:
        """Wait until so many sessions have a connection; the gateway's counters."""
        return await self.wait_gateway("connected", sessions, timeout)

    async def wait_gateway(self, field: str, at_least: int, timeout: float = 30) -> Json:
        """Wait for a counter: connected, identified, resumed, invalidated, refused and others."""
        given = {"field": field, "at_least": at_least, "timeout": timeout}
        return cast("Json", await self.call("wait_gateway", **given))

    async def wait_fault(self, fault_id: int, hits: int = 1, timeout: float = 30) -> Json:
        """Wait until a fault has acted so often."""
        given = {"fault_id": fault_id, "hits": hits, "timeout": timeout}
        return cast("Json", await self.call("wait_fault", **given))

    async def wait_commands(
        self,
        count: int = 1,
        guild_id: int | None = None,
        timeout: float = 30,
    ) -> None:
        """Wait until the bot has synced at least so many commands."""
        await self.call("wait_commands", count=count, guild_id=guild_id, timeout=timeout)

    async def wait_calls(
        self,
        method: str,
        route: str,
        count: int = 1,
        *,
        after: int = 0,
        timeout: float = 30,
    ) -> list[Json]:
        """Wait for answered calls of a route template ("*" any) since log entry ``after``."""
        given = {"method": method, "route": route, "count": count, "after": after}
        return cast("list[Json]", await self.call("wait_calls", **given, timeout=timeout))

    async def interaction(
        self,
        interaction_id: int,
        *,
        until: Literal["ack", "complete"] = "complete",
        contains: str = "",
        timeout: float = 10,
    ) -> Interaction:
        """The answers to an interaction, once acknowledged, complete, or containing a text.

        After ``timeout`` it returns what there is; look at ``acknowledged`` and ``complete``.
        """
        given = {"until": until, "contains": contains, "timeout": timeout}
        answer = await self.call("wait_interaction", interaction_id=interaction_id, **given)
        return Interaction(**answer)

    # --------------------------------------------------------------- actions

    async def slash(
        self,
        channel_id: int,
        user_id: int,
        command: str,
        /,
        options: Json | None = None,
        **wait: Any,
    ) -> Interaction:
        """Run a slash command ("group create"); people, channels and roles are given by id.

        ``wait`` goes to ``interaction``. The actor must see the command and the channel.
        """
        given = {"command": command, "options": options or {}}
        made = await self.call("slash", channel_id=channel_id, user_id=user_id, **given)
        return await self.interaction(made, **wait)

    async def autocomplete(
        self,
        channel_id: int,
        user_id: int,
        command: str,
        option: str,
        typed: str = "",
        filled: Json | None = None,
    ) -> list[Json]:
        """The choices that the bot offers: [{name, value}]; [] if it does not answer."""
        given = {"command": command, "option": option, "typed": typed, "filled": filled or {}}
        made = await self.call("autocomplete", channel_id=channel_id, user_id=user_id, **given)
        return (await self.interaction(made)).choices or []

    async def rush(
        self,
        channel_id: int,
        message_id: int,
        user_ids: list[int],
        custom_id: str,
        timeout: float = 30,
    ) -> list[float]:
        """Many people press one button at the same instant; ms to each acknowledgement."""
        place = {"channel_id": channel_id, "message_id": message_id, "user_ids": user_ids}
        answer = await self.call("rush", **place, custom_id=custom_id, timeout=timeout)
        return [float(ms) for ms in answer]

    async def click(
        self,
        channel_id: int,
        message_id: int,
        user_id: int,
        *,
        custom_id: str | None = None,
        label: str | None = None,
        **wait: Any,
    ) -> Interaction:
        """Press the one button with this custom_id or label on a message."""
        place = {"channel_id": channel_id, "message_id": message_id, "user_id": user_id}
        made = await self.call("click", **place, custom_id=custom_id, label=label)
        return await self.interaction(made, **wait)

    async def select(
        self,
        channel_id: int,
        message_id: int,
        user_id: int,
        values: list[Any],
        *,
        custom_id: str | None = None,
        **wait: Any,
    ) -> Interaction:
        """Choose in a select: strings, or ids of people, channels, roles."""
        place = {"channel_id": channel_id, "message_id": message_id, "user_id": user_id}
        made = await self.call("select", **place, values=values, custom_id=custom_id)
        return await self.interaction(made, **wait)

    async def submit(self, shown: Interaction, values: Json, **wait: Any) -> Interaction:
        """Fill in the modal that ``shown`` answered with, by custom_id, and send it."""
        given = {"interaction_id": shown.id, "user_id": shown.user_id, "values": values}
        made = await self.call("submit", **given)
        return await self.interaction(made, **wait)

    async def forge(
        self,
        channel_id: int,
        user_id: int,
        kind: int,
        data: Json,
        *,
        message_id: int | None = None,
        **wait: Any,
    ) -> Interaction:
        """Send any interaction data as a forged client would (kind 2 command, 3 component, …)."""
        place = {"channel_id": channel_id, "user_id": user_id, "message_id": message_id}
        made = await self.call("forge", **place, kind=kind, data=data)
        return await self.interaction(made, **wait)
