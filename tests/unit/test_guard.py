"""Which addresses that people type are never connected to."""

from __future__ import annotations

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from core.calendars import caldav_home, dav
from core.calendars.caldav import CalDav
from core.calendars.guard import Blocked, Guard, GuardedResolver
from core.calendars.port import Refused

PRIVATE = [
    "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "0.0.0.0", "0.1.2.3", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
    "64:ff9b::7f00:1", "2002:7f00:1::1", "2001::1", "fe80::1%eth0",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "193.0.6.139", "2606:4700::1111", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses(address: str) -> None:
    guard = Guard()
    assert not guard.permits("example.org", address)
    literal = f"[{address}]" if ":" in address else address
    if "%" not in address:
        with pytest.raises(Refused, match="private network"):
            guard.check(URL(f"https://{literal}/dav/"))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    guard = Guard()
    assert guard.permits("example.org", address)
    guard.check(URL(f"https://[{address}]/" if ":" in address else f"https://{address}/"))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "file:///etc/passwd", "/only/a/path", "example.org", "https://", "",
        # A socket takes these for 127.0.0.1, and asks no resolver that could be guarded.
        "https://127.1/", "https://2130706433/",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_server(url: str) -> None:
    with pytest.raises(Refused, match="not the address"):
        Guard("example.org").check(URL(url))


def test_http_is_for_hosts_that_the_operator_named() -> None:
    guard = Guard(" Cal.Example.org. , 10.1.0.0/16, fd00::/8 ,, 192.168.1.7 ")
    guard.check(URL("https://elsewhere.example.org/"))
    for named in ("cal.example.org", "10.1.2.3", "[fd00::7]", "192.168.1.7", "cal.example.org."):
        guard.check(URL(f"http://{named}:5232/"))
    for other in ("example.org", "1.1.1.1", "evil-cal.example.org", "cal.example.org.evil.net"):
        with pytest.raises(Refused, match="https://"):
            guard.check(URL(f"http://{other}/"))
    for other in ("10.2.0.1", "192.168.1.8", "[fe80::1]"):
        with pytest.raises(Refused, match="private network"):
            guard.check(URL(f"https://{other}/"))
    assert guard.permits("cal.example.org", "127.0.0.1")
    assert guard.permits("anybody.example.org", "10.1.2.3")
    assert guard.permits("anybody.example.org", "::ffff:10.1.2.3")
    assert not guard.permits("anybody.example.org", "10.2.0.1")
    assert not guard.permits("anybody.example.org", "no address")


async def test_a_name_is_checked_when_it_is_resolved() -> None:
    """Other ways to write 127.0.0.1 are names to us, and addresses to the system."""
    resolver = GuardedResolver(Guard())
    for name in ("localhost", "127.1", "0x7f000001", "2130706433"):
        with pytest.raises(Blocked, match="private network"):
            await resolver.resolve(name, 443)
    allowed = GuardedResolver(Guard("localhost"))
    assert {found["host"] for found in await allowed.resolve("localhost", 443)} <= {
        "127.0.0.1", "::1",
    }  # fmt: skip
    for one in (resolver, allowed):
        await one.close()


async def test_only_guarded_sessions_are_used() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ValueError, match="guarded"):
            CalDav(session, "https://example.org/", "me", "hunter2", None, Guard())


@pytest.mark.parametrize(
    ("base", "location", "leads"),
    [
        ("https://a.example.org/x/y", "z", "https://a.example.org/x/z"),
        ("https://a.example.org/", "/dav/#here", "https://a.example.org/dav/"),
        ("http://a.example.org/x", "https://a.example.org/x", "https://a.example.org/x"),
        ("https://a.example.org/", "https://me:pw@a.example.org/", "https://a.example.org/"),
        ("https://a.example.org/", "http://a.example.org/", None),
        ("https://a.example.org/", "https://a.example.org:8443/", None),
        ("https://a.example.org/", "//b.example.org/", None),
        ("http://a.example.org/", "https://b.example.org/", None),
        ("https://a.example.org/", "javascript:alert(1)", None),
    ],
)
def test_where_a_redirect_leads(base: str, location: str, leads: str | None) -> None:
    headers = CIMultiDictProxy(CIMultiDict({"Location": location}))
    answer = dav.Answer(302, headers, b"", URL(base))
    if leads is None:
        with pytest.raises(Refused):
            dav._next(answer)
    else:
        assert str(dav._next(answer)) == leads


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://caldav.icloud.com/", "https://p34-caldav.icloud.com:443/1/", True),
        ("https://caldav.icloud.com/", "http://p34-caldav.icloud.com/", False),
        ("https://caldav.icloud.com/", "https://caldav.icloud.com.evil.org/", False),
        ("https://example.com/", "https://evil.com/", False),
        ("https://a.example.com/", "https://example.com/", False),
    ],
)
def test_servers_of_one_operator(one: str, other: str, *, same: bool) -> None:
    assert caldav_home._siblings(URL(one), URL(other)) is same


def test_a_place_is_kept_as_text() -> None:
    place = caldav_home.Place(URL("https://a.example.org/x%40y/"), "mailto:a+b@example.org", True)
    assert caldav_home.Place.of(str(place)) == place
    bare = caldav_home.Place.of("https://a.example.org/cal/")
    assert (bare.organizer, bare.invites) == (caldav_home.NOBODY, False)
