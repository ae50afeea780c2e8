"""What is said in several places about the package: its address, version and requirements."""

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
HOME = PROJECT["urls"]["Source"]


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["README.md", "SECURITY.md", "CITATION.cff", "recipe/recipe.yaml", "CONTRIBUTING.md"]
)
def test_address(name):
    """Every address of the project is that of pyproject.toml."""
    host, owner, repository = re.fullmatch(r"(https://[^/]+)/([^/]+)/([^/]+)", HOME).groups()
    assert repository == PROJECT["name"]
    for found in re.findall(rf"{re.escape(host)}/[\w.-]+/{repository}\b", text(name)):
        assert found == f"{host}/{owner}/{repository}"
    assert all(url.startswith(HOME) for url in PROJECT["urls"].values())


def test_links_of_the_readme_work_on_pypi():
    """README.md is shown there, without the files beside it: its links are addresses."""
    links = re.findall(r"\]\(([^)\s]+)\)", text("README.md"))
    assert links
    relative = [link for link in links if not link.startswith(("https://", "#"))]
    assert relative == []
    for link in links:
        kind, _, path = link.removeprefix(f"{HOME}/").partition("/main/")
        if kind in ("blob", "raw", "tree"):
            assert (ROOT / path.partition("#")[0]).exists(), link


def test_citation():
    assert f"\nversion: {PROJECT['version']}\n" in text("CITATION.cff")
    assert f"\nlicense: {PROJECT['license']}\n" in text("CITATION.cff")
    assert f"\nrepository-code: {HOME}\n" in text("CITATION.cff")


def test_recipe():
    """The conda recipe asks for what pyproject.toml asks for."""
    recipe = text("recipe/recipe.yaml")
    assert f"\n  version: {PROJECT['version']}\n" in recipe
    assert f"- chainfit = {PROJECT['scripts']['chainfit']}\n" in recipe
    host, run = (part.split("\n\n")[0] for part in recipe.split("  host:\n")[1].split("  run:\n"))
    for wanted, part in ((PROJECT["dependencies"], run), (_build_requirements(), host)):
        listed = set(re.findall(r"- (.*)", part)) - {"python", "pip"}
        assert listed == {re.sub(r"(?=[<>=])", " ", r, count=1) for r in wanted}


def _build_requirements():
    return PYPROJECT["build-system"]["requires"]


def test_ci_runs_the_sessions_of_nox():
    """`.ci/run` and plain `nox` run the same, and so does the hosting site."""
    (steps,) = re.findall(r"^steps=\((.*)\)$", text(".ci/run"), flags=re.MULTILINE)
    (sessions,) = re.findall(r"nox\.options\.sessions = \[(.*?)\n\]", text("noxfile.py"), re.DOTALL)
    assert set(steps.split()) == set(re.findall(r'"([\w-]+)"', sessions))
    assert "run: bash .ci/run\n" in text(".github/workflows/test.yml")


def test_pythons():
    """The classifiers, the wheels and the session `wheels` know the same versions."""
    classified = {c.rpartition(" ")[2] for c in PROJECT["classifiers"] if ":: 3." in c}
    assert f">={min(classified, key=lambda v: int(v[2:]))}" == PROJECT["requires-python"]
    built = {b.removesuffix("-*") for b in PYPROJECT["tool"]["cibuildwheel"]["build"]}
    assert {f"3.{b[3:]}" for b in built if not b.endswith("t")} == classified
    (pythons,) = re.findall(r"@nox\.session\(python=(\[.*\])\)\ndef wheels", text("noxfile.py"))
    assert {f"cp{v.replace('.', '')}" for v in json.loads(pythons)} == built
