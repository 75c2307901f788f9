"""The report site as `_quarto.yml` describes it: which pages there are, and how the navigation bar names them.

Quarto reads the same file, so both renderers show the same pages under the same names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bayes_backlog.errors import RunError

RUN_VARIABLE = "BAYES_BACKLOG_RUN"


@dataclass(frozen=True)
class Entry:
    """One entry of the navigation bar: a link to a page, or a menu of links.

    Attributes
    ----------
    label : str
        What the reader sees.
    page : Path or None
        Source of the page, relative to the project; None for a menu.
    menu : tuple of Entry
        The links of a menu.
    """

    label: str
    page: Path | None = None
    menu: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Site:
    """The pages of a project.

    Attributes
    ----------
    root : Path
        The project's folder, absolute.
    title : str
        Name of the whole site.
    footer : str
        One line under every page.
    pages : tuple of Path
        Sources relative to root, the first page first.
    navigation : tuple of Entry
        The navigation bar.
    stylesheet : Path or None
        The style sheet that the project adds to every page.
    """

    root: Path
    title: str
    footer: str
    pages: tuple[Path, ...]
    navigation: tuple[Entry, ...]
    stylesheet: Path | None


def read_site(root: Path) -> Site:
    """Read the project file of a folder.

    Raises
    ------
    RunError
        When no page matches its `project: render:` list.
    """
    root = root.resolve()
    settings = yaml.safe_load((root / "_quarto.yml").read_text(encoding="utf-8"))
    patterns = settings["project"]["render"]
    pages = tuple(dict.fromkeys(page.relative_to(root) for pattern in patterns for page in sorted(root.glob(pattern))))
    if not pages:
        raise RunError(
            f"No page of {root} matches the list under project: render: in _quarto.yml ({', '.join(patterns)}). "
            "The pages come with the repository: is the clone complete?"
        )
    website = settings["website"]
    stylesheet = settings["format"]["html"].get("css")
    return Site(
        root=root,
        title=website["title"],
        footer=website["page-footer"],
        pages=pages,
        navigation=tuple(_entries(root, [*website["navbar"].get("left", []), *website["navbar"].get("right", [])])),
        stylesheet=root / stylesheet if stylesheet else None,
    )


def page_title(page: Path) -> str:
    """Return the title in the front matter of a page, or its file name."""
    text = page.read_text(encoding="utf-8")
    if not text.startswith("---\n"):
        return page.stem
    front_matter = yaml.safe_load(text[4:].partition("\n---")[0]) or {}
    return str(front_matter.get("title", page.stem))


def _entries(root: Path, entries: Iterable[str | Mapping[str, Any]]) -> Iterator[Entry]:
    """Yield the entries of a bar or a menu; one without a text takes its page's title."""
    for entry in entries:
        if isinstance(entry, str):
            yield Entry(page_title(root / entry), Path(entry))
        elif "menu" in entry:
            yield Entry(entry["text"], menu=tuple(_entries(root, entry["menu"])))
        else:
            yield Entry(entry.get("text") or page_title(root / entry["href"]), Path(entry["href"]))
