"""README.md and the page on commands: every block runs and shows what it prints; docs/readme.py."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "README.md").read_text(encoding="utf-8")


def load():
    """Import docs/readme.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("docs_readme", ROOT / "docs/readme.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


readme = load()
PAGES = {path.name: path.read_text(encoding="utf-8") for path in readme.PAGES}
BLOCKS = {name: readme.read_blocks(page) for name, page in PAGES.items()}


@pytest.fixture(scope="module")
def outcomes():
    return {name: readme.run(blocks) for name, blocks in BLOCKS.items()}


# -- the page


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_every_block_runs_and_shows_what_it_prints(name, outcomes):
    """If only shown output is old: python docs/readme.py."""
    assert readme.findings(BLOCKS[name], outcomes[name]) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_change_of_any_shown_output_is_found(name, outcomes):
    shown = [block for block in BLOCKS[name] if block.shown]
    assert len(shown) >= 3
    for block in shown:
        lines = PAGES[name].splitlines()
        lines[block.shown.first + 1] += "1"
        changed = readme.read_blocks("\n".join(lines))
        (found,) = readme.findings(changed, outcomes[name])
        assert found.startswith(f"{block.place} prints something else:")
        filled = readme.fill("\n".join(lines), changed, outcomes[name])
        assert readme.findings(readme.read_blocks(filled), outcomes[name]) == []


def test_no_block_is_left_out():
    typed = []
    for name, blocks in BLOCKS.items():
        shown = sum(1 for block in blocks if block.shown)
        assert PAGES[name].count("```") == 2 * len(blocks) + 2 * shown
        assert {block.language for block in blocks} == {"python", "sh"}
        shell = [block for block in blocks if block.language == "sh"]
        typed += [line for block in shell for line in readme.commands(block)]
    assert {*readme.NOT_RUN, *readme.NOT_SHOWN} <= set(typed)
    for word in ("train", "predict", "explain", "explore"):
        assert any(line.startswith(f"chainfit {word} ") for line in typed)


def test_the_two_commands_are_run_by_nox():
    """These are the ones that the test of the blocks leaves out."""
    nox = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    assert "TEST_COMMAND = \"pip install '.[test]' && pytest\"" in nox
    assert 'session.run("chainfit", "demo"' in nox
    assert set(readme.NOT_RUN) == {
        "pip install chainfit",
        "pip install . && chainfit demo",
        "pip install '.[test]' && pytest",
        "chainfit bench",
    }


def test_it_says_to_scale():
    first, _ = PAGE.split("## Two commands")
    assert "StandardScaler()" in first and "Scale the inputs" in first
    assert "docs/guide/scaling.md" in first


# -- the machinery


def check(page):
    blocks = readme.read_blocks(page)
    outcomes = readme.run(blocks)
    return readme.findings(blocks, outcomes), readme.fill(page, blocks, outcomes)


def block(language, *lines):
    return "\n".join([f"```{language}", *lines, "```", ""])


@pytest.mark.parametrize(
    "page",
    [
        block("python", "print(1)") + block("text", "1"),
        block("python", "x = 1") + "words\n" + block("python", "print(x + 1)") + block("text", "2"),
        block("python", "from pathlib import Path", "n = Path('f').write_text('a\\n')")
        + block("sh", "cat f")
        + block("text", "a"),
        block("sh", "echo 'x y' # z", "", "# w", "echo 2") + block("text", "x y", "2"),
        block("sh", *readme.NOT_RUN),
        block("python", "print('in 0.3 s, 0.1 MB')") + block("text", "in 0.4 s, 0.2 MB"),
        block("python", "print(0.1 + 0.2)") + block("text", "0.29999999999999999"),
    ],
)
def test_good_pages(page):
    assert check(page) == ([], page)


@pytest.mark.parametrize(
    "page,text,filled",
    [
        (
            block("python", "print(1)") + "words\n",
            "prints something else",
            block("python", "print(1)") + "\n" + block("text", "1") + "words\n",
        ),
        (
            block("python", "print(1)") + "\n" + block("text", "2", "3") + "words\n",
            "-2\n-3\n+1",
            block("python", "print(1)") + "\n" + block("text", "1") + "words\n",
        ),
        (block("python", "1") + block("text", "1"), "-1", block("python", "1")),
        (block("sh", "echo a") + block("text", "b"), "-b\n+a", None),
        (block("python", "print(0.2501)") + block("text", "0.25"), "-0.25\n", None),
        (block("python", "import warnings", "warnings.warn('w')"), "line 1: UserWarning: w", None),
        (block("python", "", "1 / 0"), "ZeroDivisionError", None),
        (block("sh", "chainfit bend"), "exit code 2: chainfit: error: argument COMMAND", None),
        (block("", "echo 1"), "line 1: don't know how to run a block of ''", None),
        (block("console", "$ ls"), "don't know how to run a block of 'console'", None),
        ("words\n" + block("text", "1"), "line 2: don't know how to run a block of 'text'", None),
        (
            block("python", "print(1)") + "words\n" + block("text", "1"),
            "don't know how to run a block of 'text'",
            None,
        ),
    ],
)
def test_bad_pages(page, text, filled):
    found, written = check(page)
    assert text in "\n".join(found)
    if filled is not None:
        assert written == filled and check(written)[0] == []


def test_a_fence_without_an_end():
    with pytest.raises(ValueError, match="the fence at line 3 is not closed"):
        readme.read_blocks("a\n\n```python\nx = 1\n")


def test_the_command(monkeypatch, tmp_path, capsys):
    path = tmp_path / "README.md"
    monkeypatch.setattr(readme, "PAGES", (path,))
    good = block("python", "print(1)") + "\n" + block("text", "1")
    old = good.replace("\n1\n", "\n2\n")
    path.write_text(old)
    assert readme.main(["--check"]) == 1 and path.read_text() == old
    assert re.search(
        r"README.md, block at line 1 prints .*\n-2\n\+1", capsys.readouterr().err, re.S
    )
    assert readme.main([]) == 0 and path.read_text() == good
    assert readme.main(["--check"]) == 0
    broken = old + block("python", "1 / 0")
    path.write_text(broken)
    assert readme.main([]) == 1 and path.read_text() == broken
