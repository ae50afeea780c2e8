"""The floors of docs/design.md, read from includes and imports: dependencies point one way.

Each rule is a function from a source tree to the list of its violations. It is applied to this
repository, and, so that it is known to see something, to small trees that break it: these, and the
lists of what may be included where, are most of this file.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# --- reading -------------------------------------------------------------------------------------


def sources(root, folder, *suffixes):
    return [p for p in sorted((root / folder).rglob("*")) if p.suffix in suffixes]


def code(path):
    """Return the lines of a C++ or CMake file without comments, the text of strings kept."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".cpp", ".hpp", ".inl"):
        text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)
        text = re.sub(r"//.*", "", text)
    else:
        text = re.sub(r"#.*", "", text)
    return text.splitlines()


def matches(root, paths, pattern, allowed=()):
    """Return 'file:line: what' for every match of `pattern` that is not one of `allowed`."""
    return [
        f"{path.relative_to(root).as_posix()}:{number}: {match[0].strip()}"
        for path in paths
        for number, line in enumerate(code(path), 1)
        for match in re.finditer(pattern, line)
        if match[0] not in allowed
    ]


def includes(path):
    return [
        (number, match[1])
        for number, line in enumerate(code(path), 1)
        if (match := re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line))
    ]


def foreign_includes(root, path, allowed):
    """Return what `path` includes of the project or of Python beyond the allowed patterns."""
    here = path.relative_to(root).as_posix()
    return [
        f"{here}:{number}: includes {name}"
        for number, name in includes(path)
        if not any(re.fullmatch(pattern, name) for pattern in allowed)
    ]


# --- C++ -----------------------------------------------------------------------------------------

STANDARD = (
    r"[a-z_]+|pthread\.h|unistd\.h|sys/mman\.h"  # <vector>, <cstdint> ... and the system's own
)

# Beside standard headers and its own header each file of the engine may include these.
ENGINE = {
    "memory": ["kernels/table"],
    "threads": [],
    "kernel_use": ["kernels/table"],
    "functions": ["engine/kernel_use"],
    "network": ["engine/functions", "engine/memory"],
    "plan": ["engine/network"],
    "output": ["engine/network"],
    "interrupt": ["engine/kernel_use", "engine/threads"],
    "source": ["kernels/table"],
    "input": ["engine/source"],
    "schedule": ["engine/kernel_use"],
    "gradient": ["engine/network", "engine/plan", "engine/schedule", "engine/threads"],
    "stepper": ["engine/gradient", "engine/interrupt", "engine/source"],
    "step_tiles": [
        "engine/input",
        "engine/output",
        "engine/plan",
        "engine/stepper",
        "engine/threads",
    ],
    "step_few": [
        "engine/input",
        "engine/output",
        "engine/plan",
        "engine/stepper",
        "kernels/small_steps",
    ],
    "step_row": ["engine/input", "engine/stepper", "kernels/small_steps"],
    "roads": ["engine/step_few", "engine/step_row", "engine/step_tiles"],
    "fit": ["engine/roads"],
    "trainer": ["engine/fit", "dispatch"],
    "predictor": [
        "engine/input",
        "engine/interrupt",
        "engine/network",
        "engine/plan",
        "engine/threads",
        "engine/functions",
        "dispatch",
    ],
}


def engine_stands_on_the_table_alone(root):
    """The engine knows the kernels as a table of functions, and its floors point down."""
    found = []
    for path in sources(root, "cpp/engine", ".cpp", ".hpp"):
        if path.stem not in ENGINE:
            found.append(f"{path.relative_to(root).as_posix()}:1: is not on any floor")
            continue
        names = [f"engine/{path.stem}", *ENGINE[path.stem]]
        found += foreign_includes(root, path, [STANDARD, *(rf"{name}\.hpp" for name in names)])
    return found


