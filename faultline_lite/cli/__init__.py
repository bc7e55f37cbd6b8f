"""The command line."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from faultline_lite import __version__
from faultline_lite.cli import local, maintenance, notifications, remote, sealing, searching
from faultline_lite.cli.output import printable
from faultline_lite.exceptions import FaultlineError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="faultline-lite")
def cli() -> None:
    """Track errors in one process.

    `faultline-lite serve` starts it. `init`, `check`, `keys`, `seal` and `notify-test` work without
    it; the other commands talk to a server that runs.
    """


for command in (
    *local.COMMANDS,
    *remote.COMMANDS,
    *maintenance.COMMANDS,
    *searching.COMMANDS,
    *notifications.COMMANDS,
    *sealing.COMMANDS,
):
    cli.add_command(command)


def main() -> None:
    """Run a command; what a user can mend is one line and exit code 2, never a traceback."""
    _open_standard_streams()
    try:
        cli(prog_name="faultline-lite")
    except FaultlineError as error:
        _fail(str(error))
    except OSError as error:
        # A file or a folder that cannot be used; what happens inside the server ends there.
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror or error}")


def _open_standard_streams() -> None:
    """Give those that the caller closed (``>&-``) an end that takes everything and has nothing.

    Python has None in their place, and the next file that is opened would get their number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def _fail(message: str) -> NoReturn:
    click.echo(f"Error: {printable(message)}", err=True)
    sys.exit(2)
