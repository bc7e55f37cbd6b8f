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
    return load_config(choose_file(config_file), os.environ, flags)


def choose_file(config_file: Path | None) -> Path | None:
    """Return the configuration file that is read, None where there is none."""
    if config_file is not None:
        return config_file
    return DEFAULT_FILE if DEFAULT_FILE.is_file() else None
