"""What to paste into a program so that it reports here: one entry for each client that works.

A client that is added to CLIENTS stands on every page that shows them.
"""

import json
import shlex
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote


class Setup(NamedTuple):
    """What is filled in. ``endpoint`` ends in ``/v0``; ``sealed`` is a sealed config, if any."""

    endpoint: str
    key: str
    project: str
    sealed: str | None = None


class Client(NamedTuple):
    """A client: what installs it (nothing for what everybody has), and where the code goes."""

    id: str
    name: str
    install: str
    place: str
    render: Callable[[Setup], str]


def _curl(setup: Setup) -> str:
    report: dict[str, object] = {"errors": [{"message": "Hello, faultline", "type": "greeting"}]}
    if setup.sealed is not None:
        report["notifications"] = [setup.sealed]
    header = f"-H {shlex.quote(f'X-Api-Key: {setup.key}')} " if setup.key else ""
    url = f"{setup.endpoint}/projects/{quote(setup.project, safe='')}/errors"
    return f"curl {header}-d {shlex.quote(json.dumps(report))} {shlex.quote(url)}"


def _php_notifier(setup: Setup) -> str:
    lines = [
        f"    'project' => {_quote_single(setup.project)},",
        f"    'apiKey' => {_quote_single(_some_key(setup))},",
        f"    'endpoint' => {_quote_single(setup.endpoint)},",
    ]
    if setup.sealed is not None:
        lines.append(f"    'notifications' => [{_quote_single(setup.sealed)}],")
    return "\n".join(["$notifier = new Faultline\\Notifier([", *lines, "]);"])


def _php(setup: Setup) -> str:
    return f"""\
{_php_notifier(setup)}
Faultline\\Instance::set($notifier);
(new Faultline\\ErrorHandler($notifier))->register();"""


def _cakephp(setup: Setup) -> str:
    return f"""\
{_php_notifier(setup)}
$middlewareQueue->insertAfter(
    \\Cake\\Error\\Middleware\\ErrorHandlerMiddleware::class,
    function ($request, $handler) use ($notifier) {{
        try {{
            return $handler->handle($request);
        }} catch (\\Throwable $exception) {{
            $notifier->notify($exception);
            throw $exception;
        }}
    }}
);"""


def _ruby(setup: Setup) -> str:
    lines = [
        f"  c.project = {_quote_single(setup.project)}",
        f"  c.api_key = {_quote_single(_some_key(setup))}",
        f"  c.endpoint = {_quote_single(setup.endpoint)}",
    ]
    if setup.sealed is not None:
        lines.append(f"  c.notifications = [{_quote_single(setup.sealed)}]")
    return "\n".join(["Faultline.configure do |c|", *lines, "end"])


def _ruby_program(setup: Setup) -> str:
    return f"""\
require 'faultline'

{_ruby(setup)}
at_exit {{ Faultline.notify_sync($!) if $!.is_a?(StandardError) }}"""


def _rack(setup: Setup) -> str:
    return f"""\
require 'faultline/rack'

{_ruby(setup)}
use Faultline::Rack::Middleware"""


def _javascript(setup: Setup) -> str:
    lines = [
        f"    project: {_quote_double(setup.project)},",
        f"    apiKey: {_quote_double(_some_key(setup))},",
        f"    endpoint: {_quote_double(setup.endpoint)},",
    ]
    if setup.sealed is not None:
        lines.append(f"    notifications: [{_quote_double(setup.sealed)}],")
    body = "\n".join(lines)
    return f"""\
<script src="node_modules/faultline-js/dist/client.min.js"></script>
<script>
  var faultline = new faultlineJs.Client({{
{body}
  }});
</script>"""


def _go(setup: Setup) -> str:
    configs = "nil" if setup.sealed is None else f"[]interface{{}}{{{_quote_double(setup.sealed)}}}"
    return f"""\
import "github.com/faultline/faultline-go/faultline"

var notifier = faultline.NewNotifier(
\t{_quote_double(setup.project)},
\t{_quote_double(_some_key(setup))},
\t{_quote_double(setup.endpoint)},
\t{configs},
)

func main() {{
\tdefer notifier.Close()
\tdefer notifier.NotifyOnPanic()
}}"""


CLIENTS = (
    Client("curl", "curl", "", "", _curl),
    Client("php", "PHP", "composer require faultline/faultline", "", _php),
    Client(
        "cakephp",
        "CakePHP",
        "composer require faultline/faultline",
        "src/Application.php: middleware()",
        _cakephp,
    ),
    Client("ruby", "Ruby", "gem install faultline", "", _ruby_program),
    Client("rack", "Rack", "gem install faultline-rack", "config.ru", _rack),
    Client("javascript", "JavaScript", "npm install faultline/faultline-js", "", _javascript),
    Client("go", "Go", "go get github.com/faultline/faultline-go/faultline", "main.go", _go),
)


def _some_key(setup: Setup) -> str:
    """Return the key; the clients insist on one where the server needs none."""
    return setup.key or "none"


def _quote_single(text: str) -> str:
    """Return the text as PHP and Ruby write it without interpolation."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _quote_double(text: str) -> str:
    """Return the text as JavaScript and Go read it, also within a ``<script>``."""
    return json.dumps(text).replace("<", "\\u003c")
