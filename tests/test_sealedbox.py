"""The key file: private, whole, never replaced, never shown; and what is sealed to its keys."""

import base64
import contextlib
import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.public import PrivateKey, SealedBox

from faultline_lite.exceptions import ChannelConfigError, ConfigError
from faultline_lite.private_files import open_private_file, write_private_file
from faultline_lite.sealedbox import (
    KeyPair,
    KeyStore,
    create_key_file,
    load_key_file,
    open_sealed,
    parse_public_key,
    rotate_keys,
    seal,
)
from tests.disks import failing_writes

NOW_MS = 1_700_000_000_000

posix_only = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")


def write_key_file(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(0o600)
    return path


def stored(private_key: PrivateKey, created_ms: int) -> dict[str, object]:
    text = base64.urlsafe_b64encode(bytes(private_key)).rstrip(b"=").decode()
    return {"private_key": text, "created_ms": created_ms}


def test_created_file_holds_one_key_pair(tmp_path: Path) -> None:
    path = tmp_path / "new" / "faultline.key"

    create_key_file(path, NOW_MS)

    (pair,) = load_key_file(path)
    assert pair.created_ms == NOW_MS
    assert base64.urlsafe_b64decode(pair.public_key + "=") == bytes(pair.private_key.public_key)


@posix_only
def test_created_file_is_its_owners_alone_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "faultline.key"

    create_key_file(path, NOW_MS)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "faultline.key"
    create_key_file(path, NOW_MS)
    before = path.read_bytes()

    with pytest.raises(FileExistsError):
        create_key_file(path, NOW_MS)

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_write_that_fails_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "faultline.key"

    with pytest.raises(OSError, match="File too large") as caught, failing_writes(10):
        write_private_file(path, b"x" * 100)

    assert caught.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


def test_file_whose_writing_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "faultline.key"

    with contextlib.suppress(ZeroDivisionError), open_private_file(path) as file:
        file.write(b"half")
        raise ZeroDivisionError

    assert list(tmp_path.iterdir()) == []


def test_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "faultline.key"

    def race() -> None:
        with open_private_file(path):
            path.write_bytes(b"another's")

    with pytest.raises(FileExistsError):
        race()

    assert path.read_bytes() == b"another's"
    assert list(tmp_path.iterdir()) == [path]


def test_key_pairs_come_newest_first(tmp_path: Path) -> None:
    keys = [PrivateKey.generate() for _ in range(3)]
    content = {"keys": [stored(key, ms) for key, ms in zip(keys, (2, 3, 1), strict=True)]}

    pairs = load_key_file(write_key_file(tmp_path / "faultline.key", content))

    assert [bytes(pair.private_key) for pair in pairs] == [
        bytes(key) for key in (keys[1], keys[0], keys[2])
    ]


def test_key_id_depends_on_the_public_key_alone() -> None:
    private_key = PrivateKey(bytes(range(32)))

    ids = {KeyPair(private_key, created_ms).key_id for created_ms in (1, 2)}

    assert len(ids) == 1
    assert re.fullmatch("[0-9a-f]{8}", ids.pop())


def test_printed_form_of_a_key_pair_has_no_private_key() -> None:
    pair = KeyPair(PrivateKey(b"not to be seen, by anyone at all"), NOW_MS)

    assert f"{pair} {pair!r}" == " ".join(2 * [f"KeyPair({pair.key_id})"])


@posix_only
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_file_that_is_open_to_others_is_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "faultline.key"
    create_key_file(path, NOW_MS)
    path.chmod(mode)

    with pytest.raises(ConfigError, match=re.escape(f"chmod 600 {path}")):
        load_key_file(path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not-to-be-seen",
        {"keys": []},
        {"keys": [{"private_key": "not-to-be-seen", "created_ms": 1}]},
        {"keys": [{"private_key": "nöt-to-be-seen", "created_ms": 1}]},
        {"keys": [{"private_key": ["not-to-be-seen"], "created_ms": 1}]},
        {"keys": [stored(PrivateKey.generate(), 1)], "not-to-be-seen": 1},
    ],
)
def test_malformed_file_is_refused_without_its_content(content: object, tmp_path: Path) -> None:
    path = write_key_file(tmp_path / "faultline.key", content)

    with pytest.raises(ConfigError) as caught:
        load_key_file(path)

    assert str(caught.value).startswith(f"the key file {path} ")
    assert "to-be-seen" not in str(caught.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "faultline.key"

    with pytest.raises(ConfigError, match=re.escape(f"there is no key file {path}: ")):
        load_key_file(path)


# Sealed strings

KEY = PrivateKey(bytes(range(32)))
PAIR = KeyPair(KEY, NOW_MS)
CONFIG = '{"type":"slack","endpoint":"https://hooks.example.com/T0/B0/あ","channel":"#random"}'


def url_safe(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@given(st.binary(max_size=3000))
def test_what_was_sealed_opens_to_the_same(content: bytes) -> None:
    sealed = seal(content, bytes(KEY.public_key))

    assert open_sealed(sealed, (PAIR,)) == content


def test_sealed_string_names_its_key_and_can_stand_in_a_url() -> None:
    sealed = seal(CONFIG.encode(), bytes(KEY.public_key))

    assert re.fullmatch(rf"sb1\.{PAIR.key_id}\.[A-Za-z0-9_-]+", sealed)
    assert "hooks" not in sealed


@pytest.mark.parametrize(
    "write",
    [
        base64.b64encode,
        base64.urlsafe_b64encode,
        lambda box: base64.b64encode(box).rstrip(b"="),
        lambda box: f"sb1.{PAIR.key_id}.".encode() + base64.urlsafe_b64encode(box).rstrip(b"="),
    ],
)
def test_bare_boxes_of_either_alphabet_open(write: Callable[[bytes], bytes]) -> None:
    # So long that both of the differing characters occur for certain.
    content = CONFIG.encode() * 20
    box = SealedBox(KEY.public_key).encrypt(content)

    assert open_sealed(write(box).decode(), (PAIR,)) == content


def test_box_of_any_key_in_the_file_opens_without_naming_it() -> None:
    pairs = tuple(KeyPair(PrivateKey.generate(), ms) for ms in (3, 2, 1))
    box = SealedBox(pairs[2].private_key.public_key).encrypt(b"old")

    assert open_sealed(url_safe(box), pairs) == b"old"


@pytest.mark.parametrize(
    ("sealed", "reason"),
    [
        ("", "it is no sealed config"),
        ("not to be seen", "it is no sealed config"),
        ("sb1.00000000.AAAA", "it is sealed to a key that this server does not have"),
        (f"sb1.{PAIR.key_id}.AAAA", "it cannot be opened"),
        (f"sb1.{PAIR.key_id}.A", "it is no sealed config"),
        (f"sb1.{PAIR.key_id}.AA==", "it is no sealed config"),
        ("A" * 64, "it cannot be opened"),
        ("A" * 20_000, "it is no sealed config"),
        (url_safe(SealedBox(PrivateKey.generate().public_key).encrypt(b"x")), "it cannot be"),
        (seal(b"x", bytes(KEY.public_key))[:-3], "it cannot be opened"),
    ],
)
def test_what_cannot_be_opened_is_refused_without_quoting_it(sealed: str, reason: str) -> None:
    with pytest.raises(ChannelConfigError) as caught:
        open_sealed(sealed, (PAIR,))

    assert str(caught.value).startswith(reason)
    assert sealed == "" or sealed not in str(caught.value)


@pytest.mark.parametrize("text", ["", "AAAA", url_safe(bytes(32)), "é" * 43, url_safe(bytes(33))])
def test_public_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="the public key must be 32 bytes"):
        parse_public_key(text)


@pytest.mark.parametrize("write", [base64.b64encode, base64.urlsafe_b64encode])
def test_public_key_is_read_in_either_alphabet(write: Callable[[bytes], bytes]) -> None:
    public_key = bytes(KEY.public_key)

    assert parse_public_key(f" {write(public_key).decode()}\n") == public_key


def seal_with_php(content: str, public_key: str) -> str:
    """Seal by PHP's own binding of libsodium, as a web application in another language would."""
    program = """
        $key = sodium_base642bin($argv[1], SODIUM_BASE64_VARIANT_URLSAFE_NO_PADDING);
        $box = sodium_crypto_box_seal(stream_get_contents(STDIN), $key);
        $id = substr(hash("sha256", $key), 0, 8);
        echo "sb1.$id." . sodium_bin2base64($box, SODIUM_BASE64_VARIANT_URLSAFE_NO_PADDING);
        """
    php = shutil.which("php")
    if php is None:
        pytest.skip("php is not installed")
    done = subprocess.run(
        [php, "-r", program, public_key], input=content.encode(), capture_output=True, check=True
    )
    return done.stdout.decode()


def test_another_implementation_of_libsodium_seals_what_opens_here() -> None:
    sealed = seal_with_php(CONFIG, PAIR.public_key)

    assert open_sealed(sealed, (PAIR,)) == CONFIG.encode()


# Rotation


def test_file_is_read_again_once_its_mode_has_been_mended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "faultline.key"
    create_key_file(path, NOW_MS)
    path.chmod(0o644)
    keys = KeyStore(path)
    before = keys.pairs
    path.chmod(0o600)

    assert (len(before), len(keys.pairs)) == (0, 1)
    assert [each.message.rpartition("; ")[2] for each in caplog.records] == ["no key is in use"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_rotated_file_stays_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "faultline.key"
    create_key_file(path, NOW_MS)
    os.chown(path, 4711, 4712)

    rotate_keys(path, NOW_MS)

    after = path.stat()
    assert (after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode)) == (4711, 4712, 0o600)


def test_rotated_file_seals_with_the_new_key_and_opens_with_both(tmp_path: Path) -> None:
    path = tmp_path / "faultline.key"
    create_key_file(path, NOW_MS)
    store = KeyStore(path)
    before = store.seal(b"before")

    # Even where the clock was set back meanwhile.
    fresh = rotate_keys(path, NOW_MS - 1000)
    after = store.seal(b"after")

    assert before.split(".")[1] != after.split(".")[1] == fresh.key_id
    assert [store.open(each) for each in (before, after)] == [b"before", b"after"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_identity_survives_rotation_and_differs_between_servers(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.key", "other.key")]
    for path in paths:
        create_key_file(path, NOW_MS)
    one, other = map(KeyStore, paths)
    before = one.identify(b"channel")

    rotate_keys(paths[0], NOW_MS + 1)

    assert one.identify(b"channel") == before != other.identify(b"channel")
    assert KeyStore(paths[0]).identify(b"channel") == before


def test_key_file_that_breaks_leaves_the_keys_in_use(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "faultline.key"
    create_key_file(path, NOW_MS)
    store = KeyStore(path)
    sealed = store.seal(b"content")

    path.write_text("broken")
    opened = [store.open(sealed), store.open(sealed)]
    path.unlink()

    assert opened == [b"content", b"content"]
    assert store.open(sealed) == b"content"
    assert [each.message for each in caplog.records] == [
        f"the key file {path} is damaged; the keys from before stay in use"
    ]


def test_store_without_a_key_file_says_so(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "faultline.key")

    assert store.pairs == ()
    with pytest.raises(ConfigError, match="cannot be read"):
        store.seal(b"content")
