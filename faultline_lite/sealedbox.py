"""The key pairs that notification configs are sealed to, in a file of their own.

X25519 key pairs, as libsodium's sealed boxes use them (doc.libsodium.org, "Sealed boxes"). The
newest seals, all open, so that keys can be rotated.
"""

import base64
import hashlib
import os
import stat
from pathlib import Path

import msgspec
from nacl.public import PrivateKey

from faultline_lite.exceptions import ConfigError
from faultline_lite.private_files import write_private_file

KEY_ID_CHARACTERS = 8


class KeyPair:
    """A key pair. Its printed form shows the public half only."""

    def __init__(self, private_key: PrivateKey, created_ms: int) -> None:
        self.private_key = private_key
        self.created_ms = created_ms

    @property
    def public_key(self) -> str:
        """The public key's 32 bytes in base64url without padding."""
        return _encode(bytes(self.private_key.public_key))

    @property
    def key_id(self) -> str:
        """What a sealed string names the key by: the beginning of the public key's SHA-256."""
        digest = hashlib.sha256(bytes(self.private_key.public_key)).hexdigest()
        return digest[:KEY_ID_CHARACTERS]

    def __repr__(self) -> str:
        return f"KeyPair({self.key_id})"


class _StoredKey(msgspec.Struct, forbid_unknown_fields=True):
    private_key: str
    created_ms: int


class _KeyFile(msgspec.Struct, forbid_unknown_fields=True):
    keys: list[_StoredKey]


def create_key_file(path: Path, now_ms: int) -> None:
    """Write a file with a fresh key pair, readable by its owner alone.

    It appears whole or not at all. Raises FileExistsError where there is one already, OSError where
    it cannot be written.
    """
    stored = _StoredKey(_encode(bytes(PrivateKey.generate())), now_ms)
    content = msgspec.json.format(msgspec.json.encode(_KeyFile([stored]))) + b"\n"
    write_private_file(path, content)


def load_key_file(path: Path) -> tuple[KeyPair, ...]:
    """Return the key pairs, newest first.

    Raises ConfigError where there is no such file, others than its owner may read it, or it is
    malformed.
    """
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"the key file {path} cannot be read: {error.strerror}") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"the key file {path} is open to others: chmod 600 {path}")
    try:
        stored = msgspec.json.decode(content, type=_KeyFile)
        pairs = [
            KeyPair(PrivateKey(_decode(each.private_key)), each.created_ms) for each in stored.keys
        ]
    except Exception:  # noqa: BLE001 - whatever is wrong with it must not print what is in it
        raise ConfigError(f"the key file {path} is damaged") from None
    if not pairs:
        raise ConfigError(f"the key file {path} holds no key")
    return tuple(sorted(pairs, key=lambda pair: pair.created_ms, reverse=True))


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
