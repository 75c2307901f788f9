"""From a finished run to HTML pages: by Quarto where it is installed, by the built-in preview where it is not.

The pages are the .qmd files that the project's `_quarto.yml` lists. They are executed in the project's root with the
environment variable `BAYES_BACKLOG_RUN` naming the run they read, by the interpreter that runs this package.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console

import bayes_backlog
from bayes_backlog.errors import RunError
from bayes_backlog.reporting.pages import RUN_VARIABLE, read_site
from bayes_backlog.reporting.preview import write_preview

DEFAULT_RUN = Path("results/demo")


def render_report(run_folder: Path, output: Path | None = None, *, root: Path | None = None) -> Path:
    """Render every page for one run.

    Parameters
    ----------
    run_folder : Path
        The folder of a finished run, for example `results/demo`.
    output : Path, optional
        Folder to write the pages into; `report` inside the run's folder when not given.
    root : Path, optional
        The project whose pages are rendered; found by `project_root` when not given.

    Returns
    -------
    Path
        The page to open first, `index.html` of the output folder.

    Raises
    ------
    RunError
        When the run or the pages are not there, or a page stops with an error.
    """
    run_folder = existing_run(run_folder)
    site = read_site(root or project_root())
    output = (output or run_folder / "report").resolve()
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if quarto := shutil.which("quarto"):
        _run_quarto(quarto, site.root, run_folder, output)
    else:
        console.print(f"Quarto is not on the PATH: writing a preview of the {len(site.pages)} page(s) instead.")
        write_preview(site, run_folder, output, console)
    return output / "index.html"


def chosen_run() -> Path:
    """Return the run that a page shall show: `BAYES_BACKLOG_RUN`, or the demonstration.

    Raises
    ------
    RunError
        When there is no such run.
    """
    return existing_run(Path(os.environ.get(RUN_VARIABLE) or DEFAULT_RUN))


def existing_run(folder: Path) -> Path:
    """Return the folder as an absolute path when it is a run's folder, and refuse it otherwise."""
    if not (folder / "manifest.json").is_file():
        raise RunError(
            f"There is no finished run at {folder} (no manifest.json), so there is nothing to report on. Make it with "
            f"the configuration whose name is {folder.name}: bayes-backlog run CONFIG --results {folder.parent}"
        )
    return folder.resolve()


def project_root() -> Path:
    """Return the checkout that holds `_quarto.yml` and `reports/`: the package's own, or the one worked in.

    Raises
    ------
    RunError
        When neither has them.
    """
    here = Path.cwd()
    for folder in (Path(bayes_backlog.__file__).resolve().parents[1], here, *here.parents):
        if (folder / "_quarto.yml").is_file() and (folder / "reports").is_dir():
            return folder
    raise RunError(
        f"The report's pages (_quarto.yml and reports/) are neither beside the package nor in {here} or above it. "
        "They come with the repository, not with the installed package: run from a clone of it."
    )


def _run_quarto(quarto: str, root: Path, run_folder: Path, output: Path) -> None:
    """Render the site with Quarto, which prints its own progress, and copy it to the output folder."""
    environment = os.environ | {RUN_VARIABLE: str(run_folder), "QUARTO_PYTHON": sys.executable}
    finished = subprocess.run([quarto, "render", str(root)], env=environment, check=False)
    if finished.returncode != 0:
        raise RunError(
            f"Quarto stopped with exit code {finished.returncode}: its message is above. No page was replaced."
        )
    shutil.copytree(root / "_site", output, dirs_exist_ok=True)
