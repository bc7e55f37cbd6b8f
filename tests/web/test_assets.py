import hashlib
import json
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest

from faultline_lite.web.assets import Assets

STATIC = Path(__file__).parents[2] / "faultline_lite" / "web" / "static"
#: Folders of files that are others' work: what ships, and what the tests need.
VENDORS = [STATIC / "vendor", Path(__file__).parents[1] / "browser" / "vendor"]


def _packages(vendor: Path) -> list[dict[str, Any]]:
    packages: list[dict[str, Any]] = json.loads((vendor / "manifest.json").read_text())["packages"]
    return packages


@pytest.mark.parametrize("vendor", VENDORS)
def test_files_of_others_are_those_of_the_recorded_versions(vendor: Path) -> None:
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendor.iterdir()
        if path.name != "manifest.json"
    }
    recorded = {
        name: digest for package in _packages(vendor) for name, digest in package["files"].items()
    }

    assert found == recorded


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_package_of_others_has_its_version_and_licence(vendor: Path) -> None:
    for package in _packages(vendor):
        assert package["version"]
        assert (vendor / package["licence_file"]).read_text()


def test_address_changes_with_the_content(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a {}")
    before = Assets(tmp_path).path_of("a.css")
    (tmp_path / "a.css").write_text("b {}")

    assert Assets(tmp_path).path_of("a.css") != before


def test_asset_is_kept_for_ever_and_compressed(standing_client: httpx.Client) -> None:
    path = Assets().path_of("base.css")
    with standing_client.stream("GET", path, headers={"Accept-Encoding": "br"}) as answer:
        sent = b"".join(answer.iter_raw())

    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert brotli.decompress(sent) == (STATIC / "base.css").read_bytes()


def test_asset_from_before_an_upgrade_is_the_present_one(standing_client: httpx.Client) -> None:
    answer = standing_client.get("/static/0123456789abcdef/base.css")

    assert answer.headers["cache-control"] == "no-cache"
    assert answer.content == (STATIC / "base.css").read_bytes()


def test_nothing_else_is_served(standing_client: httpx.Client) -> None:
    for name in ("vendor/manifest.json", "../routes.py", "..%2froutes.py", "nothing.css", ""):
        assert standing_client.get(f"/static/x/{name}").status_code == 404
