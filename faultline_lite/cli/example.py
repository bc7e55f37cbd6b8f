"""A configuration file that explains itself: for `init`, and as faultline.toml.example."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faultline_lite.config import describe_keys

_HEAD = """\
# faultline-lite reads this file with `faultline-lite serve --config faultline.toml`, or from the
# folder that it is started in. Every key can also be given in the environment, as FAULTLINE_LITE_
# and the key in capitals (FAULTLINE_LITE_PORT=8080; lists separated by commas). Flags win.
# A line that is commented out shows the default.
"""
#: What stands for a default that depends on the machine, or for none.
_SHOWN = {
    "db": "faultline.db",
    "key_file": "faultline.key",
    "master_api_key": "32 hexadecimal digits",
    "public_url": "https://errors.example.com",
}


def render_config(values: Mapping[str, Any]) -> str:
    """Return the text of a configuration file that sets ``values`` and shows all other keys."""
    parts = [_HEAD]
    for key, default, description in describe_keys():
        if key in values:
            line = f"{key} = {_to_toml(values[key])}"
        else:
            line = f"# {key} = {_to_toml(_SHOWN.get(key, default))}"
        parts.append(f"# {description}\n{line}\n")
    return "\n".join(parts)


def _to_toml(value: Any) -> str:
    # TOML's strings, numbers and lists of these are written like JSON's.
    if isinstance(value, Path):
        value = str(value)
    return json.dumps(value, ensure_ascii=False)
