"""The command line."""

import sys

import click

from faultline_lite import __version__
from faultline_lite.cli import local, remote
from faultline_lite.exceptions import FaultlineError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="faultline-lite")
def cli() -> None:
    """Track errors in one process.

    `faultline-lite serve` starts it; the other commands talk to a server that runs.
    """


for command in (*local.COMMANDS, *remote.COMMANDS):
    cli.add_command(command)


def main() -> None:
    """Run a command; what a user can mend is one line and exit code 2, never a traceback."""
    try:
        cli(prog_name="faultline-lite")
    except FaultlineError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
