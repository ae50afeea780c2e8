"""The floors of docs/design.md in C++ and in the build, and what import-linter can't see of Python.

Python's own floors are contracts in pyproject.toml (`lint-imports`). Here a rule is a function from
a source tree to its violations; each is applied to this repository and, so that it is known to see
something, to a small tree that breaks it (BROKEN).
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SYSTEM = r"[a-z_]+|pthread\.h|unistd\.h|sys/mman\.h"  # <vector>, <cstdint> ...; the system's own
INTRINSICS = r"[a-z]+intrin\.h|arm_neon\.h"

# The engine from the ground up: a file includes lower rows, not its neighbours; the table of
# kernels is open to all, the dispatcher to the last row.
ENGINE = (
    ("memory", "threads", "kernel_use", "share"),
    ("functions", "interrupt", "source"),
    ("dropout", "input", "schedule", "ranks"),
    ("network",),
    ("plan", "output"),
    ("gradient", "gradient_parts"),
    ("stepper", "gradient_norm", "rank_sums"),
    ("step_tiles", "step_few", "step_row"),
    ("roads",),
    ("fit",),
    ("trainer", "predictor", "evaluation"),
)

# Which files may include what. A file that stands in no line is on no floor.
INCLUDES = (
    (r"cpp/kernels/\w+\.hpp", rf"{SYSTEM}|kernels/\w+\.hpp"),
    (r"cpp/kernels/all\.inl", r"kernels/\w+\.inl"),
    (r"cpp/kernels/\w+\.inl", r""),
    (r"cpp/isa/\w+\.cpp", rf"{SYSTEM}|{INTRINSICS}|isa/isa\.hpp|kernels/all\.inl"),
    (r"cpp/isa/\w+\.hpp", rf"{SYSTEM}|{INTRINSICS}|kernels/\w+\.hpp"),
    (r"cpp/dispatch\.[ch]pp", rf"{SYSTEM}|dispatch\.hpp|isa/isa\.hpp|kernels/table\.hpp"),
    (r"src/\w+\.[ch]pp", rf"{SYSTEM}|pybind11/\w+\.h|(engine/)?\w+\.hpp|kernels/table\.hpp"),
    *(
        (
            rf"cpp/engine/{name}\.[ch]pp",
            rf"{SYSTEM}|{door}\.hpp|engine/({'|'.join([name, *sum(ENGINE[:i], ())])})\.hpp",
        )
        for i, row in enumerate(ENGINE)
        for door in ["dispatch" if row is ENGINE[-1] else r"kernels/\w+"]
        for name in row
    ),
)

# What may stand nowhere in these files. An inline function of a standard template, compiled within
# a target region, could be merged by the linker with everyone else's copy; a flag that permits
# other roundings, or one for one processor, would change bits.
FORBIDDEN = (
    (r"(?!cpp/isa/)(cpp|src)/.*\.(cpp|hpp|inl)",
     r"\b_mm\d*_\w+|\b__m\d+\w*|\b__mmask\d+|\w*intrin\.h|\barm_neon\.h|\bv\w+q_[fsu]\d+\b"),
    (r"cpp/kernels/.*\.inl", r"\bstd::(?!(u?int(32|64)|size)_t\b)\w+"),
    (r"cpp/.*", r"\bpy::|\bPy[A-Z]\w+|\b(?:Python\.h|pybind11|numpy)\b"),
    (r"(cpp|src)/.*",
     r"fast-math|\bOfast\b|#\s*pragma\s+GCC\s+optimize\b.*|STDC\s+FP_CONTRACT\s+ON"),
    (r"CMakeLists\.txt|pyproject\.toml",
     r"(?<![\w-])-m(?:arch|cpu|tune|fpu|fma|f16c|sse|ssse|avx|amx|bmi|native|no-|prefer)[\w.=-]*"
     r"|-Ofast|-f(?:no-math-errno|fast-math|unsafe-math-optimizations|associative-math"
     r"|reciprocal-math|finite-math-only|no-signed-zeros)|-ffp-contract=(?:fast|on)|/fp:fast|/arch:"
     r"|INTERPROCEDURAL_OPTIMIZATION|-flto"),
)  # fmt: skip

# The Python modules that may use the compiled ones, and those that may use the package as users do.
COMPILED = {"_core", "_shuffle", "row_predictor"}
USE_CORE = (
    r"__init__|(_estimators|_bench|_cli)\..*|_common\.version|_explain\.(net|next_step|verify)"
)
USE_PACKAGE = r"__init__|__main__|(_cli|_bench)\..*"

# Paths of one machine, put together so that this file does not hold them itself.
PRIVATE = "|".join(re.escape("/".join(parts)) for parts in (
    ["", "work", ""], ["", "tmp", "w", ""], ["", "tmp", "dev", ""], ["", "root", ""],
    ["shared", "design"], ["shared", "field-notes"], ["", "tmp", "issues"],
))  # fmt: skip
TEXT = {".py", ".pyi", ".pyx", ".cpp", ".hpp", ".inl", ".md", ".toml", ".txt", ".yaml", ".yml", ""}
CACHES = {"__pycache__", ".ruff_cache", ".mypy_cache", ".pytest_cache"}


def files(root, pattern):
    """Yield (path from the root, lines of code) of every file whose path matches the pattern."""
    folders = [root / name for name in ("cpp", "src", "python")]
    for path in sorted([*root.glob("*.*"), *(p for folder in folders for p in folder.rglob("*"))]):
        here = path.relative_to(root).as_posix()
        if path.is_file() and re.fullmatch(pattern, here):
            text = path.read_text(encoding="utf-8")
            if path.suffix in (".cpp", ".hpp", ".inl"):  # without comments
                text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)
                yield here, re.sub(r"//.*", "", text).splitlines()
            else:
                yield here, re.sub(r"#.*", "", text).splitlines()


def includes_point_down(root):
    found = []
    for here, code in files(root, r"(cpp|src)/.*\.(cpp|hpp|inl)"):
        allowed = next((what for name, what in INCLUDES if re.fullmatch(name, here)), None)
        if allowed is None:
            found.append(f"{here}:1: is on no floor")
            continue
        for number, line in enumerate(code, 1):
            match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            if match and not re.fullmatch(allowed, match[1]):
                found.append(f"{here}:{number}: includes {match[1]}")
    return found


def nothing_forbidden_is_said(root):
    return [
        f"{here}:{number}: {match[0].strip()}"
        for pattern, what in FORBIDDEN
        for here, code in files(root, pattern)
        for number, line in enumerate(code, 1)
        for match in re.finditer(what, line)
    ]


def contraction_is_off(root):
    """The compiler may not fuse a product and a sum that the source doesn't fuse."""
    code = [line for _, lines in files(root, r"CMakeLists\.txt") for line in lines]
    off = any("-ffp-contract=off" in line for line in code)
    return [] if off else ["CMakeLists.txt:1: lacks -ffp-contract=off"]


