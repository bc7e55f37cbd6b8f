"""Nothing gets out of a fence or a span of code."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from faultline_lite.notifiers.markdown import code_span, fence
from faultline_lite.notifiers.texts import visible, visible_line
from tests.messages import HOSTILE
from tests.rendering import Rendered, render

MARKDOWN = st.text(st.sampled_from("`~ \t\n\r\\<>/*_[]()!#@-a\0") | st.characters(codec="utf-8"))


@given(MARKDOWN)
@example(HOSTILE)
@example("```\n````\n")
@example("`" * 50)
@example("")
def test_fenced_text_is_one_block_and_reads_as_it_is(text: str) -> None:
    rendered = render(fence(text, 10_000))

    assert rendered == Rendered(code=[re.sub(r"(?m)^/", " /", visible(text)) + "\n"])


@given(MARKDOWN)
@example(HOSTILE)
@example("`")
@example("``x`")
@example(" x ")
@example("")
def test_span_is_one_span_and_reads_as_it_is(text: str) -> None:
    rendered = render(f"- {code_span(text, 10_000)}")

    assert rendered == Rendered(code=[visible_line(text) or " "])


@given(MARKDOWN, st.integers(30, 200))
@example("`" * 10_000, 100)
@example("\x00\u202e" * 10_000, 100)
def test_fence_stays_within_its_limit_but_for_its_own_lines(text: str, limit: int) -> None:
    block = fence(text, limit, "json")

    assert len(block) <= limit + len("json\n\n") + 6
    assert len(render(block).code) == 1


@given(MARKDOWN)
@example("```\n/close\n````\n```\n/close\n```")
def test_no_line_of_a_fence_is_a_quick_action(text: str) -> None:
    assert not re.search(r"(?m)^/", fence(text, 10_000))
