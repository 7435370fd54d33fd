"""Structured logs with ids, and Sentry where it is configured. Neither ever gets a secret."""

from __future__ import annotations

import logging
import sys

import sentry_sdk
import structlog
from sentry_sdk.integrations.aiohttp import AioHttpIntegration

from core.config import Settings


def configure(settings: Settings) -> None:
    """Set up structlog, the standard library's logging and Sentry; once, from `main.py`."""
    renderer = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    # At DEBUG discord.py logs interaction tokens and webhook URLs, and asyncpg nothing we want.
    for name in ("discord", "aiohttp", "alembic"):
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))
    # Each wake, and each statement with its values, is more than anybody reads.
    for name in ("apscheduler", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if settings.sentry_dsn is not None:
        sentry_sdk.init(
            dsn=settings.sentry_dsn.get_secret_value(),
            send_default_pii=False,
            # Local variables may hold tokens and people's texts.
            include_local_variables=False,
            # It adds the addresses of requests, and those of calendar feeds are secrets.
            disabled_integrations=[AioHttpIntegration],
        )
