"""What load may take, whatever a file holds: memory by its size, no stack, and no waiting.

Each file here is made to be read into far more than it is. Peaks are those of tracemalloc, and in
one test the address space of a process is limited.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

import chainfit
from chainfit import MLPClassifier, ModelFileError, TabularRegressor
from chainfit._files.model import digest
from chainfit._files.safetensors import encode

X, IRIS = load_iris(return_X_y=True)

# What `load` promises: bytes of memory for a byte of the file, and what comes on top for labels.
FACTOR, ALLOWANCE = 24, 2**24


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Return the bytes of a classifier with classes of text, and of a model of tables."""
    path = tmp_path_factory.mktemp("good") / "m"
    files = {}
    frame = pd.DataFrame(X, columns=list("abcd")).assign(kind=np.array(["u", "v"])[IRIS % 2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        texts = np.array(["x", "y", "z"])[IRIS]
        for name, model in {
            "texts": MLPClassifier((5,), max_iter=2, random_state=0).fit(X, texts),
            "integers": MLPClassifier((5,), max_iter=2, random_state=0).fit(X, IRIS),
            "table": TabularRegressor(n_nets=1, hidden_layer_sizes=(64,), max_iter=2).fit(
                frame.drop(columns="a"), frame["a"]
            ),
        }.items():
            model.save(path)
            files[name] = path.read_bytes()
    return files


def edited(raw: bytes, edit) -> bytes:
    """Return the file after ``edit(settings, tensors)``, with a right digest."""
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    document = json.loads(header.pop("__metadata__")["chainfit"])
    kinds = {"F32": "f4", "F64": "f8", "I64": "i8"}
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + n for n in entry["data_offsets"])
        array = np.frombuffer(raw[begin:end], kinds[entry["dtype"]])
        tensors[name] = array.reshape(entry["shape"]).copy()
    edit(document["settings"], tensors)
    document["digest"] = digest(document, tensors)
    return encode({"chainfit": json.dumps(document)}, tensors)


def with_header(text: str, data: bytes = b"") -> bytes:
    return len(text.encode()).to_bytes(8, "little") + text.encode() + data


def header_of(value: str) -> bytes:
    return with_header('{"__metadata__":{},"a":' + value + "}")


def document_of(value: str) -> bytes:
    text = (
        '{"format_version":1,"kind":"MLPClassifier","library_version":"1","digest":"0",'
        f'"settings":{value}}}'
    )
    return with_header('{"__metadata__":{"chainfit":' + json.dumps(text) + "}}")


def many(item: str, count: int = 60_000) -> str:
    """Join ``count`` times the item, numbered where it has a %d."""
    return ",".join(item % i if "%" in item else item for i in range(count))


def tensors_of(entry: str, count: int = 12_000) -> bytes:
    data = bytes(count) if "[%d,%d]" in entry else b""
    entries = (entry % ((i, i, i + 1) if data else i) for i in range(count))
    return with_header('{"__metadata__":{"chainfit":"{}"},' + ",".join(entries) + "}", data)


#: name: (a file whose JSON costs as much memory as it can, what the message says)
JSON = {
    "empty objects": (header_of(f"[{many('{}')}]"), "header: its .* objects and lists"),
    "empty lists": (header_of(f"[{many('[]')}]"), "header: its .* objects and lists"),
    "lists in lists": (header_of(f"[{many('[[[[[]]]]]')}]"), "header: its .* objects and lists"),
    "many keys": (header_of("{" + many('"%d":1') + "}"), "header: its .* keys"),
    "keys as many as may be": (header_of("{" + many('"k%06d":1 ') + "}"), "'a' must have exactly"),
    "keys and objects": (header_of("{" + many('"key%06d":{} ') + "}"), "'a' must have exactly"),
    "objects with spaces": (header_of(f"[{many('{             }')}]"), "'a' must have exactly"),
    "numbers": (header_of(f"[{many('999')}]"), "'a' must have exactly"),
    "texts": (header_of(f"[{many(chr(34) + 'ab' + chr(34))}]"), "'a' must have exactly"),
    "settings of objects": (document_of(f"[{many('{}')}]"), "settings: its .* objects and lists"),
    "settings of keys": (document_of("{" + many('"k%06d":1 ') + "}"), "digest"),
    "settings of numbers": (document_of(f'{{"a":[{many("1e9", 300_000)}]}}'), "digest"),
    "settings of texts": (document_of(f'{{"a":[{many(chr(34) + "ab" + chr(34))}]}}'), "digest"),
    "settings not Latin": (
        with_header('{"__metadata__":{"chainfit":"[' + "1," * 10**5 + '\U0001f600"}}'),
        "settings is not valid JSON",
    ),
    "tiny tensors": (
        tensors_of('"%d":{"dtype":"U8","shape":[],"data_offsets":[%d,%d]}'),
        "'format_version' is missing",
    ),
    "empty tensors": (
        tensors_of('"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'),
        "'format_version' is missing",
    ),
}


def peak_of_load(path, text: str | None) -> int:
    """Load a file, which is refused with the text if any, and return the peak of memory."""
    tracemalloc.start()
    try:
        if text is None:
            chainfit.load(path)
        else:
            with pytest.raises(ModelFileError, match=text):
                chainfit.load(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", JSON)
def test_memory_of_json_is_bounded(name, tmp_path):
    raw, text = JSON[name]
    path = tmp_path / "m"
    path.write_bytes(raw)
    with pytest.raises(ModelFileError):
        chainfit.load(path)  # what is imported on the way is not counted
    assert len(raw) > 150_000
    assert peak_of_load(path, text) < FACTOR * len(raw)


def labelled(labels, dtype="str"):
    """Make an edit that gives the net one output for each of these labels."""

    def edit(settings, tensors):
        settings["classes"].update(labels=labels, dtype=dtype)
        settings["units"][-1] = len(labels)
        for name in list(tensors):
            if name.endswith("coefs.1"):
                tensors[name] = np.zeros((5, len(labels)))
            elif name.endswith("intercepts.1"):
                tensors[name] = np.zeros(len(labels))

    return edit


def with_category(name, levels):
    """Make an edit that leaves the table this one column, of text."""

    def edit(settings, tensors):
        column = {"kind": "category", "name": name, "levels": levels, "missing": [], "notes": []}
        codes = list(range(len(levels)))
        settings |= {
            "n_features": 1,
            "feature_names": [name],
            "schema": {"columns": [column]},
            "encoding": [{"name": name, "codes": codes, "missing": False, "other": False}],
        }
        settings["nets"][0]["units"][0] = len(levels)
        for key in list(tensors):
            if key.endswith("coefs.0"):
                tensors[key] = np.zeros((len(levels), 64), np.float32)

    return edit


SHORT = [f"{i:05d}" for i in range(2000)]
LONG = "x" * 500_000
#: name: (file, edit, what the message says, None where the file is good)
EXPANDING = {
    "one long label": ("texts", labelled([*SHORT, LONG]), "labels of dtype str, not object, would"),
    "one long label of objects": ("texts", labelled([*SHORT, LONG], "object"), None),
    "labels of 500 characters": ("texts", labelled([*SHORT, LONG[:500]]), None),
    "long column name": ("table", with_category(LONG * 4, SHORT), "names of the features would"),
    "levels": ("table", with_category("name", SHORT), None),
}


@pytest.mark.parametrize("name", EXPANDING)
def test_memory_of_labels_and_names_is_bounded(name, good, tmp_path):
    file, edit, text = EXPANDING[name]
    path = tmp_path / "m"
    path.write_bytes(good[file])
    chainfit.load(path)
    raw = edited(good[file], edit)
    path.write_bytes(raw)
    assert peak_of_load(path, text) < FACTOR * len(raw) + ALLOWANCE
    if text is None:
        model = chainfit.load(path)
        assert len(getattr(model, "classes_", SHORT)) >= len(SHORT)


def test_memory_of_names_is_not_taken_by_predict_either(good, tmp_path):
    """The number of a column's features is known without their names."""
    levels = [f"{i:05d}" for i in range(1000)]
    name = "x" * 15_000
    (tmp_path / "m").write_bytes(edited(good["table"], with_category(name, levels)))
    model = chainfit.load(tmp_path / "m")
    frame = pd.DataFrame({name: levels[:3]})
    model.predict(frame)
    tracemalloc.start()
    model.predict(frame)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(name) * len(levels) / 10


def test_a_large_good_file_takes_little_more_than_its_size(tmp_path):
    rng = np.random.RandomState(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPClassifier((700, 700), max_iter=1).fit(rng.rand(20, 100), IRIS[40:60])
    model.save(tmp_path / "m")
    chainfit.load(tmp_path / "m")
    assert peak_of_load(tmp_path / "m", None) < 1.2 * os.path.getsize(tmp_path / "m")


def test_what_cannot_be_loaded_is_not_saved(good, tmp_path):
    path = tmp_path / "m"
    path.write_bytes(edited(good["texts"], labelled([*SHORT, LONG[:500]])))
    model = chainfit.load(path)
    model.classes_ = model.classes_.astype("<U20000")
    model.save(path)  # a width that no label needs isn't kept
    assert chainfit.load(path).classes_.dtype == np.dtype("<U500")
    before = path.read_bytes()
    model.classes_[-1] = "x" * 20_000
    with pytest.raises(ModelFileError, match=r"cannot save .* labels of dtype str, not object"):
        model.save(path)
    assert path.read_bytes() == before
    model.classes_ = model.classes_.astype(object)
    model.save(path)
    assert chainfit.load(path).classes_.tolist() == model.classes_.tolist()


_LIMITED = """
import resource, sys, chainfit
from chainfit import load
path, factor, allowance = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for name in ("warm", path):
    if name == path:
        with open("/proc/self/statm") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
        size = len(open(path, "rb").read())
        resource.setrlimit(resource.RLIMIT_AS, (now + factor * size + allowance,) * 2)
    try:
        load(name)
    except MemoryError:
        sys.exit("MemoryError")
    except (chainfit.ModelFileError, OSError) as error:
        print(str(error)[:200])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts pages as Linux does")
def test_the_bound_holds_for_a_process(good, tmp_path):
    """A 1 MB file with one long label, which asked for 4 GB, in the space that it is due."""
    path = tmp_path / "m"
    path.write_bytes(edited(good["texts"], labelled([*SHORT, LONG])))
    command = [sys.executable, "-c", _LIMITED, str(path), str(FACTOR), str(ALLOWANCE)]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "labels of dtype str, not object, would take" in run.stdout


def test_deep_nesting_does_not_reach_the_parser(tmp_path):
    """With a high recursion limit the parser would overflow the stack: in a process of its own."""
    deep = {
        "header": with_header('{"a":' * 10**6),
        "lists": header_of("[" * 10**6),
        "settings": document_of("[" * 10**6),
        "closed": header_of("[" * 200_000 + "]" * 200_000),
    }
    code = (
        "import sys, chainfit\n"
        "sys.setrecursionlimit(10**6)\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n"
        "        chainfit.load(name)\n"
        "    except chainfit.ModelFileError as error:\n"
        "        print(error)\n"
    )
    for name, raw in deep.items():
        (tmp_path / name).write_bytes(raw)
    command = [sys.executable, "-c", code, *deep]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.returncode
    assert len(run.stdout.splitlines()) == len(deep)
    assert run.stdout.count("nested too deeply") + run.stdout.count("objects and lists") == 4


@pytest.mark.parametrize("name", ["max_iter", "max_fun", "batch_size", "n_threads"])
def test_the_largest_parameters_can_be_used(name, tmp_path):
    """They are the user's, may be huge, and lead to no allocation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPClassifier((3,), max_iter=2, random_state=0).fit(X, IRIS)
        model.set_params(**{name: 2**63 - 1}).save(tmp_path / "m")
        loaded = chainfit.load(tmp_path / "m")
        loaded.partial_fit(X, IRIS)
        assert (loaded.predict(X) == model.partial_fit(X, IRIS).predict(X)).all()


def test_the_largest_counters_can_be_counted_on(good, tmp_path):
    def edit(settings, tensors):
        settings["training"].update(t=2**53, n_iter=2**53, no_improvement_count=2**53)
        settings["optimizer"]["steps"] = 2**53

    (tmp_path / "m").write_bytes(edited(good["integers"], edit))
    model = chainfit.load(tmp_path / "m")
    model.partial_fit(X, IRIS)
    assert model.t_ == 2**53 + len(X)
    assert np.isfinite(model.predict_proba(X)).all()
