"""Typed settings: the operator's (environment) and each guild's (stored in its row)."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The operator's settings, read once in `main.py` from the environment and `.env`."""

    model_config = SettingsConfigDict(
        env_file=".env", env_prefix="MUSTER_", extra="ignore", populate_by_name=True,
        env_ignore_empty=True,
    )  # fmt: skip

    discord_token: SecretStr | None = Field(None, validation_alias="DISCORD_TOKEN")
    database_url: SecretStr | None = Field(None, validation_alias="DATABASE_URL")
    sentry_dsn: SecretStr | None = Field(None, validation_alias="SENTRY_DSN")
    # The same two settings point Muster at a REST rate-limit proxy or at a simulated Discord.
    discord_api_base: str | None = Field(None, validation_alias="DISCORD_API_BASE")
    discord_gateway_url: str | None = Field(None, validation_alias="DISCORD_GATEWAY_URL")
    data_dir: Path = Path("data")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    # Discord allows 50 REST calls a second per bot. At 46 a call may come 85 ms late and still no
    # second has 51; at 47 a busy machine saw 7 answers of 429 to 500 calls (measured).
    rest_per_second: float = Field(46, gt=0, le=50)
    # Discord limits how fast a bot opens new DM channels without saying how; people who were
    # written to before do not count.
    dm_per_second: float = Field(1, gt=0, le=50)
    sweep_minutes: float = Field(10, gt=0)
    # A parked system is probed this often even if nothing is known to have changed.
    probe_minutes: float = Field(60, gt=0)
    # A crashed process's lease is freed at start; a frozen one costs at most this long.
    lease_seconds: float = Field(60, gt=1)
    # One call to Discord, discord.py's own retries (25 s) included, may take so long.
    call_seconds: float = Field(60, gt=0)
    # What is stored about a server that Muster left is deleted after so many days.
    retention_days: float = Field(90, gt=0)
    # What seals secrets in the database and signs links: keys of 32 characters or more with commas
    # between them, the newest first. The others still open what they sealed.
    keys: SecretStr | None = None
    # The small web server for calendar feeds. It listens where public_url is set.
    http_host: str = "127.0.0.1"
    http_port: int = Field(8090, ge=0, le=65535)
    # How the world reaches it: https://muster.example.org. Without it, no link is ever given out.
    public_url: HttpUrl | None = None
    # CalDAV servers that may be on a private network and may use http: names or addresses.
    caldav_hosts: str = ""
    # Accounts that need not be typed into Discord: server-id=https://user:password@host/path, with
    # spaces between.
    caldav_accounts: SecretStr | None = None
    # Google Calendar: the client of an OAuth app of the operator's own.
    google_client_id: str | None = None
    google_client_secret: SecretStr | None = None
    # The JSON key of a service account: for calendars that are shared with it, without attendees.
    google_service_account: Path | None = None
    demo_port: int = Field(8080, ge=0, le=65535)

    @field_validator("public_url")
    @classmethod
    def _reachable(cls, url: HttpUrl | None) -> HttpUrl | None:
        """It stands in messages to people: no link to this machine, and none that is not https."""
        if url is None:
            return None
        more = url.username or url.password or url.query or url.fragment
        if url.scheme != "https" or more or _at_home(url.host or ""):
            raise PydanticCustomError(
                "public_url", "It has to be an https address that people can open from elsewhere"
            )
        return url


def _at_home(host: str) -> bool:
    """Whether a host is this very machine."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


ATTENDED_MINUTES = (1, 240)  # the least and the most that moderators may choose


class GuildSettings(BaseModel):
    """What the moderators of one guild chose. Stored as JSON; `version` guides migrations of it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = 1
    moderator_role_id: int | None = None
    moderator_channel_id: int | None = None
    zone: str = "UTC"  # IANA name
    language: Literal["en", "de"] = "en"  # of posts; private answers follow the person's Discord
    # What to do where somebody changed by hand what Muster had set.
    by_hand: Literal["report", "repair"] = "report"
    # Extra rights for facilitators in their own group's channels.
    facilitators_moderate: bool = False
    keep_nicknames: bool = True
    # A quiet line a day in each group's channel: who came, left and answered.
    activity_line: bool = True
    # Minutes in the voice channel that count as having come, at most half of the meeting: short of
    # it are looks into the wrong room, and whoever comes late or leaves early still counts.
    attended_minutes: int = Field(10, ge=ATTENDED_MINUTES[0], le=ATTENDED_MINUTES[1])
    # The server's own words by kind of message; core.notifications.templates.check lets them in.
    templates: dict[str, str] = Field(default_factory=dict)
