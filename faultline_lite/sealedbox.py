"""Sealed notification configs, and the key pairs that they are sealed to.

The key pairs are X25519, the boxes libsodium's ``crypto_box_seal`` (doc.libsodium.org, "Sealed
boxes"). The keys stand in a file of their own. The newest seals, all open, so that they can be
rotated.
"""

import base64
import binascii
import hashlib
import logging
import os
import re
import stat
from pathlib import Path

import msgspec
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from faultline_lite.exceptions import ChannelConfigError, ConfigError, Problem
from faultline_lite.private_files import keep_owner, open_private_file, write_private_file
from faultline_lite.sentences import Sentence, say

KEY_ID_CHARACTERS = 8
PUBLIC_KEY_BYTES = 32
#: With more than this a URL that carries a sealed string gets too long for some proxies.
COMFORTABLE_CHARACTERS = 2000
#: What a sealed string has at most where we seal it.
MAX_CHARACTERS = 4000
#: Some four times what `seal` makes at the most: what is longer was not sealed for us.
MAX_SEALED_CHARACTERS = 16 * 1024
IDENTITY_BYTES = 16

_SEALED = re.compile(r"sb1\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)")
_BARE = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_logger = logging.getLogger(__name__)


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
        return _key_id(bytes(self.private_key.public_key))

    def __repr__(self) -> str:
        return f"KeyPair({self.key_id})"


class _StoredKey(msgspec.Struct, forbid_unknown_fields=True):
    private_key: str
    created_ms: int


class _KeyFile(msgspec.Struct, forbid_unknown_fields=True):
    keys: list[_StoredKey]


class KeyStore:
    """The key pairs of a server: seals and opens with what its key file holds at the moment."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pairs: tuple[KeyPair, ...] = ()
        self._read_from: tuple[int, ...] | None = None

    @property
    def pairs(self) -> tuple[KeyPair, ...]:
        """All pairs, newest first; those of a file that has changed since, too."""
        self._refresh()
        return self._pairs

    def seal(self, content: bytes) -> str:
        """Return the content sealed to the newest key. Raises ConfigError without any key."""
        pairs = self.pairs
        if not pairs:
            raise ConfigError(say("the key file cannot be read"))
        return seal(content, bytes(pairs[0].private_key.public_key))

    def open(self, sealed: str) -> bytes:
        """Return the content of a sealed string. Raises ChannelConfigError, which quotes none."""
        return open_sealed(sealed, self.pairs)

    def identify(self, content: bytes) -> bytes:
        """Return a name for the content that tells nothing of it to whoever has no key file.

        It stays the same as long as the oldest key is there.
        """
        key = bytes(self._pairs[-1].private_key) if self.pairs else b""
        return hashlib.blake2b(content, digest_size=IDENTITY_BYTES, key=key).digest()

    def _refresh(self) -> None:
        """Read the file where it is another one than before; a broken one changes nothing."""
        try:
            found = self._path.stat()
        except OSError:
            return
        # The mode is what a file is refused for, and what is then mended.
        state = (found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode)
        if state == self._read_from:
            return
        self._read_from = state
        try:
            self._pairs = load_key_file(self._path)
        except ConfigError as error:
            kept = "the keys from before stay in use" if self._pairs else "no key is in use"
            _logger.warning("%s; %s", error, kept)


def seal(content: bytes, public_key: bytes) -> str:
    """Return ``sb1.<key id>.<base64url>``: letters, digits, hyphens, underscores, full stops."""
    box = SealedBox(PublicKey(public_key))
    return f"sb1.{_key_id(public_key)}.{_encode(box.encrypt(content))}"


def open_sealed(sealed: str, pairs: tuple[KeyPair, ...]) -> bytes:
    """Return the content of a sealed string, or of a sealed box in bare base64 of either alphabet.

    Raises ChannelConfigError where none of the pairs opens it; it never quotes the string.
    """
    named = _SEALED.fullmatch(sealed)
    if len(sealed) > MAX_SEALED_CHARACTERS or not (named or _BARE.fullmatch(sealed)):
        raise _refusal(say("it is no sealed config"))
    if named:
        pairs = tuple(pair for pair in pairs if pair.key_id == named[1])
        if not pairs:
            raise _refusal(say("it is sealed to a key that this server does not have"))
    try:
        box = _decode((named[2] if named else sealed.rstrip("=")).translate(_TO_URL_SAFE))
    except binascii.Error:
        raise _refusal(say("it is no sealed config")) from None
    for pair in pairs:
        try:
            return SealedBox(pair.private_key).decrypt(box)
        except CryptoError:
            continue
    raise _refusal(say("it cannot be opened: it is damaged, or sealed to another key"))


def parse_public_key(text: str) -> bytes:
    """Return the 32 bytes of a public key in base64, either alphabet. Raises ConfigError."""
    stripped = text.strip()
    try:
        raw = _decode(stripped.rstrip("=").translate(_TO_URL_SAFE))
        if _BARE.fullmatch(stripped) and len(raw) == PUBLIC_KEY_BYTES:
            # Some numbers of that size are no keys; libsodium knows which.
            seal(b"", raw)
            return raw
    except (ValueError, CryptoError):
        pass
    raise ConfigError("the public key must be 32 bytes in base64, as `keys export` prints it")


def create_key_file(path: Path, now_ms: int) -> None:
    """Write a file with a fresh key pair, readable by its owner alone.

    It appears whole or not at all. Raises FileExistsError where there is one already, OSError where
    it cannot be written.
    """
    write_private_file(path, _render([KeyPair(PrivateKey.generate(), now_ms)]))


def rotate_keys(path: Path, now_ms: int) -> KeyPair:
    """Add a fresh key pair to the file, which seals from now on, and return it.

    Raises ConfigError where the file cannot be read, OSError where it cannot be written.
    """
    pairs = load_key_file(path)
    # Also after a clock that was set back, the new one is the newest.
    fresh = KeyPair(PrivateKey.generate(), max(now_ms, pairs[0].created_ms + 1))
    with open_private_file(path, replace=True) as file:
        file.write(_render([*reversed(pairs), fresh]))
        # Root, who rotates them, is not who the server is.
        keep_owner(file, path)
    return fresh


def load_key_file(path: Path) -> tuple[KeyPair, ...]:
    """Return the key pairs, newest first.

    Raises ConfigError where there is no such file, others than its owner may read it, or it is
    malformed.
    """
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            f"there is no key file {path}: `faultline-lite serve` makes it at its first start"
        ) from None
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


def _render(pairs: list[KeyPair]) -> bytes:
    stored = [_StoredKey(_encode(bytes(each.private_key)), each.created_ms) for each in pairs]
    return msgspec.json.format(msgspec.json.encode(_KeyFile(stored))) + b"\n"


def _key_id(public_key: bytes) -> str:
    return hashlib.sha256(public_key).hexdigest()[:KEY_ID_CHARACTERS]


def _refusal(reason: Sentence) -> ChannelConfigError:
    return ChannelConfigError(Problem(reason))


_TO_URL_SAFE = str.maketrans("+/", "-_")


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
