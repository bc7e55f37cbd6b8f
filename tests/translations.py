"""The pages' texts: taken out of the templates and the code, merged into the catalogues, compiled.

``python -m tests.translations`` brings the catalogues up to date and compiles them; then translate
what is new in ``faultline_lite/web/locale/*/LC_MESSAGES/messages.po`` and run it again.
"""

import io
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from faultline_lite.config import describe_keys
from faultline_lite.web.languages import DOMAIN, LANGUAGES, LOCALE_FOLDER, SOURCE_LANGUAGE
from faultline_lite.web.said import SENTENCES_FILE

_WEB = LOCALE_FOLDER.parent
_PACKAGE = _WEB.parent
_METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
_OPTIONS = {"templates/**.html": {"trimmed": "true", "silent": "false"}}
#: A catalogue changes where a text does, and not with the day.
_DATE = datetime(2026, 1, 1, tzinfo=UTC)
_HEADER = "# The pages of faultline-lite. Made by `python -m tests.translations`.\n"
#: Marks that a translator reads beside the text.
_COMMENT_TAGS = ("Translators:",)


def translated_languages() -> list[str]:
    """Return the codes of the languages that have a catalogue."""
    return [language for language in LANGUAGES if language != SOURCE_LANGUAGE]


def catalogue_path(language: str, suffix: str) -> Path:
    """Return where the catalogue of the language is: ``suffix`` is "po" or "mo"."""
    return LOCALE_FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.{suffix}"


def extract() -> Catalog:
    """Return all texts that the pages have now."""
    catalogue = Catalog(creation_date=_DATE)
    found = extract_from_dir(
        _WEB,
        method_map=_METHODS,
        options_map=_OPTIONS,
        comment_tags=_COMMENT_TAGS,
        strip_comment_tags=True,
    )
    for file, _, text, comments, context in sorted(found, key=lambda each: (each[0], each[1])):
        # Without line numbers, which change with every line above.
        catalogue.add(text, None, [(file, 0)], auto_comments=comments, context=context)
    for file, template in _extract_sentences():
        catalogue.add(template, None, [(file, 0)])
    # The settings page says what a key is for in the words of its declaration.
    for _, _, description in describe_keys():
        catalogue.add(description, None, [("config.py", 0)])
    return catalogue


def _extract_sentences() -> list[tuple[str, str]]:
    """Return the templates of all calls of ``say``, each with the file that it is in."""
    found = extract_from_dir(_PACKAGE, method_map=[("**.py", "python")], keywords={"say": None})
    return sorted((file, text) for file, _, text, _, _ in found if isinstance(text, str))


def list_sentences() -> str:
    """Return the content of the file of templates."""
    templates = {template for _, template in _extract_sentences()}
    return "".join(f"{template}\n" for template in sorted(templates))


def read_catalogue(language: str) -> Catalog:
    """Return the catalogue as it is in the .po file."""
    with catalogue_path(language, "po").open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def compile_catalogue(catalogue: Catalog) -> bytes:
    """Return the content of the .mo file."""
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    return compiled.getvalue()


def update(language: str) -> None:
    """Merge new texts into the catalogue, drop what is gone, and compile it."""
    path = catalogue_path(language, "po")
    catalogue = (
        read_catalogue(language) if path.exists() else Catalog(language, DOMAIN, fuzzy=False)
    )
    catalogue.update(extract(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.project, catalogue.version, catalogue.revision_date = "faultline-lite", "1", _DATE
    catalogue.header_comment = _HEADER
    catalogue.msgid_bugs_address = catalogue.last_translator = catalogue.language_team = ""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=100, include_lineno=False, omit_header=False)
    catalogue_path(language, "mo").write_bytes(compile_catalogue(read_catalogue(language)))


if __name__ == "__main__":
    SENTENCES_FILE.write_text(list_sentences(), "utf-8")
    for each in translated_languages():
        update(each)
