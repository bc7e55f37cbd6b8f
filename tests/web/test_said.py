"""Every sentence that a page may show is known by its text, and there in every language."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import faultline_lite
from faultline_lite.exceptions import ChannelConfigError
from faultline_lite.notifiers import parse_config
from faultline_lite.sentences import say
from faultline_lite.web.languages import load_translations
from faultline_lite.web.said import PHRASES, REASON, SENTENCES_FILE, Said, read_templates
from tests.translations import list_sentences, translated_languages

PACKAGE = Path(faultline_lite.__file__).parent
#: What is wrong with a request may come up on a page where it is raised in one of these.
SHOWN = ("http/", "notifications/", "notifiers/", "sealedbox.py", "web/")
LANGUAGES = translated_languages()
JAPANESE = load_translations("ja").gettext

_NAME = re.compile(r"\{(\w+)\}")


def _calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield the calls of a function in the package, each with the file that it is in."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _name_of(node) == name:
                yield path.relative_to(PACKAGE).as_posix(), node


def _name_of(call: ast.expr) -> str | None:
    """Return the name of the function that is called, None where it is no such call."""
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
        return call.func.id
    return None


def _show(text: str) -> str:
    return Said(read_templates(), JAPANESE).show(text)


def test_file_of_templates_is_current() -> None:
    assert SENTENCES_FILE.read_text("utf-8") == list_sentences()


def test_sentence_is_said_by_a_literal_with_all_that_it_names() -> None:
    wrong = []
    for file, call in _calls("say"):
        template = call.args[0]
        text = template.value if isinstance(template, ast.Constant) else None
        given = {each.arg for each in call.keywords}
        if not isinstance(text, str) or set(_NAME.findall(text)) != given:
            wrong.append(f"{file}:{call.lineno}")

    assert wrong == []


def test_problem_that_a_page_may_show_is_a_sentence() -> None:
    """What is no sentence of ours says so: ``Sentence(str(error))``."""
    wrong = [
        f"{file}:{call.lineno}"
        for file, call in _calls("Problem")
        if file.startswith(SHOWN)
        and (
            isinstance(call.args[0], ast.Constant | ast.JoinedStr | ast.BinOp)
            or _name_of(call.args[0]) == "str"
        )
    ]

    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_known_by_its_text_and_translated(language: str) -> None:
    gettext = load_translations(language).gettext
    said = Said(read_templates(), gettext)
    for template in read_templates():
        names = _NAME.findall(template)
        values = {name: "two words" if name in PHRASES else f"1-{name}" for name in names}
        shown = dict(values)
        if REASON in names:
            values[REASON], shown[REASON] = "posted", gettext("posted")

        assert said.show(template.format(**values)) == gettext(template).format(**shown), template


def test_sentence_within_a_sentence_is_translated() -> None:
    with pytest.raises(ChannelConfigError) as refusal:
        parse_config({"type": "slack", "endpoint": "https://hooks.example.com/x"})
    failed = _show(say("the config cannot be used: {reason}", reason=refusal.value))

    assert failed == "通知設定を使用できません: channel は必須です"


def test_sentences_in_a_row_are_translated_one_by_one() -> None:
    row = "endpoint is required; channel is required"

    assert _show(row) == "endpoint は必須です; channel は必須です"


def test_sentences_within_each_other_without_end_are_left_alone_at_some_depth() -> None:
    assert _show("x: " * 500 + "posted") == "x: " * 500 + "posted"
    assert _show("x: x: posted") == "x: x: 投稿しました"


def test_words_of_others_stay_as_they_are() -> None:
    answer = "GitHub answered 422: Validation Failed: {title} {0} %s; too long"

    assert (
        _show(answer) == "GitHub が 422 を返しました: Validation Failed: {title} {0} %s; too long"
    )
    assert _show("nobody here has ever said that") == "nobody here has ever said that"
    assert _show("") == ""
