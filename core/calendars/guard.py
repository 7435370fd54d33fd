"""Which servers Muster may talk to when a person types an address: nothing inside our own network.

Names are checked when they are resolved for the very connection that is made, so a name that
answers differently a moment later leads nowhere else.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from core.calendars.port import Refused
from core.words import t

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# IPv6 that leads to an IPv4 address which we cannot see here (NAT64, 6to4, Teredo).
_TUNNELS = [ipaddress.ip_network(n) for n in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")]
_CONNECTIONS = 20  # at once, to all servers together
_HTTPS = "https"


class Blocked(OSError):
    """A name leads to a private address. An OSError, as aiohttp wants from a resolver."""


class Guard:
    """`allowed`: names, addresses or networks with commas between them (Settings.caldav_hosts).

    These may use http and private addresses.
    """

    def __init__(self, allowed: str = "") -> None:
        self._names: set[str] = set()
        self._networks: list[_Network] = []
        for part in filter(None, (part.strip().lower() for part in allowed.split(","))):
            try:
                self._networks.append(ipaddress.ip_network(part.strip("[]"), strict=False))
            except ValueError:
                self._names.add(part.rstrip("."))

    def check(self, url: URL) -> None:
        """Raises Refused, with a sentence, for an address that Muster never connects to."""
        host = (url.host or "").rstrip(".").lower()
        address = _address(host)
        # A socket takes "127.1" for 127.0.0.1 and never asks what such a name leads to.
        odd = address is None and host.replace(".", "").isdigit()
        if url.scheme not in {_HTTPS, "http"} or not host or odd:
            raise Refused(t("That is not the address of a calendar server (https://…)."))
        if self.allows(host) or (address is not None and self._lets_in(address)):
            return
        if url.scheme != _HTTPS:
            raise Refused(t("The address has to begin with https://."))
        if address is not None and not _public(address):
            raise Refused(private(host))

    def allows(self, host: str) -> bool:
        """Whether the operator named this host: it may be anywhere."""
        return host.rstrip(".").lower() in self._names

    def permits(self, host: str, found: str) -> bool:
        """Whether a connection to `host` may go to the address `found` (as text)."""
        address = _address(found)
        if self.allows(host):
            return True
        return address is not None and (_public(address) or self._lets_in(address))

    def session(self) -> aiohttp.ClientSession:
        """A session that connects to no name but those that `permits` lets through; no cookies."""
        return aiohttp.ClientSession(
            connector=GuardedConnector(self), cookie_jar=aiohttp.DummyCookieJar()
        )

    def _lets_in(self, address: _Address) -> bool:
        return any(address in network for network in self._networks)


class GuardedResolver(AbstractResolver):
    """Resolves like the system does, and gives no address that the guard does not permit."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._system = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises Blocked where one of the addresses is private: no name has both for a reason."""
        found: Sequence[ResolveResult] = await self._system.resolve(host, port, family)
        if not all(self._guard.permits(host, result["host"]) for result in found):
            raise Blocked(private(host))
        return list(found)

    async def close(self) -> None:
        await self._system.close()


class GuardedConnector(aiohttp.TCPConnector):
    """What a session needs for addresses that people type: see Guard.session."""

    def __init__(self, guard: Guard) -> None:
        # Without a cache of names: each is checked for the connection that it is resolved for.
        super().__init__(resolver=GuardedResolver(guard), limit=_CONNECTIONS, use_dns_cache=False)


def private(host: str) -> str:
    """What a person reads about a host in a network that is not the internet."""
    return t(
        "{host} is in a private network. Whoever runs Muster can allow it with"
        " MUSTER_CALDAV_HOSTS.",
        host=host,
    )


def _address(text: str) -> _Address | None:
    """What a socket would connect to: an IPv4 address in an IPv6 one is that IPv4 address."""
    try:
        address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _public(address: _Address) -> bool:
    if any(address in network for network in _TUNNELS):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified
    )