def imports_of_the_package(package, path):
    """Yield (line, parts of the name): ["_core"] for `from .. import _core`, ["_core", "isa"]."""
    inside = ["chainfit", *path.relative_to(package).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = inside[: len(inside) + 1 - node.level] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            names = [[*base, alias.name] for alias in node.names]
        yield from ((node.lineno, name[1:]) for name in names if name[0] == "chainfit")


def the_package_is_used_from_above(root):
    """Import-linter takes `from .. import _core` for an import of the package and lets it pass."""
    found, package = [], root / "python/chainfit"
    for path in sorted(package.rglob("*.py")):
        module = ".".join(path.relative_to(package).with_suffix("").parts)
        for line, names in imports_of_the_package(package, path):
            name = names[0] if names else "chainfit"
            if name in COMPILED:
                if not re.fullmatch(USE_CORE, module):
                    found.append(f"{module}:{line}: uses {name}")
            elif len(names) < 2 and name != "reference" and not re.fullmatch(USE_PACKAGE, module):
                found.append(f"{module}:{line}: imports {name} from the package itself")
    return found


def nothing_of_one_machine(root):
    folders = ["src", "cpp", "python", "tests", "benchmarks", "docs", ".ci"]
    paths = [p for p in sorted(root.iterdir()) if p.is_file() and p.name != ".git"]
    paths += [p for folder in folders for p in sorted((root / folder).rglob("*")) if p.is_file()]
    return [
        f"{path.relative_to(root).as_posix()}:{number}: {match[0]}"
        for path in paths
        if path.suffix in TEXT and not CACHES & set(path.parts)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (match := re.search(PRIVATE, line))
    ]


# Rule -> a tree that breaks it, each line with what is wrong in it: file -> text, then violations.
BROKEN = {
    includes_point_down: (
        {
            "cpp/dispatch.hpp": "#include <engine/memory.hpp>\n",
            "cpp/engine/helpers.hpp": "",
            "cpp/engine/network.cpp": '#include "engine/network.hpp"\n#include "dispatch.hpp"\n',
            "cpp/engine/plan.hpp": '#  include "engine/trainer.hpp"\n#include <vector>\n',
            "cpp/engine/step_tiles.cpp": (
                '#include "kernels/gemm.inl"\n#include "engine/step_few.hpp"\n'
            ),
            "cpp/engine/trainer.cpp": '#include "dispatch.hpp"\n#include "engine/fit.hpp"\n',
            "cpp/isa/avx2.cpp": '#include <immintrin.h>\n#include "engine/plan.hpp"\n',
            "cpp/kernels/losses.inl": "#include <cmath>\n",
            "cpp/kernels/table.hpp": "#include <cstddef>\n/* \n */ #include <engine/memory.hpp>\n",
            "src/core.cpp": '#include "own.hpp"\n#include "isa/isa.hpp"\n#include "engine/a.hpp"\n',
            "src/own.hpp": '// #include "isa/isa.hpp"\n#include "kernels/gemm.inl"\n',
        },
        [
            "cpp/dispatch.hpp:1: includes engine/memory.hpp",
            "cpp/engine/helpers.hpp:1: is on no floor",
            "cpp/engine/network.cpp:2: includes dispatch.hpp",
            "cpp/engine/plan.hpp:1: includes engine/trainer.hpp",
            "cpp/engine/step_tiles.cpp:1: includes kernels/gemm.inl",
            "cpp/engine/step_tiles.cpp:2: includes engine/step_few.hpp",
            "cpp/isa/avx2.cpp:2: includes engine/plan.hpp",
            "cpp/kernels/losses.inl:1: includes cmath",
            "cpp/kernels/table.hpp:3: includes engine/memory.hpp",
            "src/core.cpp:2: includes isa/isa.hpp",
            "src/own.hpp:2: includes kernels/gemm.inl",
        ],
    ),
    nothing_forbidden_is_said: (
        {
            "CMakeLists.txt": "# -march=native\nadd(-march=native -O3)\nrun(python -m cython)\n",
            "cpp/engine/step.cpp": "/* py::list\n */\nPyErr_Clear();\n__m512 v;\n",
            "cpp/isa/avx2.cpp": '__m256 v;\n#pragma GCC optimize("fast-math")\n',
            "cpp/kernels/gemm.inl": "// _mm_add_ps\nstd::int64_t i = std::exp(_mm512_add_ps(y));\n",
            "pyproject.toml": 'cmake.args = ["-DCMAKE_CXX_FLAGS=-Ofast -mavx2 -ffast-math"]\n',
        },
        [
            "CMakeLists.txt:2: -march=native",
            "cpp/engine/step.cpp:3: PyErr_Clear",
            "cpp/engine/step.cpp:4: __m512",
            'cpp/isa/avx2.cpp:2: #pragma GCC optimize("fast-math")',
            "cpp/kernels/gemm.inl:2: _mm512_add_ps",
            "cpp/kernels/gemm.inl:2: std::exp",
            "pyproject.toml:1: -Ofast",
            "pyproject.toml:1: -ffast-math",
            "pyproject.toml:1: -mavx2",
        ],
    ),
    contraction_is_off: (
        {"CMakeLists.txt": "# add(-ffp-contract=off)\n"},
        ["CMakeLists.txt:1: lacks -ffp-contract=off"],
    ),
    the_package_is_used_from_above: (
        {
            "python/chainfit/_cli/main.py": "from .. import _core, load\nimport chainfit\n",
            "python/chainfit/_estimators/base.py": "from .. import _core, reference, load\n",
            "python/chainfit/_explain/page/page.py": "from ... import Net\nfrom ..net import Net\n",
            "python/chainfit/_files/disk.py": "def f():\n    from .._core import isa\n",
            "python/chainfit/_tables/base.py": "import chainfit\nfrom chainfit import _shuffle\n",
        },
        [
            "_estimators.base:1: imports load from the package itself",
            "_explain.page.page:1: imports Net from the package itself",
            "_files.disk:2: uses _core",
            "_tables.base:1: imports chainfit from the package itself",
            "_tables.base:2: uses _shuffle",
        ],
    ),
    nothing_of_one_machine: (
        {"docs/a.md": "fine\nsee " + "/".join(["", "work", "main"]) + "\n", "tests/b.py": ""},
        ["docs/a.md:2: " + "/".join(["", "work", ""])],
    ),
}


@pytest.mark.parametrize("rule", BROKEN, ids=lambda rule: rule.__name__)
def test_rule(rule, tmp_path):
    assert rule(ROOT) == []
    tree, violations = BROKEN[rule]
    for name, text in tree.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert sorted(rule(tmp_path)) == violations


def test_there_is_something_to_look_at():
    for pattern, least in ((r"cpp/engine/.*", 10), (r"cpp/kernels/.*\.inl", 5), (r"src/.*", 5)):
        assert len(list(files(ROOT, pattern))) > least
    assert len(list((ROOT / "python/chainfit").glob("*/*.py"))) > 50
