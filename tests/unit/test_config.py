"""What the operator may set, and what a guild's settings survive."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from core.config import GuildSettings, Settings


def test_defaults_need_nothing() -> None:
    settings = Settings(_env_file=None)
    assert settings.discord_token is None
    assert settings.database_url is None
    assert (settings.rest_per_second, settings.sweep_minutes, settings.probe_minutes) == (
        46,
        10,
        60,
    )
    assert settings.lease_seconds == 60
    assert settings.data_dir == Path("data")


def test_names_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "DISCORD_TOKEN": "secret-token", "DATABASE_URL": "postgresql://u:pw@h/d",
        "DISCORD_API_BASE": "http://127.0.0.1:1/api/v10", "MUSTER_SWEEP_MINUTES": "2.5",
        "MUSTER_DATA_DIR": "/var/lib/muster", "MUSTER_LOG_FORMAT": "json",
    }  # fmt: skip
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    settings = Settings(_env_file=None)
    assert settings.discord_token is not None
    assert settings.discord_token.get_secret_value() == "secret-token"
    assert settings.sweep_minutes == 2.5
    assert settings.data_dir == Path("/var/lib/muster")
    assert settings.log_format == "json"
    # Neither the token nor the password shows where settings are printed.
    assert "secret-token" not in repr(settings)
    assert "pw@" not in repr(settings)


def test_the_file_and_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("DISCORD_TOKEN=from-file\nMUSTER_DEMO_PORT=1234\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("DISCORD_TOKEN", "from-environment")
    settings = Settings(_env_file=file)
    assert settings.discord_token is not None
    assert settings.discord_token.get_secret_value() == "from-environment"
    assert settings.demo_port == 1234


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MUSTER_REST_PER_SECOND", "51"),
        ("MUSTER_REST_PER_SECOND", "0"),
        ("MUSTER_SWEEP_MINUTES", "-1"),
        ("MUSTER_LEASE_SECONDS", "1"),
        ("MUSTER_DEMO_PORT", "65536"),
        ("MUSTER_LOG_LEVEL", "LOUD"),
        # It stands in messages to people, who are on another machine.
        ("MUSTER_PUBLIC_URL", "http://muster.example.org"),
        ("MUSTER_PUBLIC_URL", "https://127.0.0.1:8090"),
        ("MUSTER_PUBLIC_URL", "https://[::1]/"),
        ("MUSTER_PUBLIC_URL", "https://localhost"),
        ("MUSTER_PUBLIC_URL", "https://a:b@muster.example.org"),
        ("MUSTER_PUBLIC_URL", "https://muster.example.org/?a=b"),
        ("MUSTER_PUBLIC_URL", "muster.example.org"),
    ],
)
def test_nonsense_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        Settings(_env_file=None)


def test_an_empty_line_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MUSTER_PUBLIC_URL", "MUSTER_HTTP_PORT", "MUSTER_GOOGLE_SERVICE_ACCOUNT"):
        monkeypatch.setenv(name, "")
    settings = Settings(_env_file=None)
    assert settings.public_url is None
    assert settings.http_port == 8090
    assert settings.google_service_account is None


def test_guild_settings_of_other_versions() -> None:
    assert GuildSettings.model_validate({}).by_hand == "report"
    assert GuildSettings.model_validate({"zone": "Asia/Tokyo", "unknown": 1}).zone == "Asia/Tokyo"
    with pytest.raises(ValidationError):
        GuildSettings.model_validate({"by_hand": "sometimes"})
    with pytest.raises(ValidationError):
        GuildSettings().zone = "UTC"  # type: ignore[misc]  # frozen is the point
