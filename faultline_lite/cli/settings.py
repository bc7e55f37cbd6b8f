"""Options that several commands share, and the configuration that they lead to."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from faultline_lite.config import Config, load_config

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_FILE = Path("faultline.toml")


def config_option(command: F) -> F:
    """Add ``--config``; without it ./faultline.toml is read where there is one."""
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="FAULTLINE_LITE_CONFIG",
        show_envvar=True,
        help="Configuration file.  [default: faultline.toml, if there is one]",
    )(command)


def load_settings(config_file: Path | None, **flags: Any) -> Config:
    """Return the configuration of this command. Raises ConfigError."""
    if config_file is None and DEFAULT_FILE.exists():
        config_file = DEFAULT_FILE
    return load_config(config_file, os.environ, flags)
