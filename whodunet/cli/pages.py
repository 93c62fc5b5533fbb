"""The project's pages, each by its topic, as text for a terminal."""

from __future__ import annotations

import re

from whodunet import catalogue
from whodunet.cli.terminal import filled, hanging_line

_LINK = re.compile(r"\[([^\]]*)\]\([^)\s]+\)")
_ITEM = re.compile(r"( *)(?:-|\d+\.) ")


def topics() -> dict[str, str]:
    """Title by topic, which is what the page's file is called."""
    paths = sorted(catalogue.folder("docs").glob("*.md"))
    return {path.stem: path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for path in paths}


def page(topic: str) -> str:
    """The page of a topic that there is."""
    return as_text((catalogue.folder("docs") / f"{topic}.md").read_text(encoding="utf-8"))


def as_text(markdown: str) -> str:
    """Paragraphs and items of lists broken anew for the terminal; listings, tables and headings as they are written."""
    shown: list[str] = []
    paragraph: list[str] = []
    is_fenced = False
    for line in [*markdown.splitlines(), ""]:
        is_fence = line.startswith("```")
        is_listing = is_fenced or is_fence or line.startswith(("#", "|")) or (line[:4].isspace() and not paragraph)
        if paragraph and (is_listing or not line or _ITEM.match(line)):
            shown.append(_broken(paragraph))
            paragraph = []
        if is_fence:
            is_fenced = not is_fenced
        elif is_listing or not line:
            shown.append(line)
        else:
            paragraph.append(line)
    return "\n".join(shown).strip("\n")


def _broken(paragraph: list[str]) -> str:
    text = _LINK.sub(r"\1", " ".join([paragraph[0].rstrip(), *(line.strip() for line in paragraph[1:])]))
    item = _ITEM.match(text)
    return hanging_line(text.lstrip(), len(item[1])) if item else filled(text)
