"""Log lines for an operator, on stderr: text for people, or JSON for a collector."""

import logging
import sys
from datetime import UTC, datetime
from typing import Literal

import msgspec

LogFormat = Literal["text", "json"]


class TextFormatter(logging.Formatter):
    """``2026-01-02T03:04:05Z WARNING retention.room: the disk ...``; control characters escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with the traceback below it where there is one."""
        line = f"{_time_of(record)} {record.levelname} {_name_of(record)}: {record.getMessage()}"
        # A report's text in a line must not be able to begin another, or to steer a terminal; an
        # exception may quote one.
        lines = [_escape(line)]
        if record.exc_info:
            traceback = self.formatException(record.exc_info)
            lines += [f"  {_escape(each)}" for each in traceback.split("\n")]
        return "\n".join(lines)


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = {
            "time": _time_of(record),
            "level": record.levelname.lower(),
            "logger": _name_of(record),
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(fields).decode()


def configure_logging(level: str, log_format: LogFormat) -> None:
    """Send this program's and uvicorn's log lines from ``level`` up to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # What they say about each request and connection is nothing that an operator acts on; uvicorn
    # warns of whatever a stranger sends.
    for name, least in (("uvicorn", "ERROR"), ("httpx", "WARNING"), ("filelock", "WARNING")):
        logging.getLogger(name).setLevel(least)


def _escape(text: str) -> str:
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _time_of(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _name_of(record: logging.LogRecord) -> str:
    return record.name.removeprefix("faultline_lite.")
