"""Values as Markdown: what pandoc makes of them is the value again, whatever it holds."""

import re

import pypandoc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_backlog.reporting.markdown import (
    escape,
    interval,
    listing,
    percent,
    pipe_table,
    plain,
    score,
    share,
    verdict,
)

NASTY = [
    "<script>alert(1)</script>",
    "a|b",
    "*x* _y_",
    "`code`",
    "[t](http://x.org)",
    "$x$",
    "# 1",
    "@fig-x",
    "{{< x >}}",
    "\\",
]


def html_of(markdown: str) -> str:
    return pypandoc.convert_text(markdown, to="html", format="markdown")


@pytest.mark.parametrize("label", NASTY)
def test_a_label_is_shown_literally_in_a_table(label):
    html = html_of(pipe_table(["Team", "n"], [[escape(label), "1"]], align="lr"))
    text = re.sub(r"<[^>]+>", "", re.search(r"<tbody>.*?<td[^>]*>(.*?)</td>", html, re.DOTALL)[1])
    shown = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("\u00a0", " ")
    assert shown == label
    assert html.count("<td") == 2


def test_without_escaping_a_bar_breaks_the_table():
    assert html_of(pipe_table(["Team", "n"], [["a|b", "1"]], align="lr")).count("<td") == 2
    assert ">1<" not in html_of(pipe_table(["Team", "n"], [["a|b", "1"]], align="lr"))


@given(st.text(max_size=80))
@settings(max_examples=15, deadline=None)
def test_a_label_is_one_line_without_control_characters(label):
    shown = plain(label)
    assert len(shown) <= 60
    assert shown.isprintable()


def test_short_cells_stay_on_one_line_and_may_break_before_brackets():
    line = pipe_table(["a"], [["signed off"], ["12 (1 to 5)"], ["a cell with many words"]], align="l").splitlines()[2:]
    assert line == ["| signed\u00a0off |", "| 12 (1\u00a0to\u00a05) |", "| a cell with many words |"]


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0.0, "less than 1 %"),
        (0.0099, "less than 1 %"),
        (0.01, "1 %"),
        (0.5, "50 %"),
        (0.99, "99 %"),
        (1.0, "more than 99 %"),
    ],
)
def test_a_probability_never_claims_certainty(probability, words):
    assert percent(probability).replace("\u00a0", " ") == words


def test_numbers_in_words():
    assert share(float("nan")) == share(float("-inf")) == "–"
    assert share(-0.314).replace("\u00a0", " ") == "−31 %"
    assert interval(1234.4, 1000, 2000.6) == "1,234 (1,000–\u20602,001)"
    assert [score(value) for value in (3.04, 27.17, 128.7)] == ["3.0", "27.2", "129"]
    assert [listing(words) for words in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
    assert verdict("red", "R-hat") == "[R-hat]{.verdict .red}"
