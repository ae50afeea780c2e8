"""What pages tell to type or to open exists: commands, options, paths, links, nox sessions."""

import os
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from chainfit._cli.main import _parser

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]
    if path.name != "CHANGELOG.md"  # tells of what was
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# How a page that is also read elsewhere, as the README on PyPI, links to a file of the repository.
HERE = re.compile(re.escape(PROJECT["urls"]["Source"]) + "/(?:blob|raw|tree)/main/")
# Files that a path in a page may be relative to.
BASES = ("", "cpp", "docs", "benchmarks", "python/chainfit")
# What a user or a build makes, and what a source archive lacks.
ELSEWHERE = re.compile(r"(build|\.venv|\.ci)/|.*\.(csv|safetensors|html)$")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
FOLDERS = "benchmarks|cpp|docs|python|src|tests|engine|isa|kernels|_[a-z]+"


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


def typed(page):
    """Return what a page tells to type: lines of shell blocks, and code within lines of text."""
    text = read(page)
    lines = [
        line
        for language, block in FENCE.findall(text)
        if language in ("", "sh")
        for line in block.splitlines()
    ]
    inline = [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", FENCE.sub("", text))]
    parts = (part for line in [*lines, *inline] for part in re.split(r"&&|\|(?!\|)", line))
    bare = (re.sub(r"(^|\s)#.*", "", part).strip() for part in parts)
    return [re.sub(r"^(?:[A-Z_]+=\S+ )+", "", part) for part in bare]


def commands(page, program):
    words = (shlex.split(line) for line in typed(page) if line.startswith(f"{program} "))
    return [line for line in words if not any("..." in word for word in line)]


def test_pages():
    assert {"README.md", "CONTRIBUTING.md", "benchmarks/README.md"} <= set(PAGES)
    assert len(commands("docs/guide/command-line.md", "chainfit")) > 6
    assert ["chainfit", "demo"] in commands("README.md", "chainfit")
    assert ["chainfit", "bench"] in commands("benchmarks/README.md", "chainfit")
    assert commands("CONTRIBUTING.md", "nox") and commands("CONTRIBUTING.md", "pytest")


@pytest.mark.parametrize("page", PAGES)
def test_command_lines(page):
    for _, *words in commands(page, "chainfit"):
        whole = words if words[1:] else [*words, "--help"]  # a command that is only named
        assert parses(whole), f"{page}: chainfit {shlex.join(words)}"


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md"])
def test_prose_has_at_most_100_columns(page):
    """Tables, formulas, and code that was laid out for the reader may have more."""
    text = re.sub(r"^\$\$\n.*?^\$\$$", "", FENCE.sub("", read(page)), flags=re.M | re.S)
    lines = [line for line in text.splitlines() if not line.startswith("|")]
    assert [line for line in lines if len(line) > 100 and "](" not in line] == []


def test_command_lines_of_the_help(capsys):
    shown = []
    for command in ((), ("train",), ("predict",), ("explain",), ("explore",), ("export",)):
        assert parses([*command, "--help"])
        out = capsys.readouterr().out.replace("\\\n", " ")
        shown += re.findall(r"^  (?:.* \| )?chainfit (.+?)(?:   .*)?$", out, re.M)
    assert len(shown) > 10 and any(line.startswith("explain ") for line in shown)
    for line in shown:
        assert parses(shlex.split(line.partition(" > ")[0])), line


def parses(words):
    try:
        _parser().parse_args(words)
    except SystemExit as stop:
        return not stop.code
    return True


@pytest.mark.parametrize("page", PAGES)
def test_scripts_and_tests(page):
    for program in ("python", "pytest", "bash"):
        for _, *words in commands(page, program):
            for word in words:
                if "/" in word and not word.startswith("-"):
                    assert (ROOT / word).exists() or ELSEWHERE.match(word), f"{page}: {word}"
    sessions = re.findall(r"^@nox\.session.*\n(?:@.*\n)*def (\w+)", read("noxfile.py"), re.M)
    assert "tests" in sessions
    for words in commands(page, "nox"):
        assert words[1] == "-s" and words[2] in sessions, f"{page}: {words}"


@pytest.mark.parametrize("page", PAGES)
def test_links(page):
    text = FENCE.sub("", read(page))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if "://" in target and not HERE.match(target):
            continue
        if HERE.match(target):
            linked = ROOT / HERE.sub("", path)
        else:
            linked = Path(os.path.normpath((ROOT / page).parent / path)) if path else ROOT / page
            assert page != "README.md", f"{page}: {target} would lead nowhere on PyPI"
        if linked.is_relative_to(ROOT / "docs/examples"):  # made with the site
            continue
        assert linked.exists(), f"{page}: {target}"
        if anchor:
            heads = re.findall(r"^#+ (.+)$", FENCE.sub("", linked.read_text("utf-8")), re.M)
            anchors = [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads]
            assert anchor in anchors, f"{page}: {target}"


@pytest.mark.parametrize("page", PAGES)
def test_paths(page):
    text = FENCE.sub("", read(page))
    for code in re.findall(r"`([^`\n]+)`", text):
        for path in re.findall(rf"(?<![\w./])(?:{FOLDERS})/[\w./*-]*", code):
            path = path.rstrip(".")
            # `engine/plan` is a header and its source
            globs = [path, f"{path}.*"] if path else ["."]
            found = [glob for base in BASES for glob in globs if list((ROOT / base).glob(glob))]
            assert found or ELSEWHERE.match(path), f"{page}: {path}"
