"""What a file's metadata says of a model."""

from __future__ import annotations

import json
from typing import Any

from .._common.version import __version__


def facts_of(model: Any, **more: Any) -> dict[str, str]:
    """Return metadata: texts as they are, other facts as JSON."""
    facts: dict[str, Any] = {"chainfit": __version__, "model": type(model).__name__, **more}
    names, classes = (getattr(model, name, None) for name in ("feature_names_in_", "classes_"))
    if names is not None:
        facts["feature_names"] = [*map(str, names)]
    if classes is not None:
        several = isinstance(classes, list)
        facts["classes"] = [part.tolist() for part in classes] if several else classes.tolist()
    return {
        name: fact if isinstance(fact, str) else json.dumps(fact, ensure_ascii=False)
        for name, fact in facts.items()
    }
