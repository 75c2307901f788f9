"""The frame of the pages: green, amber or red, and what the run was made from."""

from bayes_backlog.reporting.banner import banner, page_top, provenance
from bayes_backlog.reporting.provenance_tables import made_from_table


def with_status(run, status, rewrite):
    verdicts = run.table("model/verdicts.csv")
    verdicts.loc[verdicts["check"] == "divergences", "status"] = status
    rewrite(verdicts, run.path("model/verdicts.csv"))
    return run


def test_a_run_that_passed_is_green(own_run, rewrite):
    assert banner(with_status(own_run, "green", rewrite)).splitlines()[:2] == [
        "::: {.banner .green}",
        "All 5 [checks](checks.qmd) of the model passed.",
    ]


def test_a_warning_is_amber_and_named(own_run):
    text = banner(own_run)
    assert text.startswith("::: {.banner .amber}\n**Use with care: 1 of 5 checks gave a warning, none failed.**")
    assert "- divergences: 2 divergent draws \\(0.05%\\)." in text


def test_a_failure_is_red_and_says_not_to_use_it(own_run, rewrite):
    text = banner(with_status(own_run, "red", rewrite))
    assert text.startswith(
        "::: {.banner .red}\n**This forecast is refused and not published: it failed 1 of 5 [checks](checks.qmd).**"
    )
    assert "- divergences: 2 divergent draws" in text


def test_an_accepted_failure_is_red_with_its_reason_shown_literally(own_run, rewrite, change):
    run = with_status(own_run, "red", rewrite)
    change(run, gate={"red": ["divergences"], "accepted_because": "trial run, <b>not</b> for use"})
    text = banner(run)
    assert text.startswith("::: {.banner .red}\n**This forecast failed 1 of 5 [checks](checks.qmd).** It is shown all")
    assert r"trial run, \<b\>not\<\/b\> for use" in text


def test_the_top_names_the_office_its_last_day_and_the_marking(tiny_run):
    first = page_top(tiny_run).splitlines()[1]
    assert first == r"[OFFICIAL\-SENSITIVE]{.marking} Office \& Co · Tiny office · data to 15 January 2025"


def test_without_a_marking_none_is_shown(own_run, change):
    run = change(own_run, config={"report": {"marking": ""}})
    assert ".marking" not in page_top(run) + provenance(run)


def test_the_end_names_what_the_run_was_made_from(tiny_run):
    text = provenance(tiny_run)
    assert text.startswith("::: {.provenance}\n[OFFICIAL\\-SENSITIVE]{.marking} Run 0123456789ab; configuration tiny;")
    assert r"data cases\_\[x\].csv, sha256 c0ffeec0ffee;" in text
    assert f"code {'f' * 12};" in text
    assert r"bayes\_backlog 0.1.0 and pymc 6.4.0." in text
    assert "xarray" not in text


def test_code_outside_version_control_is_said(own_run, change):
    assert "code outside version control" in provenance(change(own_run, git_commit=None))


def test_code_that_no_commit_holds_is_said(own_run, change):
    assert "uncommitted" not in provenance(own_run)
    run = change(own_run, has_uncommitted_code=True)
    assert f"code {'f' * 12} with uncommitted changes;" in provenance(run)
    assert "with uncommitted changes" in made_from_table(run)
