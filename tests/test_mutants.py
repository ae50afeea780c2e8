"""The list of faults that `mutate.py` tries fits the tree; that each is caught, it shows itself."""

from mutate import misfits, mutants
from tree import ROOT


def test_every_mutant_names_one_place():
    found = mutants()
    assert len(found) >= 25
    assert misfits(ROOT, found) == []
    assert misfits(ROOT, [{**found[0], "old": "no such text"}])
