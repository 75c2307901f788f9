"""What the package must never do, each rule beside an unsafe twin on which the same check goes red."""

from __future__ import annotations

import ast
import dataclasses
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import formulae
import pandas as pd
import pypandoc
import pytest
import yaml

from bayes_backlog.config import load_config
from bayes_backlog.errors import ConfigError
from bayes_backlog.models.row_table import row_formula
from bayes_backlog.models.spec import ModelSpec, spec_from_json
from bayes_backlog.reporting.markdown import escape, pipe_table
from bayes_backlog.runs import Run, write_table

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(path for folder in ("bayes_backlog", "reports") for path in (ROOT / folder).rglob("*.py"))
PAGES = sorted((ROOT / "reports").rglob("*.qmd"))
SCRIPT, IMAGE = "<script>alert(1)</script>", "<img src=x onerror=alert(1)>"

# --- nothing is run that somebody else wrote ---

FORBIDDEN_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "read_pickle", "to_pickle", "system", "popen"}
FORBIDDEN_CALLS |= {"unsafe_load", "full_load", "unsafe_load_all"}
SAFE_LOADERS = {"SafeLoader", "CSafeLoader", "_Loader"}


def unsafe(code: str) -> list[str]:
    """Name what a piece of code does that could run what it reads."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            found += [f"import {name}" for name in names if name.split(".")[0] in FORBIDDEN_MODULES]
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            name = called.rpartition(".")[2]
            # A regular expression is compiled, not run.
            if name in FORBIDDEN_CALLS and called != "re.compile":
                found.append(called)
            if called == "yaml.load" and not _has_safe_loader(node):
                found.append(called)
            found += [
                f"{called}({word.arg})"
                for word in node.keywords
                if word.arg in ("shell", "allow_pickle") and getattr(word.value, "value", True)
            ]
    return found


def _has_safe_loader(call: ast.Call) -> bool:
    loaders = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "Loader")]
    return any(ast.unparse(loader).rpartition(".")[2] in SAFE_LOADERS for loader in loaders)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_package_runs_nothing_that_it_reads(path: Path) -> None:
    assert unsafe(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_pages_run_nothing_that_they_read(page: Path) -> None:
    cells = re.findall(r"^```\{python\}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert unsafe("\n".join(cells)) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "import pandas as pd\npd.read_pickle(path)",
        "numpy.load(path, allow_pickle=True)",
        "eval(text)",
        "builtins.exec(text)",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.Loader)",
        "yaml.unsafe_load(text)",
        "subprocess.run(text, shell=True)",
        "os.system(text)",
    ],
)
def test_unsafe_code_is_seen(code: str) -> None:
    assert len(unsafe(code)) == 1


@pytest.mark.parametrize("code", ["re.compile(text)", "yaml.load(text, Loader=_Loader)", "subprocess.run([a, b])"])
def test_safe_code_is_left_alone(code: str) -> None:
    assert unsafe(code) == []


# --- a configuration is data ---


def test_a_configuration_builds_no_objects(tmp_path: Path) -> None:
    told = "name: a\ntitle: !!python/object/apply:os.getenv [HOME]\ndata: {file: x.csv}\n"
    (tmp_path / "a.yaml").write_text(told)
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_config(tmp_path / "a.yaml")
    # The unsafe twin does what the text says.
    assert yaml.unsafe_load(told)["title"] == os.environ.get("HOME")


# --- a formula is made of names ---


def shout(column: pd.Series) -> pd.Series:
    """Show that a formula called a function."""
    CALLED.append("shout")
    return column


CALLED: list[str] = []


def test_a_specification_from_a_file_puts_no_code_into_a_formula() -> None:
    """The specification of a run is a file: whoever changed it must not get code into Bambi."""
    harmless = ModelSpec(calendar_terms=("monday",), annual_harmonics=0)
    tampered = spec_from_json(dataclasses.replace(harmless, calendar_terms=("shout(monday)",)).to_json())
    with pytest.raises(ValueError, match=r"shout\(monday\)"):
        row_formula("allocated", tampered)
    # The unsafe twin: formulae calls what a formula names.
    table = pd.DataFrame({"y": [1.0, 2.0, 3.0], "monday": [0.0, 1.0, 0.0]})
    formulae.design_matrices("y ~ shout(monday)", table)
    assert CALLED


@pytest.mark.parametrize("term", ["a + b", "I(a)", "0", "a:b", "(1|a)", "a.b", "", "lambda: 0", "np.exp(a)"])
def test_a_term_is_a_name(term: str) -> None:
    with pytest.raises(ValueError):
        row_formula("allocated", ModelSpec(calendar_terms=(term,)))


# --- a table is no program ---

RISKY = ["=1+1", "+SUM(A1)", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1"]


def test_cells_of_a_table_are_no_formulas_and_negative_numbers_stay_numbers(tmp_path: Path) -> None:
    table = pd.DataFrame({"team": RISKY, "moved": [-1.5, -2.0, 3.0, -0.0, 1e-9, -7.0], "text": ["-3"] * 6})
    write_table(table, tmp_path / "safe.csv")
    read = pd.read_csv(tmp_path / "safe.csv", keep_default_na=False)
    assert read["team"].str.match(r"'").all()
    assert read["moved"].tolist() == table["moved"].tolist()
    assert read["text"].tolist() == [-3] * 6
    # The unsafe twin: pandas alone writes them as they are.
    table.to_csv(tmp_path / "unsafe.csv", index=False)
    assert "\n=1+1," in (tmp_path / "unsafe.csv").read_text()


# --- a path stays in its room ---


def test_an_artefact_cannot_be_written_outside_the_run(tmp_path: Path) -> None:
    run = Run(tmp_path / "results" / "office")
    with pytest.raises(ValueError, match="outside the run's folder"):
        write_table(pd.DataFrame({"a": [1]}), run.path("../../stolen.csv"))
    # The unsafe twin: joined without a look, it lands elsewhere.
    run.folder.mkdir(parents=True)
    write_table(pd.DataFrame({"a": [1]}), run.folder / "../../stolen.csv")
    assert (tmp_path / "stolen.csv").is_file()


@pytest.mark.parametrize("name", ["../other", "/etc/x", "a/b", "..", "A", "", "a" * 60])
def test_an_office_cannot_be_called_like_a_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump({"name": name, "title": "A", "data": {"file": "x.csv"}}))
    with pytest.raises(ConfigError, match="name: may hold"):
        load_config(tmp_path / "a.yaml")


# --- a label is text (through to the rendered pages: reporting/test_report_pages.py) ---


def test_a_script_in_a_label_is_shown_and_not_run() -> None:
    def html(label: str) -> str:
        return pypandoc.convert_text(pipe_table(["Team"], [[label]], align="l"), to="html", format="markdown")

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html(escape(SCRIPT))
    assert "<img" not in html(escape(IMAGE))
    # The unsafe twin.
    assert "<img" in html(IMAGE)


# --- nobody is called ---

CALL_OUT = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=0.05)"


def test_the_network_is_off_while_tests_run() -> None:
    with pytest.raises(OSError, match="the network is off"):
        socket.create_connection(("192.0.2.1", 80), timeout=0.05)
    with pytest.raises(OSError, match="the network is off"):
        socket.getaddrinfo("example.org", 443)


def test_the_network_is_off_in_processes_that_tests_start() -> None:
    """So runs with workers and rendered pages, whose kernels are processes of their own, go without it as well."""
    done = subprocess.run([sys.executable, "-c", CALL_OUT], capture_output=True, text=True, check=False)
    assert "the network is off" in done.stderr
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", CALL_OUT], capture_output=True, text=True, check=False, env=bare)
    assert "the network is off" not in done.stderr
