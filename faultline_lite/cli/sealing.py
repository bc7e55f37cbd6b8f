"""Commands about sealed configs, on this machine alone: keys, seal."""

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import click

from faultline_lite.cli.output import json_text, print_table, printable
from faultline_lite.cli.settings import config_option, load_settings
from faultline_lite.config import Config
from faultline_lite.egress.guard import make_egress
from faultline_lite.exceptions import ConfigError, NotifyError
from faultline_lite.notifications.channels import MAX_PER_HOUR, ChannelConfig, find_unknown_fields
from faultline_lite.notifications.trial import check_endpoint
from faultline_lite.notifiers import NOTIFIERS, find_kind, parse_configs
from faultline_lite.notifiers.fields import Field, list_own_fields
from faultline_lite.sealedbox import (
    COMFORTABLE_CHARACTERS,
    MAX_CHARACTERS,
    load_key_file,
    parse_public_key,
    rotate_keys,
)
from faultline_lite.sealedbox import seal as seal_bytes
from faultline_lite.timekeys import format_time, parse_time

Json = dict[str, Any]

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#\s]+/?", re.IGNORECASE)


@click.group()
def keys() -> None:
    """Show and rotate the key pairs that configs are sealed to."""


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the keys as JSON.")
@config_option
def list_keys(config_file: Path | None, as_json: bool) -> None:
    """List the public keys, the one that seals first.

    All of them open.
    """
    pairs = load_key_file(load_settings(config_file).key_file)
    rows = [(each.key_id, format_time(each.created_ms), each.public_key) for each in pairs]
    if as_json:
        fields = ("keyId", "createdAt", "publicKey")
        click.echo(json_text([dict(zip(fields, row, strict=True)) for row in rows]))
        return
    print_table(("id", "created", "public key"), rows)


@keys.command("rotate")
@config_option
def rotate(config_file: Path | None) -> None:
    """Add a key pair, which seals from now on.

    What older ones sealed still opens.
    """
    path = load_settings(config_file).key_file
    try:
        fresh = rotate_keys(path, time.time_ns() // 1_000_000)
    except OSError as error:
        raise ConfigError(f"the key file {path} cannot be written: {error.strerror}") from error
    click.echo(f"{fresh.key_id} seals from now on; a running server has noticed")


@keys.command("export")
@config_option
def export_key(config_file: Path | None) -> None:
    """Print the public key that seals.

    It is for `seal --public-key`, on any other machine.
    """
    click.echo(load_key_file(load_settings(config_file).key_file)[0].public_key)


@click.command()
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--type", "type_", type=click.Choice(list(NOTIFIERS)), help="Ask for this kind.")
@click.option("--public-key", help="Seal to this key; needs neither a server nor its files.")
@click.option("--project", "projects", multiple=True, help="Only for such projects, as web-*.")
@click.option("--origin", "origins", multiple=True, help="Only for pages of this origin.")
@click.option("--expires", help="Only until this time, as 2027-01-01T00:00:00Z.")
@click.option(
    "--max-per-hour", type=click.IntRange(1, MAX_PER_HOUR), help="At most so many messages."
)
@config_option
def seal(
    file: Any,
    type_: str | None,
    public_key: str | None,
    config_file: Path | None,
    **restrictions: Any,
) -> None:
    """Seal a notification config, so that it can stand in a page.

    FILE holds it as JSON, or a list of several (- reads standard input); without FILE the fields of
    its kind are asked for, and those that all have, threshold and the like, are left out.
    """
    if file is not None and type_ is not None:
        raise click.UsageError("give either FILE or --type")
    if file is None and type_ is None and not sys.stdin.isatty():
        file = sys.stdin.buffer
    value = _ask(type_) if file is None else _read(file)
    _restrict(value, restrictions)
    configs = parse_configs(value)
    if public_key is None:
        _warn_of_endpoints(configs, load_settings(config_file))
    for each in value if isinstance(value, list) else [value]:
        for name in find_unknown_fields(*find_kind(each)):
            click.echo(f"warning: nothing knows the field {printable(name)}", err=True)
    sealed = seal_bytes(_to_json(value), _choose_key(public_key, config_file))
    if len(sealed) > MAX_CHARACTERS:
        raise ConfigError(
            f"sealed it has {len(sealed)} characters, more than {MAX_CHARACTERS}: seal fewer "
            "configs, or shorter ones"
        )
    if len(sealed) > COMFORTABLE_CHARACTERS:
        click.echo(f"warning: {len(sealed)} characters are long for a URL", err=True)
    click.echo(sealed)


COMMANDS = (keys, seal)


def _read(file: Any) -> Any:
    try:
        return json.loads(file.read())
    except (ValueError, RecursionError):
        # Not the decoder's own words, which may quote the config.
        raise ConfigError("the config is not JSON") from None


def _warn_of_endpoints(configs: list[ChannelConfig], settings: Config) -> None:
    """Say what the server with these settings, which alone opens them, would never send to."""
    egress = make_egress(settings)
    for config in configs:
        try:
            check_endpoint(config, egress)
        except NotifyError as error:
            click.echo(f"warning: endpoint: {error.reason}", err=True)


def _to_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _choose_key(public_key: str | None, config_file: Path | None) -> bytes:
    if public_key is None:
        public_key = load_key_file(load_settings(config_file).key_file)[0].public_key
    return parse_public_key(public_key)


def _restrict(value: Any, restrictions: Json) -> None:
    """Put the restrictions that were given into every config."""
    given = {name: limit for name, limit in restrictions.items() if limit}
    if "expires" in given:
        _check_expiry(given["expires"])
    for origin in given.get("origins", ()):
        # What a browser sends; any other text would never match, and nothing would ever be told.
        if not _ORIGIN.fullmatch(origin):
            raise ConfigError("--origin: expected one such as https://example.com, without a path")
    for each in value if isinstance(value, list) else [value]:
        if given and isinstance(each, dict):
            stated = each.get("restrict")
            each["restrict"] = {**(stated if isinstance(stated, dict) else {}), **given}


def _check_expiry(expires: str) -> None:
    try:
        is_past = parse_time(expires) <= time.time_ns() // 1_000_000
    except ValueError as error:
        raise ConfigError(f"--expires: {error}") from None
    if is_past:
        raise ConfigError("--expires: that time is over")


def _ask(type_: str | None) -> Json:
    """Ask for the fields of a config; an empty answer leaves an optional one out."""
    type_ = type_ or click.prompt("type", type=click.Choice(list(NOTIFIERS)))
    value: Json = {"type": type_}
    for field in list_own_fields(NOTIFIERS[type_]):
        answer = click.prompt(
            _question(field),
            default=None if field.is_required else "",
            show_default=False,
            hide_input=field.kind == "secret",
            err=True,
        )
        if answer:
            is_list = field.kind == "list"
            value[field.name] = [part.strip() for part in answer.split(",")] if is_list else answer
    return value


def _question(field: Field) -> str:
    notes = [] if field.is_required else ["optional"]
    if field.kind == "list":
        notes.append("with commas between")
    if field.choices:
        notes.append(f"one of {', '.join(field.choices)}")
    return f"{field.name} ({'; '.join(notes)})" if notes else field.name