def dispatch_and_table_know_little(root):
    allowed = {
        "cpp/dispatch.hpp": [STANDARD, r"kernels/table\.hpp"],
        "cpp/dispatch.cpp": [STANDARD, r"dispatch\.hpp", r"isa/isa\.hpp"],
        "cpp/kernels/table.hpp": [STANDARD],
        "cpp/kernels/small_steps.hpp": [r"kernels/table\.hpp"],
    }
    return [
        problem
        for name, patterns in allowed.items()
        if (root / name).exists()
        for problem in foreign_includes(root, root / name, patterns)
    ]


def instruction_sets_are_thin(root):
    """An instruction set includes the kernels whole, and intrinsics; nothing includes it."""
    allowed = [STANDARD, r"[a-z]+intrin\.h", r"arm_neon\.h", r"isa/isa\.hpp", r"kernels/all\.inl"]
    found = []
    for path in sources(root, "cpp/isa", ".cpp"):
        found += foreign_includes(root, path, allowed)
    for path in sources(root, "cpp/isa", ".hpp"):
        found += foreign_includes(root, path, [STANDARD, r"[a-z]+intrin\.h", r"kernels/\w+\.hpp"])
    return found


INTRINSIC = r"\b_mm\d*_\w+|\b__m\d+\w*|\b__mmask\d+|\w*intrin\.h|\barm_neon\.h|\bv\w+q_[fsu]\d+\b"


def intrinsics_live_in_isa(root):
    everywhere = sources(root, "cpp", ".cpp", ".hpp", ".inl") + sources(root, "src", ".cpp", ".hpp")
    return matches(root, [p for p in everywhere if p.parent.name != "isa"], INTRINSIC)


# Types that are no functions: an inline function of a standard template, compiled inside a target
# region, could be merged by the linker with everyone else's copy.
KERNELS_MAY_NAME = {"std::int64_t", "std::int32_t", "std::uint64_t", "std::uint32_t", "std::size_t"}


def kernels_are_self_contained(root):
    paths = sources(root, "cpp/kernels", ".inl")
    found = matches(root, paths, r"\bstd::\w+", KERNELS_MAY_NAME)
    for path in paths:
        allowed = [r"kernels/\w+\.inl"] if path.name == "all.inl" else []
        found += foreign_includes(root, path, allowed)
    return found


def the_core_knows_no_python(root):
    paths = sources(root, "cpp", ".cpp", ".hpp", ".inl")
    return matches(root, paths, r"\bpy::|\bPy[A-Z]\w+|\b(?:Python\.h|pybind11|numpy)\b")


def bindings_know_the_engine_from_outside(root):
    """No kernel and no instruction set: the table, the dispatcher and the engine's headers."""
    allowed = [
        STANDARD, r"pybind11/\w+\.h", r"engine/\w+\.hpp", r"dispatch\.hpp", r"kernels/table\.hpp",
        *(re.escape(path.name) for path in sources(root, "src", ".hpp")),
    ]  # fmt: skip
    return [
        problem
        for path in sources(root, "src", ".cpp", ".hpp")
        for problem in foreign_includes(root, path, allowed)
    ]


# --- Python --------------------------------------------------------------------------------------

# From the ground up: (floor, its folder or module, those of its modules that may use the core).
FLOORS = [
    ("reference", r"reference", None),
    ("estimators", r"_estimators", r".*"),
    ("model files", r"_files", r"_files\.estimator"),  # checks names against the core's tables
    ("tables", r"_tables", None),
    # the update that the core makes, and its gradient beside the chain's
    ("explanation", r"_explain", r"_explain\.(net|update|verify)"),
    ("package", r"__init__", r".*"),
    ("benchmarks", r"_bench", r".*"),
    ("command line", r"__main__|_cli", r".*"),
]
COMPILED = {"_core", "_shuffle", "row_predictor"}


def floor_of(module):
    for floor, (_, names, _) in enumerate(FLOORS):
        if re.fullmatch(names, module.split(".")[0]):
            return floor
    return None


