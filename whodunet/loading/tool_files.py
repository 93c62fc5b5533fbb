"""Tool files: YAML in, a tool or every problem out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from whodunet import catalogue
from whodunet.cases.causes import Taxonomy
from whodunet.errors import InvalidInput, Problem
from whodunet.grading.tool import Tool
from whodunet.loading.validation import parse
from whodunet.loading.yaml_lines import Document, read_file, shown
from whodunet.spelling import did_you_mean


def read_tool(path: Path, taxonomy: Taxonomy) -> Tool:
    """The tool of a file; its name is the file's.

    Args:
        taxonomy: which has the causes and classes that its patterns name.

    Raises:
        InvalidInput: with every problem of the file, each with its line, key and fix.
    """
    document = Document(read_file(path), shown(path), begins_with="title: ...")
    tool, problems = parse(Tool, {**document.content, "name": path.stem}, document)
    problems = [*problems, *(_unknown_names(tool, document, taxonomy) if tool else ())]
    if problems or tool is None:
        raise InvalidInput(*sorted(problems, key=document.order))
    return tool


def _unknown_names(tool: Tool, document: Document, taxonomy: Taxonomy) -> Iterator[Problem]:
    for number, pattern in enumerate(tool.patterns or ()):
        for place, cause in enumerate(pattern.causes):
            if cause not in taxonomy.causes:
                where = document.place(["patterns", number, "causes", place])
                fix = did_you_mean(cause, taxonomy.causes, listed_by="whodunet causes")
                yield Problem(where, f"is {cause}, which is not a cause", fix)
        if pattern.cause_class is not None and pattern.cause_class not in taxonomy.classes:
            where = document.place(["patterns", number, "cause_class"])
            fix = did_you_mean(pattern.cause_class, taxonomy.classes)
            yield Problem(where, f"is {pattern.cause_class}, which is not a class of causes", fix)


def find_tool(name: str) -> Path:
    """The file of a tool, by its path, or by its name where it comes with the lab or lies in a folder that was given.

    Raises:
        InvalidInput: when there is none.
    """
    path = Path(name)
    if name.endswith((".yaml", ".yml")) or "/" in name:
        if not path.exists():
            raise InvalidInput(Problem(f"--tool {name}", "does not exist", "name an existing file; see docs/grade.md"))
        return path
    known = catalogue.given().files("tools", ".yaml")
    if name not in known:
        fix = did_you_mean(name, known, "name a file that ends in .yaml")
        raise InvalidInput(Problem(f"--tool {name}", "is not a tool", fix))
    return known[name]
