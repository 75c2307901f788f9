"""Rendering: what a page gets (its run, its folder, its interpreter), what the HTML may hold, and what is refused."""

import os
import re
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import yaml
from reporting.read_pages import outside_references, words_of

from bayes_backlog.errors import RunError
from bayes_backlog.reporting import prerender
from bayes_backlog.reporting.pages import Site, page_title, read_site
from bayes_backlog.reporting.preview import html_name, navigation_bar
from bayes_backlog.reporting.render import chosen_run, existing_run, project_root, render_report
from bayes_backlog.reporting.style import FAN, GROUPS, MODEL, OBSERVED, VERDICTS, use_style

INDEX = """---
title: First page
---

::: {.callout-note title="How to read this"}
See @fig-line, @tbl-flows, [the guide](guide/start.qmd#install) and $B_t < 200$.
:::

```{python}
import os, sys
from pathlib import Path
import matplotlib.pyplot as plt
from IPython.display import Markdown
from bayes_backlog.reporting.render import chosen_run
from bayes_backlog.reporting.style import use_style
use_style()
print("interpreter", sys.executable)
print("folder", Path.cwd())
print("run", chosen_run())
print("to standard error", file=sys.stderr)
```

::: {#fig-line}
```{python}
#| fig-alt: "A line that rises."
plt.plot([1, 2, 3]); plt.show()
```

The line.
:::

::: {#fig-bar}
```{python}
plt.bar([1, 2], [3, 4]); plt.show()
```

The bars of *two* days.
:::

::: {#tbl-flows}
```{python}
Markdown("| flow | cases |\\n|:--|--:|\\n| received | 5 |")
```

Flows, cases per day.
:::
"""
GUIDE = "---\ntitle: Guide\n---\n\n## Install\n\nBack to [the summary](../index.qmd).\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A small project with two pages and a finished run."""
    root = tmp_path_factory.mktemp("project")
    settings = yaml.safe_load((Path(__file__).parents[2] / "_quarto.yml").read_text(encoding="utf-8"))
    settings["website"]["navbar"]["left"] = [
        {"href": "reports/index.qmd", "text": "Summary"},
        {"text": "More", "menu": ["reports/guide/start.qmd"]},
    ]
    (root / "_quarto.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (root / "reports" / "guide").mkdir(parents=True)
    (root / "reports" / "styles.css").write_text(".banner { color: #123456; }", encoding="utf-8")
    (root / "reports" / "index.qmd").write_text(INDEX, encoding="utf-8")
    (root / "reports" / "guide" / "start.qmd").write_text(GUIDE, encoding="utf-8")
    (root / "results" / "demo").mkdir(parents=True)
    (root / "results" / "demo" / "manifest.json").write_text("{}", encoding="utf-8")
    return root


@pytest.fixture(autouse=True)
def no_quarto(monkeypatch):
    """Quarto is not looked for outside the test that asks for it."""
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable) + os.pathsep + "/usr/bin")
    monkeypatch.delenv("BAYES_BACKLOG_RUN", raising=False)


