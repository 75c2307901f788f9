"""The preview: report pages without Quarto, from the same sources.

A page is executed in a kernel, exported as Markdown, and turned by pandoc into one HTML file that holds its
own figures and style and refers to nothing outside itself. Captions and cross-references are resolved by
`page/quarto.lua`; tabs become headings. Pages are replaced only when all of them succeeded, and two previews of the
same run are the same bytes.
"""

from __future__ import annotations

import asyncio
import html
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jupytext
import pypandoc
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import MarkdownExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from rich.console import Console

from bayes_backlog.errors import RunError
from bayes_backlog.reporting.pages import RUN_VARIABLE, Entry, Site

PAGES_AT_ONCE = 2
CELL_SECONDS = 300
ASSETS = Path(__file__).parent / "page"
# Matplotlib writes the time of day here.
SVG_METADATA = re.compile(rb"<metadata>.*?</metadata>", re.DOTALL)


def write_preview(site: Site, run_folder: Path, output: Path, console: Console) -> None:
    """Write one HTML file for every page of the site.

    Parameters
    ----------
    site : Site
        The pages.
    run_folder : Path
        The finished run that the pages read, absolute.
    output : Path
        Folder of the HTML files, made when missing.
    console : Console
        Told one line a page.

    Raises
    ------
    RunError
        When a page stops with an error; the pages of an earlier rendering are then left as they were.
    """
    documents = asyncio.run(_render_all(site, run_folder, console))
    for page, document in zip(site.pages, documents, strict=True):
        target = output / html_name(page)
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_suffix(".part")
        unfinished.write_text(document, encoding="utf-8")
        unfinished.replace(target)


async def _render_all(site: Site, run_folder: Path, console: Console) -> list[str]:
    """Return the documents of all pages, made by a few kernels that take the next page as they become free."""
    waiting, documents = iter(site.pages), dict[Path, str]()

    async def render_pages() -> None:
        async with started_kernel(site.root, run_folder) as kernel:
            for page in waiting:
                started = time.monotonic()
                notebook = await execute_page(page, site.root, kernel)
                documents[page] = await asyncio.to_thread(notebook_to_html, notebook, site, page)
                console.print(f"  {page}  {time.monotonic() - started:.1f} s")

    await asyncio.gather(*(render_pages() for _ in range(PAGES_AT_ONCE)))
    return [documents[page] for page in site.pages]


@asynccontextmanager
async def started_kernel(root: Path, run_folder: Path) -> AsyncIterator[AsyncKernelManager]:
    """Give a running kernel in the project's root that knows the run; it has imported once what every page needs."""
    with TemporaryDirectory() as ipython_folder:
        environment = {RUN_VARIABLE: str(run_folder), "IPYTHONDIR": ipython_folder}
        kernel = _own_interpreter(environment)()
        await kernel.start_kernel(cwd=str(root))
        try:
            yield kernel
        finally:
            await kernel.shutdown_kernel(now=True)


