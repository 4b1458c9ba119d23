"""The check of words and phrases finds what it should, and reads no code."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("prose", ROOT / ".ci" / "prose.py")
prose = importlib.util.module_from_spec(spec)
spec.loader.exec_module(prose)


def found(path, text):
    path.write_text(text, encoding="utf-8")
    return [line.removeprefix(f"{path}:") for line in prose.findings(path)]


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("Judged are 891 of its 891 rows.", "Judged"),
        ("Each row is judged by another network.", "judged"),
        ("Who derives by hand errs.", "Who derives by hand errs."),
        ("What fit never met says nothing: 0.", "never met"),
        ("Bars no longer than it say nothing.", "say nothing"),
        ("The networks were taught on the rows.", "taught"),
        ("The finals are trained again.", "finals"),
        ("Of all random choices", "Of all random"),
        ("What it makes of their values", "What it makes of"),
        ("Precision is the share of right ones.", "right ones"),
        ("Share of the others taken for it", "Share of the others taken"),
        ("An epoch takes scikit-learn 7.0 times as long.", "takes scikit-learn 7.0 times as long"),
        ("One sigmoid unit a class.", "unit a class"),
        ("It follows the course of training.", "course"),
        ("The order stands there.", "stands there"),
    ],
)
def test_phrases_to_avoid(tmp_path, text, phrase):
    lines = found(tmp_path / "page.md", f"# A page\n\nFirst.\n\n{text}\n")
    assert any(line.startswith(f"5: “{phrase}”: ") for line in lines), lines


@pytest.mark.parametrize(
    "text",
    [
        "A race condition; of course, a colour-blind reader; a stand-in; twenty rows.",
        "Who is this page for? It says what happens to the rows.",
        "`model.judged` and [a page](judged.md) are code and addresses.",
        "```python\njudged = taught\n```",
        "~~~\njudged\n~~~",
    ],
)
def test_good_english_and_code_pass(tmp_path, text):
    assert found(tmp_path / "page.md", text) == []


def test_pages_are_read_whole(tmp_path):
    page = "---\njupytext: judged\n---\n\n| a | b |\n|---|---|\n| 1 | judged |\n\n"
    page += "```{code-cell} python\n:tags: [hide-input]\nx = 1  # judged\n```\n\n"
    page += "```{dropdown} Solution\nIt is judged.\n```\n"
    lines = [line.split(":")[0] for line in found(tmp_path / "page.md", page)]
    assert lines == ["7", "11", "15"]


def test_python_and_templates(tmp_path):
    code = '"""Judge the rows.\n\nIt is\njudged.\n"""\njudged = "judged"\n'
    code += "# a comment\n# is judged\nraise ValueError(f'{judged} was judged')\n"
    lines = [line.split(":")[0] for line in found(tmp_path / "code.py", code)]
    assert sorted(lines) == ["1", "4", "7", "9"]
    page = (
        "<style>.judged {}</style>{# judged #}\n<p class='judged'>{{ judged }}</p>\n<p>judged</p>\n"
    )
    lines = found(tmp_path / "page.j2", page)
    assert [line.split(":")[0] for line in lines] == ["3"]


def test_the_exit_status_tells_whether_anything_was_found(tmp_path, capsys):
    (tmp_path / "good.md").write_text("Good.\n")
    (tmp_path / "bad.md").write_text("Rows are judged.\n")
    assert prose.main([str(tmp_path / "good.md")]) == 0
    assert prose.main([str(tmp_path / "good.md"), str(tmp_path / "bad.md")]) == 1
    assert "bad.md:1: “judged”: evaluate" in capsys.readouterr().out
