"""Commands that work on this machine: serve, init, check."""

import contextlib
import os
import secrets
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import click

from faultline_lite.cli.example import render_config, to_readable
from faultline_lite.cli.output import print_table, printable
from faultline_lite.cli.settings import config_option, load_settings
from faultline_lite.config import KEYS, SECRET_KEYS, Config, LogLevel, check_listen, is_loopback
from faultline_lite.database_file import quick_check
from faultline_lite.exceptions import ConfigError, DatabaseUnusableError
from faultline_lite.logs import configure_logging
from faultline_lite.private_files import write_private_file
from faultline_lite.sealedbox import create_key_file, load_key_file

#: A Sentry DSN takes 32 hexadecimal digits and nothing else as its key.
KEY_BYTES = 16
SHORT_KEY_CHARACTERS = 16

Finding = tuple[Literal["ok", "warning", "FAILED"], str]


@click.command()
@config_option
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on.")
@click.option("--db", type=click.Path(path_type=Path, dir_okay=False), help="Database file.")
@click.option("--log-level", type=click.Choice(get_args(LogLevel)), help="Least severe log line.")
def serve(
    config_file: Path | None,
    host: str | None,
    port: int | None,
    db: Path | None,
    log_level: str | None,
) -> None:
    """Start the server; Ctrl-C or SIGTERM stops it."""
    # Half of the time that any other command takes would go by with it.
    from faultline_lite.server import serve as run_server

    config = load_settings(config_file, host=host, port=port, db=db, log_level=log_level)
    check_listen(config)
    configure_logging(config.log_level, config.log_format)
    if not config.key_file.exists():
        _create_key_file(config.key_file)
    load_key_file(config.key_file)
    run_server(config, lambda url: _greet(config, url))


@click.command()
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    show_default=True,
    help="Where to write faultline.toml and faultline.key.",
)
def init(folder: Path) -> None:
    """Write a configuration with fresh keys; never overwrites."""
    config_file, key_file = folder / "faultline.toml", folder / "faultline.key"
    for path in (config_file, key_file):
        if path.exists():
            raise ConfigError(f"{path} exists already: nothing was written")
    master_key, client_key = secrets.token_hex(KEY_BYTES), secrets.token_hex(KEY_BYTES)
    values = {
        "db": "faultline.db",
        "key_file": "faultline.key",
        "master_api_key": master_key,
        "client_api_keys": [client_key],
    }
    _create_key_file(key_file)
    try:
        write_private_file(config_file, render_config(values).encode())
    except OSError as error:
        raise ConfigError(f"{config_file} cannot be written: {error.strerror}") from error
    click.echo(f"Wrote {config_file} and {key_file}. Start the server with:\n")
    click.echo(f"    faultline-lite serve --config {shlex.quote(str(config_file))}")


@click.command()
@config_option
def check(config_file: Path | None) -> None:
    """Check configuration, database, key file and disk.

    Exit code 1 where something failed.
    """
    config = load_settings(config_file)
    click.echo(f"Configuration: {config.file or 'defaults, no file'}\n")
    print_table(("key", "value", "from"), [_setting(config, key) for key in KEYS], whole=True)
    click.echo()
    findings = list(_find(config))
    for state, text in findings:
        click.echo(f"{state:<8} {printable(text)}")
    if any(state == "FAILED" for state, _ in findings):
        sys.exit(1)


COMMANDS = (serve, init, check)


