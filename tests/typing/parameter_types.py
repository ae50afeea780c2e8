"""Write the estimators' parameters for type checkers, from the tables that check them.

    python tests/typing/parameter_types.py            writes the modules
    python tests/typing/parameter_types.py --check    writes none, fails if one is not up to date

A type checker runs nothing, so what it is to know of names and keywords must be written down.
"""

import argparse
import os
import sys
from numbers import Integral
from pathlib import Path

from sklearn.utils._param_validation import Interval, Options, StrOptions

import chainfit
from chainfit._estimators.outputs import Levels
from chainfit._estimators.parameters import (
    Activations,
    CheckpointInterval,
    Functions,
    LayerSizes,
    Rates,
)
from chainfit._estimators.rules import ACTIVATIONS

NETS = chainfit.MLPClassifier, chainfit.MLPRegressor
TABLES = chainfit.TabularClassifier, chainfit.TabularRegressor
PACKAGE = Path(__file__).parents[2] / "python/chainfit"
HEAD = '''"""{what}, as type checkers know them.

Made of the tables by tests/typing/parameter_types.py: change these, and run it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypedDict

import numpy as np
'''
# Parameters whose names have a name of their own.
ALIASES = {
    "activation": "Activation",
    "solver": "Solver",
    "learning_rate": "Schedule",
    "loss": "RealLoss",
    "out_activation": "OutActivation",
    "init": "Initializer",
    "preset": "Preset",
}
PLAIN = {
    "boolean": "bool",
    "verbose": "bool | int",
    "random_state": "int | np.random.RandomState | None",
    None: "None",
    str: "str",
    os.PathLike: "os.PathLike[str]",
    dict: "dict[Any, float]",
    tuple: "Sequence[str]",
    list: "Sequence[str]",
    callable: "Callable[..., Any]",
}


def type_of(name, constraint):
    """Return the type of what one of scikit-learn's constraints lets pass."""
    if isinstance(constraint, Activations):
        return "Activation | Sequence[Activation]"
    if isinstance(constraint, LayerSizes):
        return "int | Sequence[int] | str"
    if isinstance(constraint, CheckpointInterval):
        return "int | str"
    if isinstance(constraint, Rates | Levels):
        return "float | Sequence[float]"
    if isinstance(constraint, Functions):
        return "Sequence[Callable[[dict[str, Any]], Any]]"
    if isinstance(constraint, StrOptions):
        options = sorted(constraint.options)
        if len(options) > 40:  # scikit-learn's scorers, other ones in each version
            return "str"
        if name in ALIASES and len(options) > 1:
            return ALIASES[name]
        return f"Literal[{', '.join(map(quoted, options))}]"
    if isinstance(constraint, Interval | Options):
        return "int" if constraint.type is Integral else "float"
    if name == "class_weight" and constraint is list:
        return "list[dict[Any, float]]"
    return PLAIN[constraint]


def quoted(text):
    return f'"{text}"'


def types_of(cls):
    """Return the types of a class's parameters by name, in the order of the signature."""
    found = {}
    for name in cls._defaults if cls in NETS else cls()._get_param_names():
        parts = " | ".join(type_of(name, part) for part in cls._parameter_constraints[name])
        parts = dict.fromkeys(parts.split(" | "))
        if {"int", "float"} <= parts.keys():
            del parts["int"]  # a part of float to type checkers
        last = ["None"] if parts.pop("None", 0) is None else []
        found[name] = " | ".join([*parts, *last])
    return found


def alias(name, cls):
    """Return the lines that name the values of a parameter."""
    options = sorted(
        option
        for part in cls._parameter_constraints[name]
        if isinstance(part, StrOptions)
        for option in (ACTIVATIONS if isinstance(part, Activations) else part.options)
    )
    lines = "".join(f"    {quoted(option)},\n" for option in options)
    return f"{ALIASES[name]} = Literal[\n{lines}]\n"


def fields(types):
    return "".join(f"    {name}: {kind}\n" for name, kind in types.items()) or "    pass\n"


def classes(names, text, types, base=""):
    """Return three classes of fields: those of both estimators, and those of each alone."""
    both = {n: kind for n, kind in types[0].items() if types[1].get(n) == kind}
    own = [{n: t for n, t in kinds.items() if n not in both} for kinds in types]
    total = ", total=False" if base else ""
    whose = "both estimators", "the classifier alone", "the regressor alone"
    above = f"({base}{total})" if base else "", *[f"({names[0]}{total})"] * 2
    return "".join(
        f'\n\nclass {name}{bases}:\n    """{text} of {part}."""\n\n{fields(kinds)}'
        for name, bases, part, kinds in zip(names, above, whose, (both, *own), strict=True)
    )


def module_of_nets():
    types = [types_of(cls) for cls in NETS]
    added = [{n: t[n] for n in cls._own_parameters} for cls, t in zip(NETS, types, strict=True)]
    named = [name for name in ALIASES if name in types[1]]
    parameters = "NetParameters", "ClassifierParameters", "RegressorParameters"
    keywords = "NetKeywords", "ClassifierKeywords", "RegressorKeywords"
    return (
        HEAD.format(what="Parameters of the estimators, and the names that they take")
        + "\n"
        + "\n".join(alias(name, NETS[1]) for name in named)
        + classes(parameters, "Parameters", types)
        + classes(keywords, "Keywords of the table", added, "TypedDict")
    )


def module_of_tables():
    types = [types_of(cls) for cls in TABLES]
    given = [{n: t for n, t in own.items() if n != "preset"} for own in types]
    used = sorted(a for n, a in ALIASES.items() if n in types[1] and n != "preset")
    names = "".join(f"    {name},\n" for name in used)
    parameters = "TableParameters", "TabularClassifierParameters", "TabularRegressorParameters"
    keywords = "TableKeywords", "TabularClassifierKeywords", "TabularRegressorKeywords"
    return (
        HEAD.format(what="Parameters of the tabular estimators")
        + f"\nfrom .._estimators.parameter_types import (\n{names})\n\n"
        + alias("preset", TABLES[0])
        + classes(parameters, "Parameters", types)
        + classes(keywords, "Parameters", given, "TypedDict")
    )


MODULES = {
    PACKAGE / "_estimators/parameter_types.py": module_of_nets,
    PACKAGE / "_tables/parameter_types.py": module_of_tables,
}


def stale():
    """Return the modules that are not as the tables have them."""
    return [p for p, make in MODULES.items() if not p.exists() or p.read_text("utf-8") != make()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write none, fail if one is stale")
    check = parser.parse_args().check
    for path in stale():
        if check:
            sys.exit(f"not up to date: {path}; run python tests/typing/parameter_types.py")
        path.write_text(MODULES[path](), encoding="utf-8")


if __name__ == "__main__":
    main()
