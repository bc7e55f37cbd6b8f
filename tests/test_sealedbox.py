"""The key file: private, whole, never replaced, and never shown."""

import base64
import contextlib
import json
import os
import re
import stat
from pathlib import Path

import pytest
from nacl.public import PrivateKey

from faultline_lite.exceptions import ConfigError
from faultline_lite.private_files import open_private_file
from faultline_lite.sealedbox import KeyPair, create_key_file, load_key_file

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

    with pytest.raises(ConfigError, match=re.escape(f"the key file {path} cannot be read")):
        load_key_file(path)