def _create_key_file(path: Path) -> None:
    try:
        create_key_file(path, time.time_ns() // 1_000_000)
    except OSError as error:
        raise ConfigError(f"the key file {path} cannot be written: {error.strerror}") from error


def _greet(config: Config, url: str) -> None:
    """Say where everything is, and how to send a first error."""
    # Whoever reads it may go away (`serve | head -1`); the server stays.
    with contextlib.suppress(OSError):
        click.echo(f"faultline-lite listens on {url}")
        click.echo(f"  configuration  {config.file or 'defaults'}")
        click.echo(f"  database       {config.db}")
        click.echo(f"  key file       {config.key_file}")
        click.echo("\nPost a first error with:\n")
        click.echo(
            f'  curl {_key_header(config)}-d \'{{"errors": [{{"message": "Hello, faultline"}}]}}\' '
            f"{url}/v0/projects/sample-project/errors\n"
        )


def _key_header(config: Config) -> str:
    """Return curl's option with the key, which is left out where a log would keep it."""
    if not config.client_api_keys:
        return "" if config.master_api_key is None else "-H 'X-Api-Key: <master_api_key>' "
    key = config.client_api_keys[0] if sys.stdout.isatty() else "<client api key>"
    return f"-H {shlex.quote(f'X-Api-Key: {key}')} "


def _setting(config: Config, key: str) -> tuple[str, str, str]:
    value = getattr(config, key)
    if value is None:
        shown = ""
    elif key in SECRET_KEYS:
        shown = "set" if value else ""
    elif isinstance(value, tuple):
        shown = ", ".join(value)
    else:
        # True and false as they stand in the file.
        shown = str(value).lower() if isinstance(value, bool) else str(to_readable(key, value))
    return key, shown, config.sources[key]


def _find(config: Config) -> Iterator[Finding]:
    """Yield what is right and wrong with the set-up."""
    yield from _find_keys(config)
    file = config.file
    holds_keys = any(config.sources[key] == "file" for key in SECRET_KEYS)
    if file and holds_keys and os.name == "posix" and file.stat().st_mode & 0o077:
        yield "warning", f"{file} holds API keys and is open to others: chmod 600 {file}"
    for look in (
        partial(_find_key_file, config.key_file),
        partial(_find_database, config.db),
        partial(_find_room, config),
    ):
        try:
            yield look()
        except OSError as error:
            # A folder that may not be looked into says nothing of the others.
            yield "FAILED", f"{error.filename}: {error.strerror}"


def _find_keys(config: Config) -> Iterator[Finding]:
    try:
        check_listen(config)
    except ConfigError as error:
        yield "FAILED", str(error)
    if config.master_api_key is not None:
        yield "ok", "master_api_key is set"
    elif config.client_api_keys:
        yield "warning", "no master_api_key: reports come in and nobody may read them"
    elif is_loopback(config.host):
        yield "ok", "no API key: whoever is on this machine may do everything"
    keys = [key for key in (config.master_api_key, *config.client_api_keys) if key]
    if any(len(key) < SHORT_KEY_CHARACTERS for key in keys):
        yield "warning", f"an API key has fewer than {SHORT_KEY_CHARACTERS} characters"
    if config.master_api_key in config.client_api_keys:
        yield "warning", "the master key is a client key, too: clients may do everything"


def _find_key_file(path: Path) -> Finding:
    if not path.exists():
        return _find_nothing(f"key file {path}", path)
    try:
        pairs = load_key_file(path)
    except ConfigError as error:
        return "FAILED", str(error)
    return "ok", f"key file {path}: {len(pairs)} key pair(s), readable by its owner alone"


def _find_database(path: Path) -> Finding:
    if not path.exists() or path.stat().st_size == 0:
        return _find_nothing(f"database {path}", path)
    if path.is_dir():
        return "FAILED", f"database {path}: it is a folder"
    try:
        problems = quick_check(path)
    except DatabaseUnusableError as error:
        return "FAILED", str(error)
    if problems:
        return "FAILED", f"database {path}: {problems[0]} ({len(problems)} problem(s))"
    if not all(os.access(each, os.W_OK) for each in (path, path.parent)):
        return "FAILED", f"database {path}: it, or the folder that it is in, is not writable"
    return "ok", f"database {path}: sound, {path.stat().st_size / 2**20:.1f} MiB"


def _find_nothing(what: str, path: Path) -> Finding:
    """Say of a file that is not there whether it can be made."""
    folder = _existing_folder(path)
    if not os.access(folder, os.W_OK | os.X_OK):
        return "FAILED", f"{what}: cannot be made, {folder} is not writable"
    return "ok", f"{what}: none yet, made at the first start"


def _find_room(config: Config) -> Finding:
    folder = _existing_folder(config.db)
    free_bytes = shutil.disk_usage(folder).free
    text = f"disk of {folder}: {free_bytes // 2**20} MiB free"
    if free_bytes < 2**20:
        return "FAILED", f"{text}, nothing can be stored"
    if free_bytes < config.min_free_bytes:
        return "warning", f"{text}, less than min_free_bytes"
    return "ok", text


def _existing_folder(path: Path) -> Path:
    folder = path.absolute().parent
    while not folder.exists():
        folder = folder.parent
    return folder