def imports(package, path):
    """Yield (line, module or folder of this package, whether when the file is loaded)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = {p.stem for p in package.iterdir() if p.suffix == ".py" or p.is_dir()} | COMPILED
    here = list(path.parent.relative_to(package).parts)
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    later = {id(n) for function in functions for n in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            later |= {id(n) for n in ast.walk(node)}
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [a.name.split(".") for a in node.names]
            names = [name[1:] for name in names if name[0] == "chainfit"]
        elif isinstance(node, ast.ImportFrom):
            module = node.module.split(".") if node.module else []
            if node.level:
                module = here[: len(here) + 1 - node.level] + module
            elif module[0] != "chainfit":
                continue
            else:
                module = module[1:]
            # `from .. import name`: a module, or something of the package itself
            names = [module] if module else [[a.name] for a in node.names]
        for name in names:
            first = name[0] if name and name[0] in own else "__init__"
            yield node.lineno, first, id(node) not in later


def python_imports_point_down(root):
    """When a module is loaded it imports from its own floor and below; the rest waits for a call.

    No one below the command line imports it, ever; the reference imports nothing of the package.
    """
    found = []
    package = root / "python/chainfit"
    for path in sorted(package.rglob("*.py")):
        here = path.relative_to(root).as_posix()
        module = ".".join(path.relative_to(package).with_suffix("").parts)
        floor = floor_of(module)
        if floor is None:
            found.append(f"{here}:1: is not on any floor")
            continue
        name, _, may_use_core = FLOORS[floor]
        for line, below, at_once in imports(package, path):
            if name == "reference":
                found.append(f"{here}:{line}: the reference imports {below}")
            elif below in COMPILED:
                if not (may_use_core and re.fullmatch(may_use_core, module)):
                    found.append(f"{here}:{line}: {name} use {below}")
            elif floor_of(below) is None:
                found.append(f"{here}:{line}: imports {below}, which is not on any floor")
            elif floor_of(below) > floor and (
                at_once or FLOORS[floor_of(below)][0] == "command line"
            ):
                found.append(f"{here}:{line}: {name} import {below}")
    return found


# --- the build -----------------------------------------------------------------------------------


def flags_keep_the_bits(root):
    """No -m flags, nothing of -ffast-math, and contraction off."""
    names = ("CMakeLists.txt", "pyproject.toml")
    paths = [root / name for name in names if (root / name).exists()]
    bad = (
        r"(?<![\w-])-m(?:arch|cpu|tune|fpu|fma|f16c|sse|ssse|avx|amx|bmi|native|no-|prefer)[\w.=-]*"
        r"|-Ofast|-f(?:no-math-errno|fast-math|unsafe-math-optimizations|associative-math"
        r"|reciprocal-math|finite-math-only|no-signed-zeros)|-ffp-contract=(?:fast|on)|/fp:fast|/arch:"
        r"|INTERPROCEDURAL_OPTIMIZATION|-flto"
    )
    found = matches(root, paths, bad)
    cmake = root / "CMakeLists.txt"
    if cmake.exists() and not any("-ffp-contract=off" in line for line in code(cmake)):
        found.append("CMakeLists.txt:1: lacks -ffp-contract=off")
    everywhere = sources(root, "cpp", ".cpp", ".hpp", ".inl") + sources(root, "src", ".cpp", ".hpp")
    pragma = (
        r"fast-math|\bOfast\b|#\s*pragma\s+GCC\s+optimize\b.*|#\s*pragma\s+STDC\s+FP_CONTRACT\s+ON"
    )
    return found + matches(root, everywhere, pragma)


# Paths of one machine, put together so that this file does not hold them itself.
PRIVATE = "|".join(re.escape("/".join(parts)) for parts in (
    ["", "work", ""], ["", "tmp", "w", ""], ["", "root", ""], ["shared", "design"],
    ["shared", "field-notes"], ["", "tmp", "issues"],
))  # fmt: skip
TEXT = {".py", ".pyi", ".pyx", ".cpp", ".hpp", ".inl", ".md", ".toml", ".txt", ".yaml", ".yml", ""}


def nothing_of_one_machine(root):
    folders = ["src", "cpp", "python", "tests", "benchmarks", "docs", ".ci"]
    paths = [p for p in sorted(root.iterdir()) if p.is_file()]
    paths += [p for folder in folders for p in sorted((root / folder).rglob("*")) if p.is_file()]
    caches = ("__pycache__", ".ruff_cache", ".mypy_cache", ".pytest_cache")
    return [
        f"{path.relative_to(root).as_posix()}:{number}: {match[0]}"
        for path in paths
        if path.suffix in TEXT and not set(caches) & set(path.parts)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (match := re.search(PRIVATE, line))
    ]


RULES = [
    engine_stands_on_the_table_alone,
    dispatch_and_table_know_little,
    instruction_sets_are_thin,
    intrinsics_live_in_isa,
    kernels_are_self_contained,
    the_core_knows_no_python,
    bindings_know_the_engine_from_outside,
    python_imports_point_down,
    flags_keep_the_bits,
    nothing_of_one_machine,
]

# --- applied to this repository ------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule(rule):
    assert rule(ROOT) == []


def test_there_is_something_to_look_at():
    assert len(sources(ROOT, "cpp/engine", ".cpp", ".hpp")) > 10
    assert len(sources(ROOT, "cpp/kernels", ".inl")) > 5
    assert len(sources(ROOT, "cpp/isa", ".cpp")) >= 3
    assert len(sources(ROOT, "src", ".cpp")) > 2
    package = ROOT / "python/chainfit"
    assert len(list(package.glob("*/*.py"))) > 50
    assert (ROOT / "CMakeLists.txt").exists()
    base = imports(package, package / "_estimators/base.py")
    assert {"_core", "_estimators"} <= {module for _, module, _ in base}


# --- applied to trees that break it --------------------------------------------------------------

BROKEN = {
    "engine includes a kernel": (
        {"cpp/engine/step_tiles.cpp": '#include "kernels/gemm.inl"\n'},
        ["cpp/engine/step_tiles.cpp:1: includes kernels/gemm.inl"],
        engine_stands_on_the_table_alone,
    ),
    "engine includes an instruction set": (
        {"cpp/engine/step_tiles.hpp": '\n#include "isa/isa.hpp"\n'},
        ["cpp/engine/step_tiles.hpp:2: includes isa/isa.hpp"],
        engine_stands_on_the_table_alone,
    ),
    "engine looks up": (
        {"cpp/engine/plan.hpp": '#  include "engine/trainer.hpp"\n#include <vector>\n'},
        ["cpp/engine/plan.hpp:1: includes engine/trainer.hpp"],
        engine_stands_on_the_table_alone,
    ),
    "engine has a file without a floor": (
        {"cpp/engine/helpers.hpp": ""},
        ["cpp/engine/helpers.hpp:1: is not on any floor"],
        engine_stands_on_the_table_alone,
    ),
    "table knows the engine": (
        {"cpp/kernels/table.hpp": "#include <cstddef>\n#include <engine/memory.hpp>\n"},
        ["cpp/kernels/table.hpp:2: includes engine/memory.hpp"],
        dispatch_and_table_know_little,
    ),
    "instruction set knows the engine": (
        {"cpp/isa/avx2.cpp": '#include <immintrin.h>\n#include "engine/plan.hpp"\n'},
        ["cpp/isa/avx2.cpp:2: includes engine/plan.hpp"],
        instruction_sets_are_thin,
    ),
    "intrinsics in a kernel": (
        {
            "cpp/kernels/gemm.inl": "// _mm_add_ps is fine\n__m512 v = _mm512_add_ps(a, b);\n",
            "cpp/engine/threads.cpp": "#include <immintrin.h>\n",
            "cpp/isa/avx2.cpp": "#include <immintrin.h>\n__m256 v;\n",
        },
        [
            "cpp/engine/threads.cpp:1: immintrin.h",
            "cpp/kernels/gemm.inl:2: __m512",
            "cpp/kernels/gemm.inl:2: _mm512_add_ps",
        ],
        intrinsics_live_in_isa,
    ),
    "kernel uses the standard library": (
        {"cpp/kernels/losses.inl": "#include <cmath>\nstd::int64_t i;\nx = std::exp(y);\n"},
        ["cpp/kernels/losses.inl:1: includes cmath", "cpp/kernels/losses.inl:3: std::exp"],
        kernels_are_self_contained,
    ),
    "core knows Python": (
        {"cpp/engine/plan.cpp": "/* py::list\n */\n#include <pybind11/numpy.h>\nPyErr_Clear();\n"},
        [
            "cpp/engine/plan.cpp:3: numpy",
            "cpp/engine/plan.cpp:3: pybind11",
            "cpp/engine/plan.cpp:4: PyErr_Clear",
        ],
        the_core_knows_no_python,
    ),
    "bindings know a kernel": (
        {
            "src/core.cpp": '#include "own.hpp"\n#include "isa/isa.hpp"\n#include "engine/a.hpp"\n',
            "src/own.hpp": '#include "kernels/gemm.inl"\n',
        },
        ["src/core.cpp:2: includes isa/isa.hpp", "src/own.hpp:1: includes kernels/gemm.inl"],
        bindings_know_the_engine_from_outside,
    ),
    "Python imports upwards": (
        {
            "python/chainfit/__init__.py": "",
            "python/chainfit/_cli/main.py": "from .. import _core\nfrom .._explain.net import x\n",
            "python/chainfit/_files/model.py": "from .._core import isa\n",
            "python/chainfit/_files/estimator.py": "from .. import _core\nfrom . import model\n",
            "python/chainfit/_estimators/base.py": (
                "from .._files.model import save\nfrom typing import TYPE_CHECKING\n"
                "if TYPE_CHECKING:\n    from . import undo\n    from .._files.model import y\n"
                "def f():\n    from .._files.model import save\n    from .._cli import main\n"
            ),
            "python/chainfit/_estimators/classifier.py": (
                "from chainfit._cli.main import x\nimport chainfit\nimport chainfit._tables.table\n"
            ),
            "python/chainfit/reference.py": "import numpy\nfrom ._estimators.base import x\n",
            "python/chainfit/_tables/table.py": "",
            "python/chainfit/_other/some.py": "",
        },
        [
            "python/chainfit/_estimators/base.py:1: estimators import _files",
            "python/chainfit/_estimators/base.py:8: estimators import _cli",
            "python/chainfit/_estimators/classifier.py:1: estimators import _cli",
            "python/chainfit/_estimators/classifier.py:2: estimators import __init__",
            "python/chainfit/_estimators/classifier.py:3: estimators import _tables",
            "python/chainfit/_files/model.py:1: model files use _core",
            "python/chainfit/_other/some.py:1: is not on any floor",
            "python/chainfit/reference.py:2: the reference imports _estimators",
        ],
        python_imports_point_down,
    ),
    "flags": (
        {
            "CMakeLists.txt": (
                "# -march=native is only talked about\nadd(-march=native -O3)\nadd(-ffast-math)\n"
                "execute(python -m cython)\n"
            ),
            "pyproject.toml": 'cmake.args = ["-DCMAKE_CXX_FLAGS=-Ofast -mavx2"]\n',
            "cpp/isa/generic.cpp": '#pragma GCC optimize("fast-math")\n',
        },
        [
            "CMakeLists.txt:1: lacks -ffp-contract=off",
            "CMakeLists.txt:2: -march=native",
            "CMakeLists.txt:3: -ffast-math",
            'cpp/isa/generic.cpp:1: #pragma GCC optimize("fast-math")',
            "pyproject.toml:1: -Ofast",
            "pyproject.toml:1: -mavx2",
        ],
        flags_keep_the_bits,
    ),
    "paths": (
        {
            "docs/a.md": "fine\nsee " + "/".join(["", "work", "main"]) + "\n",
            "tests/b.py": "x = 1\n",
        },
        ["docs/a.md:2: " + "/".join(["", "work", ""])],
        nothing_of_one_machine,
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_the_rules_see_what_breaks_them(case, tmp_path):
    files, expected, rule = BROKEN[case]
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert sorted(rule(tmp_path)) == expected


def test_every_rule_is_seen_to_fail():
    assert {rule for _, _, rule in BROKEN.values()} == set(RULES)
