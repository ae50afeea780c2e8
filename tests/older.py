"""What needs a newer version of a library than the oldest allowed one: skipped with older ones.

The one place for it: the beginning of a test's name, the library, its version, and the reason.
"""

from importlib.metadata import version

from packaging.version import Version

NEEDS = [
    ("test_callbacks.py", "scikit-learn", "1.9", "sklearn.callback is new"),
    ("test_history.py", "scikit-learn", "1.9", "sklearn.callback is new"),
]


def reason(name):
    """Return why the test of this name, or this file, can't run here; None if it can."""
    for prefix, library, needed, why in NEEDS:
        if name.startswith(prefix) and Version(version(library)) < Version(needed):
            return f"{library} before {needed}: {why}"
    return None
