"""Every page passes axe-core in headless Chromium at the width of a desk and of a phone; pages made worse do not."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
AXE = Path(os.environ.get("AXE_CORE", ROOT / "node_modules" / "axe-core" / "axe.min.js"))
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTHS = {"phone": 390, "desk": 1200}
WORSE = {
    "image-alt": ("</main>", '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="></main>'),
    "html-has-lang": ('<html lang="en-GB">', "<html>"),
    "heading-order": ("</h1>", "</h1><h5>deep</h5>"),
    "color-contrast": ("</main>", '<p style="color:#bbbbbb;background:#ffffff">faint</p></main>'),
    "wider than its window": ("</main>", '<div style="width:2000px">x</div></main>'),
}
"""What each rule has to see: something of a page, and what is put in its place."""
INSPECT = """<!DOCTYPE html><html><body><script src="pages.js"></script><script>
async function inspect(page, width) {
  const frame = document.createElement("iframe");
  frame.style = `width: ${width}px; height: 900px; border: 0`;
  frame.srcdoc = page.replace("</body>", '<script src="axe.min.js"><' + "/script></body>");
  document.body.append(frame);
  await new Promise(loaded => { frame.onload = loaded; });
  frame.contentDocument.querySelectorAll("main details").forEach(part => { part.open = true; });
  const wide = frame.contentDocument.documentElement.scrollWidth > width;
  const found = (await frame.contentWindow.axe.run()).violations;
  frame.remove();
  const wrong = found.map(rule => `${rule.id}: ${rule.nodes[0].html.slice(0, 200)}`);
  return wide ? [...wrong, "wider than its window"] : wrong;
}
(async () => {
  const answers = [];
  for (const [page, width] of pages) answers.push(await inspect(page, width));
  document.body.innerHTML = `<p id="found">${encodeURIComponent(JSON.stringify(answers))}</p>`;
})();
</script></body></html>"""

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt install chromium)"),
    pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: make accessibility fetches it"),
]


def problems(pages: list[tuple[str, int]], folder: Path) -> list[list[str]]:
    """Return what axe-core finds wrong with pages in windows of given widths (pixels), folded parts open.

    All are looked at in one browser, one after another: starting it takes longer than they do.
    """
    shutil.copy(AXE, folder / "axe.min.js")
    (folder / "pages.js").write_text(f"const pages = {json.dumps(pages)};", encoding="utf-8")
    (folder / "inspect.html").write_text(INSPECT, encoding="utf-8")
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    command += ["--virtual-time-budget=600000", "--dump-dom", (folder / "inspect.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    found = re.search(r'<p id="found">([^<]*)</p>', done.stdout)
    assert found, "axe-core did not come to an end"
    return json.loads(unquote(found[1]))


def test_every_page_can_be_read_by_everybody(rendered, tmp_path):
    looked_at = [(name, window) for name in rendered for window in WIDTHS]
    found = problems([(rendered[name], WIDTHS[window]) for name, window in looked_at], tmp_path)
    assert {where: wrong for where, wrong in zip(looked_at, found, strict=True) if wrong} == {}


def test_a_page_made_worse_is_seen(rendered, tmp_path):
    pages = [rendered["index"].replace(whole, broken, 1) for whole, broken in WORSE.values()]
    found = problems([(page, WIDTHS["desk"]) for page in pages], tmp_path)
    assert [[wrong.partition(":")[0] for wrong in of_page] for of_page in found] == [[rule] for rule in WORSE]
