"""What the documents name is there: commands, files, keys and the version to cite."""

import re
from pathlib import Path
from pydoc import locate

import pytest
import yaml

import bayes_backlog
from bayes_backlog.cli import app

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / ".github").glob("*.md")),
    *sorted((ROOT / "reports" / "guide").glob("*.qmd")),
]
NAMED_FILE = re.compile(r"`((?:bayes_backlog|tests|configs|reports|\.ci|\.github)/[\w./-]+)`")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")
COMMAND = re.compile(r"bayes-backlog ([a-z]+)")


def commands() -> set[str]:
    return {command.name or command.callback.__name__ for command in app.registered_commands}


def dead_ends(document: Path, text: str) -> list[str]:
    """Return the files, links and commands of a document that do not exist."""
    dead = [name for name in NAMED_FILE.findall(text) if not (ROOT / name).exists()]
    dead += [link for link in LINK.findall(text) if not (document.parent / link).exists()]
    return dead + [f"bayes-backlog {verb}" for verb in COMMAND.findall(text) if verb not in commands()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_what_a_document_names_is_there(document):
    assert dead_ends(document, document.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "dead"),
    [
        ("see `bayes_backlog/none.py`", "bayes_backlog/none.py"),
        ("[there](none.md)", "none.md"),
        ("run `bayes-backlog conjure`", "bayes-backlog conjure"),
    ],
)
def test_a_dead_end_is_seen(text, dead):
    assert dead_ends(ROOT / "README.md", text) == [dead]


def not_there(sections: list[dict]) -> list[str]:
    """Return the names of a reference that the package does not have, or that have no docstring."""
    names = [name for section in sections for name in section["contents"]]
    found = {name: locate(f"bayes_backlog.{name}") for name in names}
    return [name for name, what in found.items() if what is None or not what.__doc__]


def test_the_reference_names_what_the_package_has():
    settings = yaml.safe_load((ROOT / "_quarto.yml").read_text(encoding="utf-8"))
    reference = settings["quartodoc"]
    assert reference["package"] == "bayes_backlog"
    assert f"{reference['dir']}/*.qmd" in settings["project"]["render"]
    assert not_there(reference["sections"]) == []
    assert not_there([{"contents": ["runs.Run", "runs.Runs"]}]) == ["runs.Runs"]


def test_the_version_to_cite_is_this_one():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"] == bayes_backlog.__version__
