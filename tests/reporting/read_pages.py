"""Rendered pages as a reader and a browser meet them: by name, their words, and what they would load from elsewhere."""

from __future__ import annotations

import base64
import html
import re
from pathlib import Path

COMPUTERS_WORDS = re.compile(r"\b(nan|NaN|NaT|None|inf)\b|<Figure|Figure\(|Traceback \(most recent call last\)")
"""What a computer writes where there is no number, no picture or no answer."""
PICTURE = re.compile(r"data:image/svg\+xml;base64,([\w+/=]+)")
TAG = re.compile(r"<style.*?</style>|<[^>]+>", re.DOTALL)


def pages_in(folder: Path) -> dict[str, str]:
    """Return all pages of a report by their name inside it: index, guide/office; not the reference, if it was built."""
    pages = {page.relative_to(folder).with_suffix("").as_posix(): page for page in sorted(folder.rglob("*.html"))}
    return {name: page.read_text(encoding="utf-8") for name, page in pages.items() if is_written_by_hand(name)}


def is_written_by_hand(name: str) -> bool:
    """Say whether a page is not one of the reference, which is made of docstrings."""
    return not name.startswith("reference/")


def words_of(page: str) -> str:
    """Return what a reader sees of a page: its words, and those inside its pictures."""
    pictures = [base64.b64decode(content).decode() for content in PICTURE.findall(page)]
    return html.unescape(TAG.sub(" ", "\n".join([page, *pictures])))


def outside_references(document: str) -> list[str]:
    """Return what a browser would load from elsewhere to show the document; a link to click on is not loaded."""
    attributes = re.findall(
        r"<(?!a\b)\w+[^>]*?\b(?:src|href|srcset|poster|data)\s*=\s*[\"']?((?:https?:)?//[^\"'>\s]+)", document
    )
    styles = re.findall(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)", document)
    return attributes + styles
