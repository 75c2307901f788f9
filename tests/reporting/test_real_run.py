"""The pages of a real run, rendered as `bayes-backlog report` does: what the hand-made run lacks is on them too."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from reporting.read_pages import COMPUTERS_WORDS, is_written_by_hand, outside_references, pages_in, words_of
from whole_run import Finished

from bayes_backlog.config import Config
from bayes_backlog.models.describe import implied_priors
from bayes_backlog.reporting.check_tables import left_out
from bayes_backlog.reporting.finished import refuse_unfinished
from bayes_backlog.reporting.model_tables import specification
from bayes_backlog.reporting.pages import read_site
from bayes_backlog.reporting.preview import html_name
from bayes_backlog.reporting.render import render_report

ROOT = Path(__file__).parents[2]
PLACEHOLDERS = (
    *("This run holds no study", "This run was made without", "This run left no total out", "This run did not count"),
    *("This run has no", "No forecasts of the past", "Nothing of this may be shown", "No target is set"),
)
"""What a page says of a part that its run lacks; a real run lacks none of these."""


@pytest.fixture(scope="session")
def real_pages(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """All pages of the real run, by name."""
    refuse_unfinished(finished.run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shutil.which", lambda name: None)
        index = render_report(finished.run.folder, tmp_path_factory.mktemp("real_pages"), root=ROOT)
    return pages_in(index.parent)


def part(page: str, name: str) -> str:
    """Return a figure or table of a page."""
    found = re.search(rf'<figure id="{name}".*?</figure>', page, re.DOTALL)
    assert found, f"{name} is not on the page"
    return found[0]


def on_pages(pages: dict[str, str], find: Callable[[str], list[str]]) -> dict[str, list[str]]:
    """Return what is found on each page, where anything is."""
    return {name: found for name, page in pages.items() if (found := find(page))}


def placeholders(page: str) -> list[str]:
    return [words for words in PLACEHOLDERS if words in words_of(page)]


def n_rows(table: str) -> int:
    return len(re.findall(r"<tr\b", table.partition("<tbody")[2]))


def test_every_page_is_there(real_pages: dict[str, str]) -> None:
    names = {html_name(page).with_suffix("").as_posix() for page in read_site(ROOT).pages}
    assert set(real_pages) == set(filter(is_written_by_hand, names))


def test_no_page_shows_what_a_computer_writes_for_none(real_pages: dict[str, str]) -> None:
    assert on_pages(real_pages, lambda page: COMPUTERS_WORDS.findall(words_of(page))) == {}


def test_no_page_loads_anything_from_elsewhere(real_pages: dict[str, str]) -> None:
    assert on_pages(real_pages, outside_references) == {}


def test_no_part_of_a_whole_run_is_missing(finished: Finished, real_pages: dict[str, str]) -> None:
    """Nor is it an empty table: each has as many lines as the run has rows for it."""
    assert on_pages(real_pages, placeholders) == {}
    run, model, checks = finished.run, real_pages["model"], real_pages["checks"]
    assert n_rows(part(model, "tbl-priors")) == len(implied_priors(specification(run))) > 0
    assert n_rows(part(model, "tbl-prior-predictive")) == len(run.table("model/prior_predictive.csv")) > 0
    assert n_rows(part(checks, "tbl-sensitivity")) == run.table("model/sensitivity.csv")["prior"].nunique() > 0
    flows = left_out(run)["panel"].unique()
    drawn = words_of(part(checks, "fig-left-out"))
    assert len(flows) > 0
    assert [flow for flow in flows if flow not in drawn] == []


def test_parts_that_the_hand_made_run_lacks_are_seen_to_be_missing(rendered: dict[str, str]) -> None:
    found = on_pages(rendered, placeholders)
    assert "This run was made without" in found["model"]
    assert {"This run holds no study", "This run left no total out"} <= set(found["checks"])


def test_the_first_page_says_what_the_gate_said(finished: Finished, real_pages: dict[str, str]) -> None:
    gate = finished.run.manifest()["gate"]
    assert ('class="banner red"' in real_pages["index"]) == bool(gate["red"])
    refused = bool(gate["red"]) and not gate["accepted_because"]
    assert ("refused and not published" in words_of(real_pages["index"])) == refused


def test_nobody_is_named(finished: Finished, real_pages: dict[str, str], small_config: Config) -> None:
    """Neither as the export does nor by a pseudonym."""
    assert small_config.data.file is not None
    names = {*pd.read_csv(small_config.data.file)["investigator"].dropna()}
    names |= {*finished.run.table("panels/daily_panel.parquet")["investigator"]}
    assert len(names) > 8
    assert on_pages(real_pages, lambda page: [who for who in names if who in page]) == {}
