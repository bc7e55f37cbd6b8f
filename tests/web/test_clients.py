import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from faultline_lite.web.clients import CLIENTS, Setup

PLAIN = Setup("http://127.0.0.1:7070/v0", "0123456789abcdef0123456789abcdef", "sample-project")
#: Every character that a key may have, and what ends a string or a script somewhere.
HOSTILE = Setup("http://127.0.0.1:7070/v0", "'\"\\$`</script>#{x}!%", "在庫-\"'<b>", "sb1.0a.b_c-D")
SETUPS = [PLAIN, HOSTILE]


def _render(client: str, setup: Setup) -> str:
    return next(each.render(setup) for each in CLIENTS if each.id == client)


def test_each_client_is_listed_once() -> None:
    names = [client.id for client in CLIENTS]

    assert names == ["curl", "php", "cakephp", "ruby", "rack", "javascript", "go"]


@pytest.mark.parametrize("setup", SETUPS)
def test_curl_line_is_what_a_shell_reads(setup: Setup) -> None:
    words = shlex.split(_render("curl", setup))

    assert words[:4] == ["curl", "-H", f"X-Api-Key: {setup.key}", "-d"]
    assert json.loads(words[4])["errors"] == [{"message": "Hello, faultline", "type": "greeting"}]


def test_curl_line_needs_no_key_where_the_server_does_not() -> None:
    assert " -H " not in _render("curl", PLAIN._replace(key=""))


@pytest.mark.parametrize("client", [each.id for each in CLIENTS])
def test_sealed_config_is_filled_in(client: str) -> None:
    assert "sb1.0a.b_c-D" in _render(client, HOSTILE)
    assert "notifications" not in _render(client, PLAIN)


@pytest.mark.parametrize("setup", SETUPS)
def test_script_ends_where_it_is_meant_to(setup: Setup) -> None:
    assert _render("javascript", setup).count("</script>") == 2


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("php") is None, reason="no PHP to read it")
@pytest.mark.parametrize("setup", SETUPS)
def test_php_reads_what_was_filled_in(setup: Setup, tmp_path: Path) -> None:
    file = tmp_path / "notifier.php"
    options = _render("php", setup).partition("Notifier(")[2].partition(");")[0]
    file.write_text(f"<?php echo json_encode({options});")

    read = json.loads(_run("php", str(file)))

    assert read["apiKey"] == setup.key
    assert read["project"] == setup.project


@pytest.mark.skipif(shutil.which("php") is None, reason="no PHP to read it")
@pytest.mark.parametrize("client", ["php", "cakephp"])
def test_php_code_is_sound(client: str, tmp_path: Path) -> None:
    file = tmp_path / "code.php"
    file.write_text(f"<?php\n{_render(client, HOSTILE)}")

    assert "No syntax errors" in _run("php", "-l", str(file))


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node to read it")
@pytest.mark.parametrize("setup", SETUPS)
def test_javascript_reads_what_was_filled_in(setup: Setup) -> None:
    script = _render("javascript", setup).partition("<script>")[2].partition("</script>")[0]
    shown = "const faultlineJs = {Client: function (o) { console.log(JSON.stringify(o)); }};"

    read = json.loads(_run("node", "-e", f"{shown}{script}"))

    assert read["apiKey"] == setup.key
    assert read["project"] == setup.project
