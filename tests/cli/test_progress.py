"""Progress without tqdm: plain lines, seldom."""

import sys

import pytest

from chainfit._cli import progress


@pytest.fixture(autouse=True)
def no_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)


def test_plain_lines_without_tqdm(capsys, monkeypatch):
    monkeypatch.setattr(progress, "BETWEEN", 0.0)
    shown = progress.bar(1000)
    shown.set_postfix_str("loss 0.5", refresh=False)
    shown.update(2)
    shown.close()
    assert capsys.readouterr().err == "chainfit: epoch 2 of 1,000, loss 0.5\n"


def test_a_short_fit_shows_nothing(capsys):
    progress.bar(10, 1.0).update()
    assert capsys.readouterr().err == ""
