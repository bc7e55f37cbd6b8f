"""What is in force and where it came from, and how the server is; to read, not to change."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any, Literal, NamedTuple

from starlette.responses import Response

from faultline_lite.config import (
    ENVIRONMENT_PREFIX,
    SECRET_KEYS,
    Config,
    describe_keys,
)
from faultline_lite.store.pages import get_used_bytes
from faultline_lite.store.search_index import get_lag
from faultline_lite.store.sizes import get_oldest_ms, get_totals, measure_parts
from faultline_lite.web.alarms import find_hints
from faultline_lite.web.formatting import size_text
from faultline_lite.web.visits import Values, Visit

#: Flags of ``faultline-lite serve``; a test holds them against the command.
FLAGS = {"host": "--host", "port": "--port", "db": "--db", "log_level": "--log-level"}
#: A larger file is not read for its own sake, unless somebody asks for it.
MEASURED_BYTES = 256 * 2**20
#: 0, and -1, which older files have, mean that there is no limit.
_UNLIMITED_AT_ZERO = frozenset(
    {
        "retention_days",
        "max_occurrences_per_error",
        "max_occurrences_per_project",
        "max_db_bytes",
        "rate_limit_per_key",
        "rate_limit_per_project",
    }
)

Shown = Literal["text", "secret", "none", "unlimited", "yes", "no"]


class Setting(NamedTuple):
    """A key in force. ``text`` is its value where ``shown`` is "text"; a secret has none.

    ``secrets`` is how many keys there are of a secret.
    """

    key: str
    description: str
    shown: Shown
    text: str
    secrets: int
    source: str
    default: str
    variable: str
    flag: str | None


async def show_settings(visit: Visit) -> Response:
    """Show the configuration and the state of the server."""
    services = visit.services
    config = services.config

    def read(connection: sqlite3.Connection) -> Values:
        waiting, lag_seconds = get_lag(connection, services.clock.now_ms())
        sizes = {name: _size_of(path) for name, path in services.database.files.items()}
        return {
            "config": config,
            "settings": list_settings(config),
            "hints": find_hints(services),
            "pairs": services.key_store.pairs,
            "sizes": sizes,
            "used_bytes": get_used_bytes(connection),
            "free_bytes": shutil.disk_usage(services.database.path.parent).free,
            "index_waiting": waiting,
            "index_lag_seconds": round(lag_seconds),
            "oldest_ms": get_oldest_ms(connection),
            "last_pass": services.retention.last,
            "measures_itself": sizes["database"] <= MEASURED_BYTES,
        }

    return await visit.show("settings.html", read)


async def show_sizes(visit: Visit) -> Response:
    """Show how much the store holds. Reads the whole file, where nothing waits for it."""

    def read(connection: sqlite3.Connection) -> Values:
        return {"totals": get_totals(connection), "shares": measure_parts(connection)}

    values = await visit.services.database.maintain(read)
    template = "settings_sizes.html" if visit.wants_part else "settings_sizes_page.html"
    return await visit.show(template, lambda _: values)


def list_settings(config: Config) -> list[Setting]:
    """Return every key in force, in the order of the table of defaults, no secret's value."""
    return [
        _describe(config, key, default, description)
        for key, default, description in describe_keys()
    ]


def _describe(config: Config, key: str, default: Any, description: str) -> Setting:
    value = getattr(config, key)
    shown, text = _show(key, value)
    return Setting(
        key=key,
        description=description,
        shown=shown,
        text=text,
        secrets=len(value) if isinstance(value, tuple) else 1,
        source=config.sources.get(key, "default"),
        default=_show(key, default)[1],
        variable=f"{ENVIRONMENT_PREFIX}{key.upper()}",
        flag=FLAGS.get(key),
    )


def _show(key: str, value: Any) -> tuple[Shown, str]:
    """Return how a value is shown, and its text where that is by a text."""
    if value is None or value == ():
        return "none", ""
    if key in SECRET_KEYS:
        return "secret", ""
    if isinstance(value, bool):
        return ("yes" if value else "no"), ""
    if key in _UNLIMITED_AT_ZERO and value <= 0:
        return "unlimited", ""
    if key.endswith("_bytes"):
        return ("text", size_text(value)) if value > 0 else ("none", "")
    if isinstance(value, tuple):
        return "text", ", ".join(map(str, value))
    if isinstance(value, int) and key != "port":
        return "text", f"{value:,}"
    return "text", str(value)


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
