"""Everything a run was made from and wrote, as its manifest has it."""

from bayes_backlog.reporting.glossary import HEADINGS, glossary
from bayes_backlog.reporting.provenance_tables import (
    artefacts_table,
    configuration_text,
    made_from_table,
    timings_table,
    versions_table,
)
from bayes_backlog.vocabulary import TERMS


def test_data_code_and_seeds_are_named(tiny_run):
    table = made_from_table(tiny_run)
    assert f"`{'c0ffee' * 10}abcd`" in table
    assert "| seed of sampling | 7 |" in table
    assert "seed of simulate" not in table


def test_versions_and_timings(own_run, change):
    assert "| pymc | 6.4.0 |" in versions_table(own_run)
    assert timings_table(own_run).splitlines()[-1] == "| all | 61.5 |"
    assert timings_table(change(own_run, timings={})) == "*This run has no timings.*"


def test_every_file_of_the_manifest_is_listed_with_its_hash(tiny_run):
    table = artefacts_table(tiny_run)
    for recorded in tiny_run.manifest()["stages"].values():
        for artefact, value in recorded["artefacts"].items():
            assert f"`{artefact}`" in table
            assert f"`{value[:16]}`" in table


def test_the_configuration_cannot_leave_its_block(own_run, change):
    assert configuration_text(own_run).startswith("```yaml\n")
    change(own_run, config={"report": {"organisation": "a\n````\nb"}})
    assert configuration_text(own_run).startswith("`" * 7 + "yaml\n")


def test_the_glossary_has_every_word_under_its_kind():
    text = glossary()
    assert all(f"| `{term.name}` |" in text for term in TERMS)
    assert {term.kind for term in TERMS} == set(HEADINGS)
