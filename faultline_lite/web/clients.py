"""What to paste into a program so that it reports here: one entry for each client that works.

A client that is added to CLIENTS stands on every page that shows them.
"""

import json
import shlex
from collections.abc import Callable, Sequence
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
    names = ("project", "apiKey", "endpoint", "notifications")
    fields = _fill("    '{}' => {},", names, setup, _quote_single)
    return f"$notifier = new Faultline\\Notifier([\n{fields}\n]);"


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


def _configure_ruby(setup: Setup) -> str:
    names = ("project", "api_key", "endpoint", "notifications")
    fields = _fill("  c.{} = {}", names, setup, _quote_single)
    return f"Faultline.configure do |c|\n{fields}\nend"


def _ruby(setup: Setup) -> str:
    return f"""\
require 'faultline'

{_configure_ruby(setup)}
at_exit {{ Faultline.notify_sync($!) if $!.is_a?(StandardError) }}"""


def _rack(setup: Setup) -> str:
    return f"""\
require 'faultline/rack'

{_configure_ruby(setup)}
use Faultline::Rack::Middleware"""


def _javascript(setup: Setup) -> str:
    names = ("project", "apiKey", "endpoint", "notifications")
    return f"""\
<script src="node_modules/faultline-js/dist/client.min.js"></script>
<script>
  var faultline = new faultlineJs.Client({{
{_fill("    {}: {},", names, setup, _quote_double)}
  }});
</script>"""


def _go(setup: Setup) -> str:
    # By their place, and the configs are none of the texts.
    fields = _fill("\t{1},", ("project", "key", "endpoint"), setup, _quote_double)
    configs = "nil" if setup.sealed is None else f"[]interface{{}}{{{_quote_double(setup.sealed)}}}"
    return f"""\
import "github.com/faultline/faultline-go/faultline"

var notifier = faultline.NewNotifier(
{fields}
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
    Client("ruby", "Ruby", "gem install faultline", "", _ruby),
    Client("rack", "Rack", "gem install faultline-rack", "config.ru", _rack),
    Client("javascript", "JavaScript", "npm install faultline/faultline-js", "", _javascript),
    Client("go", "Go", "go get github.com/faultline/faultline-go/faultline", "main.go", _go),
)


def _fill(line: str, names: Sequence[str], setup: Setup, quote: Callable[[str], str]) -> str:
    """Return a line for each of the names, as far as there is something to say.

    ``line`` has places for a name and its value; the names are those that the client has for the
    project, the key, the endpoint and a list of configs.
    """
    # The clients insist on a key where the server needs none.
    values = [quote(setup.project), quote(setup.key or "none"), quote(setup.endpoint)]
    if setup.sealed is not None:
        values.append(f"[{quote(setup.sealed)}]")
    return "\n".join(line.format(*field) for field in zip(names, values, strict=False))


def _quote_single(text: str) -> str:
    """Return the text as PHP and Ruby write it without interpolation."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _quote_double(text: str) -> str:
    """Return the text as JavaScript and Go read it, also within a ``<script>``."""
    return json.dumps(text).replace("<", "\\u003c")
