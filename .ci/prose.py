"""Look for words and phrases to avoid in documentation, docstrings, comments and messages.

`python .ci/prose.py [FILE …]` prints where one of the patterns in prose.toml occurs, and fails if
any does. Without arguments it reads the files that `paths` in prose.toml names.
"""

import ast
import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = tomllib.loads((ROOT / ".ci" / "prose.toml").read_text(encoding="utf-8"))
RULES = [(re.compile(rule["find"], re.IGNORECASE), rule["say"]) for rule in SETTINGS["rules"]]

Passage = tuple[int, str]  # the number of its first line, and prose without code


def markdown(text: str) -> Iterator[Passage]:
    """Yield the paragraphs, headings and cells of a page, without code and addresses."""
    front = re.match(r"---\n.*?\n---\n", text, re.DOTALL)
    if front:
        text = "\n" * front[0].count("\n") + text[front.end() :]
    for token in MarkdownIt().enable("table").parse(text):
        line = token.map[0] + 1 if token.map else 1
        if token.type == "inline":
            yield line, "".join(map(_spoken, token.children or []))
        elif token.type == "fence" and token.info.startswith("{"):
            if token.info.startswith(("{dropdown", "{note", "{warning", "{admonition")):
                for inner, passage in markdown(token.content):
                    yield line + inner, passage
            elif "code-cell" in token.info:
                for inner, passage in python(re.sub(r"^[:%!].*$", "", token.content, flags=re.M)):
                    yield line + inner, passage


def _spoken(part: Token) -> str:
    """Return the words of an inline part of a page."""
    return "`code`" if part.type == "code_inline" else part.content or " "


def python(text: str) -> Iterator[Passage]:
    """Yield the comments of a Python file, and its strings of several words."""
    block: list[str] = []
    first = last = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        if token.start[0] != last + 1 and block:
            yield first, " ".join(block)
            block = []
        if not block:
            first = token.start[0]
        block.append(token.string.lstrip("#: "))
        last = token.start[0]
    if block:
        yield first, " ".join(block)
    parsed: set[ast.AST] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.JoinedStr):
            parsed.update(node.values)
            parts = [p.value if isinstance(p, ast.Constant) else "X" for p in node.values]
            yield node.lineno, "".join(map(str, parts))
        elif node not in parsed and isinstance(node, ast.Constant) and " " in str(node.value):
            yield node.lineno, re.sub(r"``?[^`]+``?", "`code`", str(node.value))


def template(text: str) -> Iterator[Passage]:
    """Yield the lines of an HTML template, without tags, styles and expressions."""
    for hidden in (r"<style.*?</style>", r"\{#.*?#\}", r"\{%.*?%\}", r"\{\{.*?\}\}", r"<[^>]*>"):
        text = re.sub(hidden, lambda m: " " + "\n" * m[0].count("\n"), text, flags=re.DOTALL)
    yield from enumerate(text.splitlines(), 1)


READERS = {".md": markdown, ".py": python, ".j2": template}


def findings(path: Path) -> Iterator[str]:
    """Yield a line for each place in a file where a rule is broken."""
    name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    for first, passage in READERS[path.suffix](path.read_text(encoding="utf-8")):
        text = re.sub(r"\s", " ", passage)
        for pattern, say in RULES:
            for match in pattern.finditer(text):
                line = first + passage.count("\n", 0, match.start())
                yield f"{name}:{line}: “{match[0].strip()}”: {say}"


def main(arguments: list[str]) -> int:
    """Print the findings in the files, and return 1 if there are any."""
    paths = list(map(Path, arguments))
    for pattern in () if paths else SETTINGS["paths"]:
        paths += sorted(ROOT.glob(pattern))
    ignored = [ROOT / path for path in SETTINGS["ignored"]]
    paths = [p for p in paths if not any(p.resolve().is_relative_to(skip) for skip in ignored)]
    found = [line for path in paths for line in findings(path)]
    print("\n".join(found) or f"{len(paths)} files: no words or phrases to avoid")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