async def execute_page(page: Path, root: Path, kernel: AsyncKernelManager) -> NotebookNode:
    """Run the cells of a page in a kernel that has forgotten the names of the page before.

    Raises
    ------
    RunError
        When a cell raises, takes longer than `CELL_SECONDS`, or its process dies.
    """
    notebook: NotebookNode = jupytext.reads((root / page).read_text(encoding="utf-8"), fmt="Rmd")
    if not any(cell.cell_type == "code" for cell in notebook.cells):
        return notebook
    try:
        await _run_cells(new_notebook(cells=[new_code_cell("%reset -f")]), kernel)
        await _run_cells(notebook, kernel)
    except CellExecutionError as error:
        raise RunError(f"The page {page} stopped with {error.ename}: {error.evalue}. No page was replaced.") from error
    except (RuntimeError, TimeoutError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise RunError(f"The page {page} could not be run to its end: {reason}. No page was replaced.") from error
    return notebook


async def _run_cells(notebook: NotebookNode, kernel: AsyncKernelManager) -> None:
    client = NotebookClient(notebook, timeout=CELL_SECONDS, km=kernel)
    try:
        await client.async_execute()
    finally:
        if client.kc is not None:
            client.kc.stop_channels()


def notebook_to_html(notebook: NotebookNode, site: Site, page: Path) -> str:
    """Return an executed page as one HTML document without any outside reference."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    markdown, resources = MarkdownExporter(exclude_input=True).from_notebook_node(notebook)
    with TemporaryDirectory() as folder:
        for name, content in resources["outputs"].items():
            (Path(folder) / name).write_bytes(SVG_METADATA.sub(b"", content))
        document = pypandoc.convert_text(
            _with_alternative_texts(markdown, notebook),
            to="html5",
            format="markdown-implicit_figures",
            extra_args=[
                "--standalone",
                f"--template={ASSETS / 'template.html'}",
                "--embed-resources",
                f"--resource-path={os.pathsep.join([folder, str((site.root / page).parent)])}",
                "--mathml",
                "--toc",
                "--toc-depth=3",
                "--syntax-highlighting=none",
                "--columns=10000",  # pandoc fixes the column widths of pipe tables that are wider than this
                f"--lua-filter={ASSETS / 'quarto.lua'}",
                "--citeproc",
                f"--variable=site-title:{site.title}",
                f"--variable=footer:{site.footer}",
                f"--variable=navigation:{navigation_bar(site, page)}",
                f"--variable=stylesheet:{_stylesheet(site)}",
            ],
        )
    return str(document)


def navigation_bar(site: Site, current: Path) -> str:
    """Return the links of the navigation bar as seen from one page; a menu opens by mouse and by keyboard."""
    return " ".join(_navigation_entry(entry, current) for entry in site.navigation)


def _navigation_entry(entry: Entry, current: Path) -> str:
    label = html.escape(entry.label)
    if entry.page is None:
        inside = " ".join(_navigation_entry(link, current) for link in entry.menu)
        here = ' class="here"' if any(link.page == current for link in entry.menu) else ""
        return f'<details name="menu"><summary{here}>{label}</summary><div>{inside}</div></details>'
    target = os.path.relpath(html_name(entry.page), html_name(current).parent)
    here = ' aria-current="page"' if entry.page == current else ""
    return f'<a href="{html.escape(Path(target).as_posix())}"{here}>{label}</a>'


def html_name(page: Path) -> Path:
    """Return where a page goes inside the output folder: reports/guide/a.qmd becomes guide/a.html."""
    return Path(*page.parts[1:]).with_suffix(".html")


def _own_interpreter(environment: Mapping[str, str]) -> type[AsyncKernelManager]:
    """Return a kernel manager that starts this Python, not whatever is registered as `python3` on the machine."""
    launch = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    specification = KernelSpec(
        argv=[*launch, "--InlineBackend.figure_formats=svg"],
        env=dict(environment),
        metadata={"supported_encryption": ["curve"]},
        display_name="bayes_backlog",
        language="python",
    )

    class OwnInterpreter(AsyncKernelManager):
        def __init__(self, **settings: Any) -> None:
            super().__init__(transport_encryption="auto", **settings)

        @property
        def kernel_spec(self) -> KernelSpec:
            return specification

    return OwnInterpreter


def _with_alternative_texts(markdown: str, notebook: NotebookNode) -> str:
    """Put each cell's `#| fig-alt:` into its figures; a figure without one takes its caption, in quarto.lua."""
    alternatives = {}
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and (found := re.search(r"^#\| fig-alt: *(.+)$", cell.source, re.MULTILINE)):
            alternatives[str(index)] = found[1].strip("\"'")
    return re.sub(
        r"!\[(?:svg|png)\]\((output_(\d+)_\d+\.(?:svg|png))\)",
        lambda image: f"![{alternatives.get(image[2], '')}]({image[1]})",
        markdown,
    )


def _stylesheet(site: Site) -> str:
    shared = site.stylesheet.read_text(encoding="utf-8") if site.stylesheet else ""
    return (ASSETS / "page.css").read_text(encoding="utf-8") + shared
