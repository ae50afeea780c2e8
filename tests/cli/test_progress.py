"""Progress without tqdm: plain lines, seldom."""

import sys

from chainfit._cli import progress


def test_plain_lines_without_tqdm(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(progress, "BETWEEN", 0.0)
    shown = progress.bar(1000)
    shown.set_postfix_str("loss 0.5", refresh=False)
    shown.update(2)
    shown.close()
    assert capsys.readouterr().err == "chainfit: epoch 2 of 1,000, loss 0.5\n"


def test_a_short_fit_shows_nothing(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    progress.bar(10, 1.0).update()
    assert capsys.readouterr().err == ""
