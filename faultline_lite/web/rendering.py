"""Templates to HTML: everything is escaped, and a name that is missing is an error."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from faultline_lite.notifications import links
from faultline_lite.store.delivery_history import MAX_UNDELIVERED
from faultline_lite.web import formatting
from faultline_lite.web.assets import Assets
from faultline_lite.web.languages import LANGUAGES, load_translations
from faultline_lite.web.said import Said, read_templates

_FOLDER = Path(__file__).parent / "templates"


class Renderer:
    """Renders templates in each language. Safe to use from several threads."""

    def __init__(self, assets: Assets) -> None:
        self._environments = {
            language: _make_environment(language, assets) for language in LANGUAGES
        }

    def render(self, template: str, language: str, values: Mapping[str, Any]) -> bytes:
        """Return the page as UTF-8."""
        environment = self._environments[language]
        # Reports may hold halves of surrogate pairs, which have no UTF-8.
        return environment.get_template(template).render(values).encode(errors="replace")


def make_environment() -> Environment:
    """Return an environment with our syntax and filters, and no texts yet."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_show_controls,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    # As the texts are extracted, so that they are found again.
    environment.policies["ext.i18n.trimmed"] = True
    environment.filters |= {
        "iso_time": formatting.iso_time,
        "utc_time": formatting.utc_time,
        "number": formatting.whole_number,
        "short": formatting.short_number,
        "shorten": formatting.shorten,
        "size": formatting.size_text,
        "bars": formatting.bars_path,
        "query": links.query,
    }
    environment.globals |= {
        "project_path": links.project_path,
        "error_path": links.error_path,
        "languages": LANGUAGES,
        "max_undelivered": MAX_UNDELIVERED,
    }
    return environment


def _show_controls(value: Any) -> Any:
    """Return a text that is put into a page without control characters."""
    # The class stays: a text that is markup already is not escaped again.
    return type(value)(formatting.visible(value)) if isinstance(value, str) else value


def _make_environment(language: str, assets: Assets) -> Environment:
    environment = make_environment()
    translations = load_translations(language)
    environment.globals |= {"asset": assets.path_of, "language": language}
    environment.filters["said"] = Said(read_templates(), translations.gettext).show
    # The extension adds this method (jinja.palletsprojects.com, "i18n Extension").
    environment.install_gettext_translations(  # type: ignore[attr-defined]
        translations, newstyle=True
    )
    return environment
