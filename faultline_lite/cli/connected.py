"""What commands have in common that talk to a server: its client, and how its refusals end."""

import functools
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from faultline_lite.cli.client import ServerError, make_client
from faultline_lite.cli.output import printable
from faultline_lite.cli.settings import F, config_option, load_settings


def connected(*, reports: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command its ``client`` and the options that lead to it; a refusal is exit code 1."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @config_option
        @click.option(
            "--url",
            envvar="FAULTLINE_LITE_URL",
            show_envvar=True,
            help="Server to talk to; the configuration's on this machine, where none is given.",
        )
        @click.option(
            "--api-key",
            envvar="FAULTLINE_LITE_API_KEY",
            show_envvar=True,
            help="Key to talk with; the configuration's, for its own server.",
        )
        @functools.wraps(command)
        def run(
            *args: Any, config_file: Path | None, url: str | None, api_key: str | None, **rest: Any
        ) -> None:
            client = make_client(
                url, api_key, functools.partial(load_settings, config_file), reports=reports
            )
            with closing(client):
                try:
                    command(client, *args, **rest)
                except ServerError as error:
                    click.echo(f"Error: {printable(str(error))}", err=True)
                    sys.exit(1)

        return run

    return decorate


def limit_option(most: int, default: int, what: str) -> Callable[[F], F]:
    """Give a command its ``--limit``: how many of a list to show, ``most`` being one page."""
    return click.option(
        "--limit", type=click.IntRange(1, most), default=default, show_default=True, help=what
    )


json_option = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
