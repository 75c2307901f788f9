"""The pages themselves: no number typed by hand, short code, and all four rendered from the small run."""

import re
from pathlib import Path

import pytest
from reporting.read_pages import COMPUTERS_WORDS, words_of

REPORTS = Path(__file__).parents[2] / "reports"
PAGES = sorted(REPORTS.glob("*.qmd"))
CELL = re.compile(r"^```\{python\}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HIDDEN = {
    "inline code": re.compile(r"`[^`\n]*`"),
    "link target": re.compile(r"\]\([^)\n]*\)"),
    "reference": re.compile(r"@(?:fig|tbl|sec)-[\w-]+"),
    "name or class of a div": re.compile(r"[#.][\w-]*[A-Za-z][\w-]*"),
}
"""What a reader does not see as a number."""


def prose(page: str) -> str:
    """Return the words of a page that a person typed and a reader sees: text, headings, captions, alternative texts."""
    front_matter = re.match(r"---\n(.*?)^---\n", page, re.MULTILINE | re.DOTALL)
    title = (
        "" if front_matter is None else "\n".join(re.findall(r"^(?:sub)?title: (.*)$", front_matter[1], re.MULTILINE))
    )
    body = page[front_matter.end() :] if front_matter else page
    alternative_texts = re.findall(r"^#\| fig-alt: (.*)$", body, re.MULTILINE)
    text = CELL.sub("", body)
    for pattern in HIDDEN.values():
        text = pattern.sub(" ", text)
    return "\n".join([title, *alternative_texts, text])


def hard_typed_numbers(page: str) -> list[str]:
    return re.findall(r"\S*\d\S*", prose(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_number_of_a_page_is_typed_by_hand(page):
    assert hard_typed_numbers(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "page",
    [
        "The backlog will be 211 cases.",
        "---\ntitle: Backlog in 2025\n---\n",
        "## The next 90 days\n",
        "::: {#fig-x}\n```{python}\n1\n```\n\nBands of 50 %.\n:::\n",
        '```{python}\n#| fig-alt: "Rises to 300 cases."\nx\n```\n',
        '::: {.callout-note title="The 3 rules"}\nx\n:::',
        "- item\n- 12.5 cases a day\n",
    ],
)
def test_a_number_typed_by_hand_is_seen(page):
    assert len(hard_typed_numbers(page)) == 1


@pytest.mark.parametrize(
    "page",
    [
        "---\ntitle: Forecast\ntoc-depth: 3\n---\n",
        "```{python}\nfan_panels(table, columns=2)\n```\n",
        "::: {#fig-week2 .wide3}\nx\n:::",
        "As in @fig-week2, see [there](page2.qmd) and `q05`.",
    ],
)
def test_numbers_that_nobody_reads_as_such_are_left_alone(page):
    assert hard_typed_numbers(page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_cell_is_one_call_and_every_figure_has_an_alternative_text(page):
    first, *cells = CELL.findall(page.read_text(encoding="utf-8"))
    assert all(line.startswith(("from ", "use_style", "run = ", "Markdown(")) for line in first.splitlines())
    for cell in cells:
        code = [line for line in cell.splitlines() if not line.startswith("#|")]
        assert len(code) == 1
        assert ("fig-alt" in cell) == ("_panels(" in cell or "_chart(" in cell)


def figures_without_numbers(page: str) -> list[str]:
    """Return the figures that are not followed by the table of their numbers."""
    figures = re.findall(r"^::: \{#(fig-[\w-]+)\}\n.*?^:::\n\n?(.*?\n.*?\n)", page, re.MULTILINE | re.DOTALL)
    return [name for name, after in figures if "_numbers(" not in after]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_figure_is_followed_by_its_numbers(page):
    assert figures_without_numbers(page.read_text(encoding="utf-8")) == []


def test_a_figure_without_its_numbers_is_seen():
    figure = "::: {#fig-x}\n```{python}\nfan_chart(t)\n```\n\nCaption.\n:::\n\n"
    assert figures_without_numbers(f"{figure}Prose.\nMore.\n") == ["fig-x"]
    assert figures_without_numbers(figure + "```{python}\nMarkdown(fan_numbers(t))\n```\n") == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_says_whose_it_is_at_the_top_and_what_made_it_at_the_end(page):
    first, *_, last = CELL.findall(page.read_text(encoding="utf-8"))
    assert first.endswith(("Markdown(page_top(run))\n", "Markdown(forecast_top(run))\n"))
    assert last == "Markdown(provenance(run))\n"


def test_every_page_renders_with_its_figures_and_tables(rendered):
    counts = {name: (page.count('class="fig"'), page.count('class="tbl"')) for name, page in rendered.items()}
    assert counts == {
        "index": (1, 1),
        "forecast": (8, 6),
        "scenarios": (1, 3),
        "backtest": (1, 5),
        "data": (1, 4),
        "model": (2, 6),
        "checks": (8, 4),
        "provenance": (0, 4),
        "glossary": (0, 0),
        "review": (0, 0),
        "assumptions": (0, 2),
        "assurance": (0, 4),
        "model-card": (0, 2),
        "transparency": (0, 3),
        **{f"guide/{page.stem}": (0, 0) for page in (REPORTS / "guide").glob("*.qmd")},
    }
    for page in rendered.values():
        assert page.count("data:image/svg+xml") == page.count('class="fig"')


def test_no_page_names_an_investigator(rendered):
    assert not any(re.search(r"P_[ab]\d", page) for page in rendered.values())


def test_pages_show_numbers_and_not_what_a_computer_writes_for_none(rendered):
    found = {name: COMPUTERS_WORDS.findall(words_of(page)) for name, page in rendered.items()}
    assert not any(found.values()), found


def test_labels_of_the_data_are_text_on_the_pages(rendered):
    assert "B|&lt;script&gt;alert(1)&lt;/script&gt;" in rendered["forecast"]
    assert "a|b &lt;script&gt;" in rendered["data"]
    assert not any("<script" in page for page in rendered.values())


def test_the_answer_is_on_the_first_page(rendered):
    assert "On 29 January 2025 the backlog will be about 107 cases" in rendered["index"]
    assert 'class="banner amber"' in rendered["index"]
    assert rendered["index"].count("OFFICIAL-SENSITIVE") == 2
