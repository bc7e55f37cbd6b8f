"""A configuration file that explains itself: for `init`, and as faultline.toml.example."""

import json
from collections.abc import Mapping
from typing import Any

from faultline_lite.config import describe_keys

_HEAD = """\
# faultline-lite reads this file with `faultline-lite serve --config faultline.toml`, or from the
# folder that it is started in. Every key can also be given in the environment, as FAULTLINE_LITE_
# and the key in capitals (FAULTLINE_LITE_PORT=8080; lists separated by commas). Flags win.
# A line that is commented out shows the default; "" is a default that depends on the machine, or
# none.
"""
#: They have a default that depends on the machine, or none: an empty text stands for it.
_SHOWN_EMPTY = ("db", "key_file", "master_api_key", "public_url")
#: Largest first.
_SIZE_UNITS = {
    "GiB": 2**30,
    "GB": 10**9,
    "MiB": 2**20,
    "MB": 10**6,
    "KiB": 2**10,
    "kB": 10**3,
}


def render_config(values: Mapping[str, Any]) -> str:
    """Return the text of a configuration file that sets ``values`` and shows all other keys."""
    parts = [_HEAD]
    for key, default, description in describe_keys():
        if key in values:
            line = f"{key} = {_to_toml(values[key])}"
        else:
            line = f"# {key} = {show_default(key, default)}"
        parts.append(f"# {description}\n{line}\n")
    return "\n".join(parts)


def show_default(key: str, default: Any) -> str:
    """Return the default as it stands in the file."""
    return _to_toml("" if key in _SHOWN_EMPTY else to_readable(key, default))


def to_readable(key: str, value: Any) -> Any:
    """Return a size with its unit, anything else as it is."""
    if not key.endswith("_bytes"):
        return value
    for unit, unit_bytes in _SIZE_UNITS.items():
        if value and value % unit_bytes == 0:
            return f"{value // unit_bytes} {unit}"
    return value


def _to_toml(value: Any) -> str:
    # TOML's strings, numbers and lists of these are written like JSON's.
    return json.dumps(value, ensure_ascii=False)
