"""Pages made by docs/build.py: up to date, and a block that fails is told with its line."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def builder():
    spec = importlib.util.spec_from_file_location("docs_build", DOCS / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("source", sorted(DOCS.rglob("*.md.in")), ids=lambda path: path.name)
def test_up_to_date(builder, source):
    """All numbers of a page are what the package gives now: if not, run python docs/build.py."""
    if source.name == "onnx.md.in":
        pytest.importorskip("onnxruntime")
    assert source.with_suffix("").read_text(encoding="utf-8") == builder.build(source)


def test_there_is_the_page_on_the_chain_rule():
    text = (DOCS / "chain-rule.md").read_text(encoding="utf-8")
    assert (
        "∂J/∂w₁₂⁽²⁾ = −0.0577978" in text
        and "∂J/∂w₁₂⁽¹⁾ = δ₁⁽¹⁾ · h₂⁽¹⁾ = −0.161 · 2 = −0.322" in text
    )


def test_blocks_and_expressions(builder, tmp_path):
    source = tmp_path / "a.md.in"
    source.write_text(
        "x is {{ 1 +\n1 }}\n```python\nx = 3\n```\n```python\nprint(x)\n```\n"
        "```python page\nprint('*x*')\n```\n{{ x }}\n```text\nas it is\n```\n"
    )
    assert builder.build(source) == (
        "<!-- Made of a.md.in by docs/build.py: change that file, not this one. -->\n"
        "x is 2\n```python\nx = 3\n```\n```python\nprint(x)\n```\n\n```text\n3\n```\n"
        "*x*\n3\n```text\nas it is\n```\n"
    )


def test_a_block_runs_where_its_module_is_installed(builder, tmp_path):
    source = tmp_path / "a.md.in"
    source.write_text(
        "```python with re\nx = 3\n```\n```python with nothing\n1 / 0\n```\n{{ x }}\n"
    )
    page = "```python\nx = 3\n```\n```python\n1 / 0\n```\n3\n"
    assert builder.build(source).endswith(f"-->\n{page}")


def test_a_picture_follows_its_block(builder, tmp_path, monkeypatch):
    monkeypatch.setattr(builder, "DOCS", tmp_path)
    for folder in ("guide", "img"):
        (tmp_path / folder).mkdir()
    source = tmp_path / "guide/a.md.in"
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\n"
    source.write_text(f"```python picture line: a line that rises\n{code}```\n")
    page = f"```python\n{code}```\n\n![a line that rises](../img/line.svg)\n"
    assert builder.build(source).endswith(f"-->\n{page}")
    assert not any((tmp_path / "img").iterdir())  # nobody asked for it
    assert builder.main([]) == 0
    assert (tmp_path / "img/line.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    "text,what",
    [
        ("a\n\n```python\n1 / 0\n```\n", r"a\.md\.in, block at line 3: ZeroDivisionError"),
        ("```python with re\nprint(1)\n```\n", r"a\.md\.in, block at line 1 may not print: '1"),
        ("a\n{{ b }}\n", r"a\.md\.in, line 2: \{\{ b \}\}: NameError"),
    ],
)
def test_errors(builder, tmp_path, text, what):
    source = tmp_path / "a.md.in"
    source.write_text(text)
    with pytest.raises(RuntimeError, match=what):
        builder.build(source)


def test_check_writes_nothing(builder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(builder, "DOCS", tmp_path)
    (tmp_path / "a.md.in").write_text("{{ 1 }}\n")
    assert builder.main(["--check"]) == 1 and not (tmp_path / "a.md").exists()
    assert "not up to date: a.md" in capsys.readouterr().err
    assert builder.main([]) == 0 and (tmp_path / "a.md").exists()
    assert builder.main(["--check"]) == 0
