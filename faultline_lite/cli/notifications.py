"""Commands about notifications: what was delivered, why or why not, and a trial of a config."""

import asyncio
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import click

from faultline_lite.cli.answers import Decisions, DeliveryChanged, DeliveryPage, OccurrencePage
from faultline_lite.cli.arguments import HyphenCommand
from faultline_lite.cli.client import Client, ServerError, path_of
from faultline_lite.cli.connected import connected, json_option, limit_option
from faultline_lite.cli.output import Moment, json_text, print_more, print_table, printable
from faultline_lite.cli.settings import config_option, load_settings
from faultline_lite.config import Config
from faultline_lite.egress.guard import make_egress
from faultline_lite.exceptions import ConfigError, NotifyError
from faultline_lite.notifications.channels import ChannelConfig
from faultline_lite.notifications.trial import try_config
from faultline_lite.notifiers import parse_configs
from faultline_lite.sealedbox import load_key_file, open_sealed

MAX_DELIVERIES = 200
STATES = ("due", "sending", "sent", "failed")
BAD_REQUEST, NOT_FOUND = 400, 404
#: A sealed box as any libsodium gives it, in either alphabet of base64.
_BARE_BOX = re.compile(r"[\w+/-]{100,}={0,2}", re.ASCII)


class ListingGroup(click.Group):
    """A group that lists where no other command of it is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``list`` in front of options, and where there is nothing."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=ListingGroup)
def deliveries() -> None:
    """List what was sent where, and what waits or failed.

    `list` is the default.
    """


@deliveries.command("list")
@click.option("--project", help="Only what tells of this project.")
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@limit_option(MAX_DELIVERIES, 50, "Deliveries to list.")
@json_option
@connected()
def list_deliveries(
    client: Client, project: str | None, state: str | None, limit: int, as_json: bool
) -> None:
    """List deliveries, the one that changed last first.

    Above them stands what waits in no message yet.
    """
    page = client.get("/v0/deliveries", DeliveryPage, project=project, state=state, limit=limit)
    if as_json:
        click.echo(json_text(page))
        return
    for each in page["waiting"]:
        click.echo(
            f"{printable(each['channel'])}: {each['occurrenceCount']} occurrence(s) of "
            f"{each['errorCount']} error(s) wait since {each['since']}"
        )
    rows = [
        (
            each["id"],
            Moment(each["updatedAt"]),
            each["channel"],
            each["state"],
            each["attempts"],
            each["occurrenceCount"],
            _tell(each),
            each["errors"][0]["message"] if each["errors"] else "",
        )
        for each in page["deliveries"]
    ]
    headings = ("id", "changed", "channel", "state", "tried", "told", "what happened", "of")
    print_table(headings, rows)
    if page.get("nextCursor") is not None:
        print_more(limit, MAX_DELIVERIES)


@deliveries.command("retry")
@click.argument("ids", nargs=-1, required=True, type=click.IntRange(1), metavar="ID...")
@json_option
@connected()
def retry(client: Client, ids: tuple[int, ...], as_json: bool) -> None:
    """Try failed deliveries again, now."""
    changed, refused = [], False
    for each in ids:
        try:
            answer = client.send("POST", f"/v0/deliveries/{each}/retry", DeliveryChanged)
        except ServerError as error:
            # One that was sent meanwhile does not keep the others from it; the rest fails alike.
            if error.status not in {BAD_REQUEST, NOT_FOUND}:
                raise
            refused = True
            click.echo(f"Error: {printable(f'{each}: {error}')}", err=True)
        else:
            delivery = answer["data"]["delivery"]
            changed.append(delivery)
            if not as_json:
                click.echo(f"{delivery['id']} is due: {printable(delivery['channel'])}")
    if as_json:
        click.echo(json_text(changed))
    if refused:
        sys.exit(1)


@click.command()
@click.argument("project")
@click.argument("message")
@click.argument("occurrence", required=False)
@json_option
@connected()
def why(client: Client, project: str, message: str, occurrence: str | None, as_json: bool) -> None:
    """Say why an occurrence notified, or did not.

    MESSAGE is any message of the error in PROJECT, OCCURRENCE its reversedUnixtime; without it, the
    latest is looked at.
    """
    path = path_of(project, "errors", message, "occurrences")
    if occurrence is None:
        latest = client.get(path, OccurrencePage, limit=1)["errors"]
        if not latest:
            raise ServerError("no occurrence of it is kept any more")
        occurrence = latest[0]["reversedUnixtime"]
    path = path_of(project, "errors", message, "occurrences", occurrence, "decisions")
    found = client.get(path, Decisions)
    if as_json:
        click.echo(json_text({"reversedUnixtime": occurrence, **found}))
        return
    state = " (regression)" if found["regression"] else ""
    state += " (muted)" if found["muted"] else ""
    click.echo(
        f"{printable(occurrence)}: occurrence {found['count']} of the error, "
        f"{found['bucket']} in its {found['timeunit']}{state}"
    )
    if not found["decisions"]:
        click.echo("its report named no channel, or what it named is not kept any more")
    for each in found["decisions"]:
        click.echo(f"{printable(each['channel'])}: {each['decision']}, {printable(each['reason'])}")
        if each["decision"] == "notify":
            click.echo(f"  {printable(_tell_fate(each['delivery']))}")


# One bare box in 64 begins with a hyphen.
@click.command("notify-test", cls=HyphenCommand, arguments=_BARE_BOX)
@click.argument("config", metavar="CONFIG")
@config_option
def notify_test(config: str, config_file: Path | None) -> None:
    """Send a sample through a notification config.

    Says what happened; exit code 1 if it failed.

    CONFIG is a file with a config, as JSON or sealed (- reads standard input), or a sealed string.
    It is sent from here, as the server with this configuration would.
    """
    settings = load_settings(config_file)
    channels = parse_configs(_read_config(config, settings))
    if not asyncio.run(_try_all(channels, settings)):
        sys.exit(1)


COMMANDS = (deliveries, why, notify_test)


def _read_config(config: str, settings: Config) -> Any:
    """Return the JSON of a config. Raises ConfigError or ChannelConfigError, quoting nothing."""
    # A name that is too long for a file is none, to os.path; to Path it is an error.
    is_bare_box = _BARE_BOX.fullmatch(config) and not os.path.exists(config)  # noqa: PTH110
    if config.startswith("sb1.") or is_bare_box:
        content = config.encode()
    elif config == "-":
        content = sys.stdin.buffer.read()
    else:
        content = Path(config).read_bytes()
    try:
        text = content.decode().strip()
        if not text.startswith(("{", "[")):
            text = open_sealed(text, load_key_file(settings.key_file)).decode()
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ConfigError("the config is neither JSON nor a sealed string") from None


async def _try_all(channels: list[ChannelConfig], settings: Config) -> bool:
    """Send the sample to each and print what came of it; return whether all took it."""
    egress = make_egress(settings)
    succeeded = True
    try:
        for channel in channels:
            try:
                outcome: str = await try_config(channel, egress, time.time_ns() // 1_000_000)
            except NotifyError as error:
                succeeded = False
                again = "" if error.permanent else " (a server would try again)"
                outcome = f"FAILED, {error.reason}{again}"
            click.echo(f"{printable(channel.label)}: {printable(outcome)}")
    finally:
        await egress.close()
    return succeeded


def _tell(delivery: Any) -> str:
    """Return what happened to a delivery, in one line."""
    if delivery["state"] == "sent":
        return str(delivery.get("outcome") or "")
    return str(delivery.get("failure") or "")


def _tell_fate(delivery: Any) -> str:
    if delivery is None:
        return "what became of it is not known any more"
    if delivery["state"] == "waiting":
        return "waits for the next message to the channel"
    what = _tell(delivery)
    return f"delivery {delivery['id']}, {delivery['state']}" + (f": {what}" if what else "")
