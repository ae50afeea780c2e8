"""A copy of the repository, which a test may change, build and run; what several tests share."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# An editable installation finds its own chainfit before any path: its finder has to go.
_PRELUDE = """
import sys
sys.meta_path[:] = [f for f in sys.meta_path if "Scikit" not in type(f).__name__]
"""


class Tree:
    """The files that git knows or would add, in a folder of their own."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.chmod(0o755)  # some tests become another user
        list_files = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.check_output(list_files, cwd=ROOT, text=True).split("\0")
        for name in filter(None, names):
            if (ROOT / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, self.folder / name)

    def __truediv__(self, name):
        return self.folder / name

    def build(self):
        """Compile what changed: the generic instruction set alone, with little optimisation.

        That takes a fifth of a release build. The Python that runs this must have pybind11, cython
        and NumPy.
        """
        python = self.folder / "python" / "chainfit"
        build = self.folder / "build" / "tree"
        if not (build / "CMakeCache.txt").exists():
            pybind11 = [sys.executable, "-m", "pybind11", "--cmakedir"]
            defines = {
                "CHAINFIT_GENERIC_ONLY": "ON",
                "CMAKE_BUILD_TYPE": "None",
                "CMAKE_CXX_FLAGS": "-O1",
                "CMAKE_LIBRARY_OUTPUT_DIRECTORY": python,
                "Python_EXECUTABLE": sys.executable,
                "pybind11_DIR": subprocess.check_output(pybind11, text=True).strip(),
                "SKBUILD_PROJECT_VERSION": "0",
            }
            options = [f"-D{name}={value}" for name, value in defines.items()]
            ninja = ["-G", "Ninja"] if shutil.which("ninja") else []
            self._check(["cmake", "-S", self.folder, "-B", build, *ninja, *options])
        jobs = str(os.cpu_count() or 1)
        self._check(["cmake", "--build", build, "--parallel", jobs])

    def run(self, code, *arguments, **environment):
        """Run Python code with this tree's chainfit; returns the process."""
        env = {**os.environ, "PYTHONPATH": str(self.folder / "python"), **environment}
        command = [sys.executable, "-c", _PRELUDE + code, *arguments]
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True)

    def pytest(self, *arguments):
        """Run pytest in this tree; returns the process."""
        code = "import pytest; sys.exit(pytest.main(sys.argv[1:]))"
        return self.run(code, "-q", "-x", "-p", "no:cacheprovider", *arguments)

    def _check(self, command):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{command[:2]} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
