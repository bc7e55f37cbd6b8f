"""Style sheets, scripts and images: read once, addressed by their content, cached for ever.

All of them stand under one address that changes with any of them, so that scripts may import each
other by their plain names.
"""

import hashlib
from pathlib import Path

from faultline_lite.web.compression import ASSET_LEVEL, MIN_BYTES, Encoding, compress

_FOLDER = Path(__file__).parent / "static"
_VERSION_CHARACTERS = 16

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Assets:
    """The files of a folder that a browser may ask for, by their path within it."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.suffix in MEDIA_TYPES)
        self._files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        self._compressed: dict[tuple[str, Encoding], bytes] = {}
        digest = hashlib.sha256()
        for name, content in self._files.items():
            digest.update(f"{name} {len(content)} ".encode())
            digest.update(content)
        #: Names the content of all files.
        self.version = digest.hexdigest()[:_VERSION_CHARACTERS]

    def path_of(self, name: str) -> str:
        """Return the path to link to. Raises KeyError where there is no such file."""
        if name not in self._files:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"

    def get(self, name: str) -> bytes | None:
        """Return the content of a file, None where there is none of that name."""
        return self._files.get(name)

    def get_compressed(self, name: str, encoding: Encoding) -> bytes | None:
        """Return the content compressed, None where that does not pay. Slow the first time."""
        content = self._files[name]
        if len(content) < MIN_BYTES:
            return None
        key = (name, encoding)
        if key not in self._compressed:
            self._compressed[key] = compress(content, encoding, ASSET_LEVEL)
        return self._compressed[key]
