"""info, help, version; demo and bench are passed on."""

from __future__ import annotations

import re
import sys
import types

import chainfit
from chainfit import _core
from chainfit._cli.main import main


def test_info(capsys, trained):
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert f"version: {chainfit.__version__}\n" in out
    assert f"instruction set in use: {_core.isa()}\n" in out and "threads: " in out
    assert main(["info", str(trained / "iris")]) == 0
    out = capsys.readouterr().out
    assert "model of tables: classification of target\n" in out
    assert "trained on: 120 rows of a text file, separator ',', utf-8\n" in out
    assert "columns: 4 numbers: sepal length (cm), " in out and "temperature: " in out
    assert "note: classes: setosa (50 rows), versicolor (50 rows), virginica (50 rows)\n" in out
    assert "classes: setosa, versicolor, virginica\n" in out
    assert re.search(r"2 nets: MLPClassifier \d+-16-3, relu, adam, \d+ weights", out)
    chainfit.load(trained / "d").nets_[0].save("plain")
    assert main(["info", "plain"]) == 0
    assert re.match(r"net: MLPRegressor \d+-16-1, relu, adam", capsys.readouterr().out)


def test_help_and_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"chainfit {chainfit.__version__}\n"
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for command in ("demo", "train", "predict", "export", "info", "bench"):
        assert f"\n    {command} " in out
        assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert "examples:\n  chainfit train diamonds.csv --target price" in text
    assert all(name in text for name in _core.activations())
    assert text.isascii()


def test_demo_and_bench_are_passed_on(monkeypatch):
    calls = []
    demo, bench = types.ModuleType("demo"), types.ModuleType("bench")
    demo.run = lambda **settings: calls.append(settings) or 0
    bench.run = lambda **settings: calls.append(settings) or 3
    for package, name, module in (("_cli", "demo", demo), ("_bench", "bench", bench)):
        monkeypatch.setitem(sys.modules, f"chainfit.{package}.{name}", module)
        monkeypatch.setattr(f"chainfit.{package}.{name}", module, raising=False)
    assert main(["demo", "--seed", "4"]) == 0
    assert main(["bench", "--quick"]) == 3
    assert calls == [{"seed": 4}, {"quick": True}]