@pytest.fixture(scope="module")
def preview(project):
    """The index page of the preview, rendered once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shutil.which", lambda name: None)
        return render_report(project / "results" / "demo", root=project)


@pytest.fixture(scope="module")
def html(preview):
    return preview.read_text(encoding="utf-8")


# --- what a page gets ---


def test_a_page_runs_in_the_project_root_with_the_run_and_this_interpreter(project, html):
    assert f"interpreter {sys.executable}" in html
    assert f"folder {project}\n" in html
    assert f"run {project / 'results' / 'demo'}<" in html


def test_a_page_shows_what_it_prints_but_no_warnings(html):
    assert "to standard error" not in html


def test_every_page_is_written_beside_the_run(project, preview):
    report = project / "results" / "demo" / "report"
    assert preview == report / "index.html"
    assert sorted(path.relative_to(report).as_posix() for path in report.rglob("*") if path.is_file()) == [
        "guide/start.html",
        "index.html",
    ]


# --- what the HTML holds ---


def test_pages_load_nothing_from_elsewhere(preview):
    for page in preview.parent.rglob("*.html"):
        assert outside_references(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "bad",
    [
        '<script src="https://cdn.example.org/jquery.js"></script>',
        "<link rel=stylesheet href=//fonts.example.org/css>",
        '<img alt="x" src="http://example.org/x.png">',
        "<style>@import 'https://fonts.example.org/css';</style>",
        "<style>p { background: url(https://example.org/x.png) }</style>",
    ],
)
def test_an_outside_reference_is_seen(bad):
    assert len(outside_references(f"<html>{bad}</html>")) == 1


def test_words_in_pictures_are_read_too(html):
    assert {"1.00", "The", "line."} <= set(words_of(html).split())


def test_a_link_for_the_reader_is_not_a_reference():
    assert outside_references('<a href="https://doi.org/10.1000/1">source</a>') == []


def test_code_is_hidden_and_the_style_sheet_of_the_project_is_used(html):
    assert "plt.plot" not in html
    assert ".banner { color: #123456; }" in html


def test_figures_and_tables_are_numbered_captioned_and_referred_to(html):
    text = html.replace("\u00a0", " ").replace("\n", " ")
    assert re.search(r'<figure id="fig-bar".*?Figure 2: The bars of <em>two</em> days', text)
    assert re.search(r'<figure id="tbl-flows".*?Table 1: Flows', text)
    assert '<a href="#fig-line">Figure 1</a>' in text
    assert '<a href="#tbl-flows">Table 1</a>' in text


def test_a_figure_without_an_alternative_text_takes_its_caption(html):
    assert 'aria-label="A line that rises."' in html
    assert 'aria-label="The bars of two days."' in html


def test_formulae_are_mathml_and_callouts_have_their_title(html):
    assert "<math" in html
    assert "<strong>How to read this</strong>" in html


def test_links_between_pages_lead_to_the_html_files(preview, html):
    assert 'href="guide/start.html#install"' in html
    assert 'href="../index.html"' in (preview.parent / "guide" / "start.html").read_text(encoding="utf-8")


def test_the_navigation_bar_names_the_pages_and_marks_the_current_one(project):
    site = read_site(project)
    assert navigation_bar(site, Path("reports/guide/start.qmd")) == (
        '<a href="../index.html">Summary</a> <details name="menu"><summary class="here">More</summary>'
        '<div><a href="start.html" aria-current="page">Guide</a></div></details>'
    )


def test_two_previews_of_a_run_are_the_same_bytes(project, html, tmp_path):
    again = render_report(project / "results" / "demo", tmp_path / "again", root=project)
    assert again == tmp_path / "again" / "index.html"
    assert again.read_text(encoding="utf-8") == html


# --- which pages there are ---


def test_the_first_page_comes_first_and_none_comes_twice(project):
    assert read_site(project).pages == (Path("reports/index.qmd"), Path("reports/guide/start.qmd"))


def out_of_step(site: Site) -> set[Path]:
    """Return the pages that the navigation bar does not lead to, and the entries that lead nowhere."""
    links = [link for entry in site.navigation for link in (entry.menu or (entry,))]
    return {link.page for link in links} ^ set(site.pages)


def test_the_navigation_bar_leads_to_every_page_of_this_project():
    assert out_of_step(read_site(project_root())) == set()


def test_a_page_without_an_entry_is_seen(project):
    site = read_site(project)
    assert out_of_step(replace(site, navigation=site.navigation[:1])) == {Path("reports/guide/start.qmd")}


def test_a_project_without_pages_is_refused(project, tmp_path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "_quarto.yml").write_bytes((project / "_quarto.yml").read_bytes())
    with pytest.raises(RunError, match=r"No page of .*reports/\*\.qmd"):
        read_site(tmp_path)


@pytest.mark.parametrize(
    ("text", "title"),
    [("---\ntitle: 'A: b'\n---\n", "A: b"), ("# No front matter\n", "page"), ("---\nx: 1\n---\n", "page")],
)
def test_a_page_is_called_by_its_title_or_its_file(tmp_path, text, title):
    page = tmp_path / "page.qmd"
    page.write_text(text, encoding="utf-8")
    assert page_title(page) == title


def test_the_first_folder_of_a_page_is_dropped():
    assert html_name(Path("reports/guide/a.qmd")) == Path("guide/a.html")


def test_the_project_is_found_from_anywhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert (project_root() / "pyproject.toml").is_file()


def test_an_installed_package_finds_the_clone_worked_in(monkeypatch, project, tmp_path):
    monkeypatch.setattr("bayes_backlog.__file__", str(tmp_path / "site-packages" / "bayes_backlog" / "__init__.py"))
    monkeypatch.chdir(project / "results")
    assert project_root() == project
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="run from a clone"):
        project_root()


# --- which run ---


def test_a_run_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"no manifest\.json") as caught:
        existing_run(tmp_path / "north")
    assert f"name is north: bayes-backlog run CONFIG --results {tmp_path}" in str(caught.value)


def test_the_run_is_chosen_by_the_environment_or_is_the_demonstration(monkeypatch, project, tmp_path):
    monkeypatch.chdir(project)
    assert chosen_run() == project / "results" / "demo"
    monkeypatch.setenv("BAYES_BACKLOG_RUN", str(tmp_path / "other"))
    with pytest.raises(RunError, match="other"):
        chosen_run()


# --- pages that stop ---


def copied(project, target, index):
    """Return a project like the first, whose index page is another."""
    for name in ("_quarto.yml", "reports/styles.css", "results/demo/manifest.json"):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes((project / name).read_bytes())
    (target / "_quarto.yml").write_text(
        (project / "_quarto.yml").read_text(encoding="utf-8").replace("guide/", "none/")
    )
    (target / "reports" / "none").mkdir()
    (target / "reports" / "none" / "start.qmd").write_text(GUIDE, encoding="utf-8")
    (target / "reports" / "index.qmd").write_text(index, encoding="utf-8")
    return target


def test_a_cell_that_raises_names_the_page_and_leaves_the_old_one(project, tmp_path):
    root = copied(
        project, tmp_path, "---\ntitle: x\n---\n\n```{python}\nraise ValueError('no draws for team B')\n```\n"
    )
    old = root / "results" / "demo" / "report" / "index.html"
    old.parent.mkdir()
    old.write_text("yesterday's", encoding="utf-8")
    with pytest.raises(RunError, match=r"reports/index\.qmd stopped with ValueError: no draws for team B"):
        render_report(root / "results" / "demo", root=root)
    assert old.read_text(encoding="utf-8") == "yesterday's"
    assert not (old.parent / "none").exists()


def test_a_page_knows_nothing_of_the_page_before_it(monkeypatch, project, tmp_path):
    monkeypatch.setattr("bayes_backlog.reporting.preview.PAGES_AT_ONCE", 1)
    root = copied(project, tmp_path, "---\ntitle: x\n---\n\n```{python}\nleft_behind = 1\n```\n")
    second = "---\ntitle: y\n---\n\n```{python}\nleft_behind\n```\n"
    (root / "reports" / "none" / "start.qmd").write_text(second, encoding="utf-8")
    with pytest.raises(RunError, match=r"start\.qmd stopped with NameError"):
        render_report(root / "results" / "demo", root=root)


def test_a_process_that_dies_names_the_page(project, tmp_path):
    root = copied(project, tmp_path, "---\ntitle: x\n---\n\n```{python}\nimport os; os._exit(9)\n```\n")
    with pytest.raises(RunError, match=r"reports/index\.qmd could not be run to its end: Kernel died"):
        render_report(root / "results" / "demo", root=root)


# --- with Quarto (a stand-in that records how it was called: the real one is not on every machine) ---


def stand_in(folder: Path, script: str) -> None:
    folder.mkdir()
    (folder / "quarto").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / "quarto").chmod(stat.S_IRWXU)


def test_quarto_is_given_the_run_and_the_interpreter_and_its_site_is_copied(monkeypatch, project, tmp_path):
    stand_in(
        tmp_path / "bin", 'mkdir -p "$2/_site" && echo "$1 $BAYES_BACKLOG_RUN $QUARTO_PYTHON" > "$2/_site/index.html"'
    )
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    page = render_report(project / "results" / "demo", tmp_path / "out", root=project)
    assert page == tmp_path / "out" / "index.html"
    assert page.read_text(encoding="utf-8").split() == ["render", str(project / "results" / "demo"), sys.executable]


def test_a_failure_of_quarto_is_told(monkeypatch, project, tmp_path):
    stand_in(tmp_path / "bin", "exit 4")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    with pytest.raises(RunError, match="exit code 4"):
        render_report(project / "results" / "demo", tmp_path / "out", root=project)


# --- before Quarto renders ---


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (3, 0), (2, 2), (1, 1)])
def test_the_demonstration_is_run_and_a_refusal_by_a_gate_does_not_stop_quarto(tmp_path, code, expected):
    package = tmp_path / "bayes_backlog"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(f"import sys; print(sys.argv[1:]); sys.exit({code})\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, prerender.__file__], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == expected
    assert done.stdout == "['run', 'configs/demo.yaml', '--results', 'results']\n"
    assert ("QUARTO_PYTHON" in done.stderr) == (code == 1)


def test_a_chosen_run_is_not_made_again(monkeypatch, tmp_path):
    monkeypatch.setenv("BAYES_BACKLOG_RUN", "results/office")
    monkeypatch.chdir(tmp_path)
    assert prerender.main() == 0


# --- figures ---


@pytest.fixture
def style():
    """The report's style on top of a user's odd settings; matplotlib is left as it was found."""
    with plt.rc_context():
        plt.rcParams.update({"axes.facecolor": "black", "lines.marker": "x"})
        use_style()
        yield plt.rcParams


def test_a_users_own_settings_do_not_reach_a_report(style):
    assert style["axes.facecolor"] == "white"
    assert style["lines.marker"] == "None"
    assert not style["axes.spines.top"]


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast_with_white(colour: str) -> float:
    return 1.05 / (luminance(colour) + 0.05)


def test_the_fan_gets_darker_towards_the_middle():
    shades = [luminance(shade) for _, shade in sorted(FAN.items(), reverse=True)]
    assert shades == sorted(shades, reverse=True)
    assert list(FAN) == sorted(FAN, reverse=True)
    assert luminance(MODEL) < shades[-1]


def test_words_in_colour_are_readable_on_white():
    assert all(contrast_with_white(colour) >= 4.5 for colour in [*VERDICTS.values(), MODEL, OBSERVED])
    assert contrast_with_white("#E69F00") < 4.5
    assert len(set(GROUPS)) == len(GROUPS)
