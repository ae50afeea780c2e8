"""Model files that are not whole and sane: each is refused, and the message names the fault.

Most of this is two tables, of edited settings and of damaged bytes: one line or two for a file.
"""

from __future__ import annotations

import copy
import io
import json
import math
import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris

import chainfit
from chainfit import MLPClassifier, MLPRegressor, ModelFileError
from chainfit._files.model import digest
from chainfit._files.safetensors import encode
from chainfit._tables.cells.target import Target
from chainfit._tables.classifier import TabularClassifier
from chainfit._tables.files.dialect import Dialect
from chainfit._tables.regressor import TabularRegressor

pytestmark = pytest.mark.filterwarnings("ignore:X does not have valid feature names")

X, IRIS = load_iris(return_X_y=True)
SEVERAL = np.c_[IRIS, 9 * (X[:, 0] > 6)]
FRAME = pd.DataFrame(X, columns=["a", "b", "c", "d"])
TABLE = FRAME[["b", "c", "d"]].assign(
    kind=np.array(["u", "v", "w"])[IRIS],
    yes=IRIS == 1,
    day=pd.date_range("2024-01-01", periods=150),
)
SMALL = {"n_nets": 2, "n_bins": 3, "hidden_layer_sizes": (4,), "max_iter": 2}


def _good(folder: Path) -> dict[str, bytes]:
    """Make whole files of several kinds of models."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = {
            "classifier": MLPClassifier((5, 4), max_iter=3, random_state=0).fit(FRAME, IRIS),
            "strings": MLPClassifier((5,), max_iter=3, random_state=0).fit(
                X, np.array(["x", "y", "z"])[IRIS]
            ),
            "booleans": MLPClassifier((3,), max_iter=3, random_state=0).fit(X, IRIS == 0),
            "regressor": MLPRegressor(
                hidden_layer_sizes=(5,), max_iter=3, random_state=np.random.RandomState(1)
            ).fit(X, X[:, 0]),
            "sgd": MLPClassifier((5,), max_iter=3, solver="sgd", random_state=0).fit(X, IRIS),
            "table": TabularRegressor(
                **SMALL, drop=["c"], random_state=np.random.RandomState(2)
            ).fit(TABLE, X[:, 0]),
            "several": MLPClassifier(
                (3,), early_stopping=True, class_weight=[{0: 1, 1: 2, 2: 1}, {0: 1, 9: 3}]
            ).partial_fit(X, SEVERAL, classes=[[0, 1, 2], [0, 9]], X_val=X, y_val=SEVERAL),
            "table of classes": TabularClassifier(**SMALL, random_state=0).fit(FRAME, IRIS),
        }
        with_target = models["table of classes"]
        with_target.target_ = Target("iris", "classification", (0, 1, 2))
        with_target.dialect_ = Dialect()
    files = {
        f"old {name}": (
            Path(__file__).with_name("files") / f"table_{word}.safetensors"
        ).read_bytes()
        for name, word in (("table", "numbers"), ("table of classes", "classes"))
    }
    for name, model in models.items():
        model.save(folder / name)
        files[name] = (folder / name).read_bytes()
    return files


@pytest.fixture(scope="session")
def good(tmp_path_factory):
    return _good(tmp_path_factory.mktemp("good"))


class Parts:
    """A file taken apart, to be edited and put together again."""

    def __init__(self, raw: bytes) -> None:
        length = int.from_bytes(raw[:8], "little")
        self.header = json.loads(raw[8 : 8 + length])
        self.data = raw[8 + length :]
        self.metadata = self.header.pop("__metadata__")
        self.document = json.loads(self.metadata["chainfit"])
        self.settings = self.document["settings"]
        self.parameters = self.settings.get("parameters", {})
        self.tensors = {}
        kinds = {"F32": "f4", "F64": "f8", "I64": "i8", "U32": "u4", "BOOL": "?"}
        for name, entry in self.header.items():
            begin, end = entry["data_offsets"]
            array = np.frombuffer(self.data[begin:end], kinds[entry["dtype"]])
            self.tensors[name] = array.reshape(entry["shape"]).copy()

    def raw(self) -> bytes:
        """Put together by the safetensors library, with a right digest."""
        if isinstance(self.document, dict) and "digest" in self.document:
            self.document["digest"] = digest(self.document, self.tensors)
        self.metadata["chainfit"] = json.dumps(self.document)
        return encode(self.metadata, self.tensors)

    def raw_header(self) -> bytes:
        """Put together as the header says, whatever it says."""
        return with_header(json.dumps({"__metadata__": self.metadata, **self.header}), self.data)


def with_header(text: str | bytes, data: bytes) -> bytes:
    head = text.encode() if isinstance(text, str) else text
    return len(head).to_bytes(8, "little") + head + data


def put(path: str, value):
    """Make an edit that sets one entry of the document, 'settings.training.t' for example."""

    def edit(parts: Parts) -> None:
        *way, last = path.split(".")
        place = parts.document
        for key in way:
            place = place[int(key)] if isinstance(place, list) else place[key]
        place[last] = value

    return edit


def drop(path: str):
    def edit(parts: Parts) -> None:
        *way, last = path.split(".")
        place = parts.document
        for key in way:
            place = place[int(key)] if isinstance(place, list) else place[key]
        del place[last]

    return edit


def tensor(name: str, change):
    """Make an edit that replaces one tensor by ``change(array)``; None removes it."""

    def edit(parts: Parts) -> None:
        array = change(parts.tensors.pop(name, None))
        if array is not None:
            parts.tensors[name] = array

    return edit


def first(value):
    """Set the first element."""

    def change(array):
        array.reshape(-1)[0] = value
        return array

    return change


S = "settings."
P = "settings.parameters."
OPT = "settings.optimizer."
#: name: (file, edit, what the message says)
EDITS = {
    # several classifications, weights of classes, the record of epochs
    "columns no list": ("several", put(S + "classes.columns", 3), "'columns' must be a list"),
    "column no object": (
        "several",
        lambda parts: parts.settings["classes"].update(columns=[3, 3]),
        "classes must be a JSON object",
    ),
    "one column": (
        "several",
        lambda parts: (
            parts.settings["classes"]["columns"].pop(),
            parts.tensors.pop("classes.1"),
        ),
        "classes of 1 columns disagree with 5 outputs",
    ),
    "classes of a column": (
        "several",
        tensor("classes.1", lambda a: None),
        "'classes.1' is missing",
    ),
    "column not sorted": ("several", tensor("classes.0", lambda a: a[::-1].copy()), "be sorted"),
    "column unknown entry": ("several", put(S + "classes.columns.0.more", 1), "unknown entries"),
    "class weight no pair": (
        "several",
        put(P + "class_weight", {"list of dict": [[[0, 1, 2]]]}),
        "pairs of a key and a number",
    ),
    "class weight of a list": (
        "several",
        put(P + "class_weight", {"dict": [[[0], 1]]}),
        "pairs of a key and a number",
    ),
    "class weight no number": (
        "several",
        put(P + "class_weight", {"dict": [[0, "1"]]}),
        "pairs of a key and a number",
    ),
    "record too short": ("several", put(S + "training.epochs", 2), r"must have shape \(2\)"),
    "record negative": ("several", put(S + "training.epochs", -1), "'epochs' must be an integer"),
    "best weights missing": (
        "several",
        tensor("best.coefs.0", lambda a: None),
        "'best.coefs.0' is missing",
    ),
    "best weights no flag": ("several", put(S + "training.best", 1), "'best' must be true or"),
    "scoring unknown": ("several", put(P + "scoring", "luck"), "'scoring' parameter"),
    "callbacks": ("several", put(P + "callbacks", {"list": [1]}), "a list of functions"),
    # tensors
    "tensor missing": ("classifier", tensor("coefs.1", lambda a: None), "'coefs.1' is missing"),
    "slot missing": (
        "classifier",
        tensor("slots.1.intercepts.0", lambda a: None),
        "'slots.1.intercepts.0' is missing",
    ),
    "tensor too many": ("classifier", tensor("coefs.7", lambda a: np.ones(3)), "unknown .*coefs.7"),
    "slot too many": (
        "sgd",
        tensor("slots.1.coefs.0", lambda a: np.ones((4, 5))),
        "unknown tensors 'slots.1.coefs.0'",
    ),
    "weights transposed": (
        "classifier",
        tensor("coefs.0", lambda a: a.T.copy()),
        r"'coefs.0' must have shape \(4, 5\) .*got \(5, 4\)",
    ),
    "bias two-dimensional": (
        "classifier",
        tensor("intercepts.0", lambda a: a[None]),
        r"'intercepts.0' must have shape \(5\)",
    ),
    "weights of another dtype": (
        "classifier",
        tensor("coefs.0", lambda a: a.astype(np.float32)),
        "'coefs.0' must be float64, got float32",
    ),
    "weights of integers": (
        "classifier",
        tensor("coefs.0", lambda a: a.astype(np.int64)),
        "'coefs.0' must be float64, got int64",
    ),
    "NaN weight": ("classifier", tensor("coefs.1", first(np.nan)), "'coefs.1' holds NaN"),
    "infinite bias": (
        "classifier",
        tensor("intercepts.1", first(-np.inf)),
        "'intercepts.1' holds NaN or infinity",
    ),
    "NaN slot": (
        "classifier",
        tensor("slots.0.coefs.0", first(np.nan)),
        "'slots.0.coefs.0' holds NaN",
    ),
    "negative second moment": (
        "classifier",
        tensor("slots.1.coefs.0", first(-1.0)),
        "second moments must not be negative",
    ),
    "loss curve longer": (
        "classifier",
        put(S + "training.loss_curve", 4),
        r"'loss_curve' must have shape \(4\)",
    ),
    "loss curve without tensor": (
        "classifier",
        tensor("loss_curve", lambda a: None),
        "'loss_curve' is missing",
    ),
    # the net's settings
    "hidden sizes disagree": (
        "classifier",
        put(P + "hidden_layer_sizes", {"tuple": [5, 5]}),
        r"hidden_layer_sizes=\(5, 5\) disagrees with layers of \[4, 5, 4, 3\] units",
    ),
    "hidden sizes without a type": (
        "classifier",
        put(P + "hidden_layer_sizes", [5, 4]),
        "'hidden_layer_sizes' must be a JSON object",
    ),
    "hidden sizes not whole": (
        "classifier",
        put(P + "hidden_layer_sizes", {"tuple": [5, 4.0]}),
        "'tuple' must be a list of integers",
    ),
    "units too few": ("classifier", put(S + "units", [4]), "must be .features,"),
    "units disagree with weights": (
        "classifier",
        put(S + "units", [4, 5, 4, 2]),
        r"'coefs.2' must have shape \(4, 2\)",
    ),
    "units huge": (
        "classifier",
        put(S + "units", [10**30, 5, 4, 3]),
        "'units' must be a list of integers from 1",
    ),
    "units of true": ("classifier", put(S + "units", [4, 5, 4, True]), "'units' must be a list"),
    "units missing": ("classifier", drop(S + "units"), "'units' is missing"),
    "dtype unknown": ("classifier", put(S + "dtype", "float16"), "'dtype' must be one of"),
    "dtype disagrees": ("classifier", put(S + "dtype", "float32"), "must be float32, got float64"),
    "output activation wrong": (
        "classifier",
        put(S + "out_activation", "logistic"),
        "'out_activation' must be one of 'softmax'",
    ),
    "feature names too few": (
        "classifier",
        put(S + "feature_names", ["a"]),
        "feature_names has 1 names, units say 4",
    ),
    "feature names no strings": (
        "classifier",
        put(S + "feature_names", ["a", "b", "c", 4]),
        "'feature_names' must be a list of strings",
    ),
    "entry unknown": ("classifier", put(S + "colour", 1), "unknown entries 'colour'"),
    # parameters
    "activation unknown": (
        "classifier",
        put(P + "activation", "sine"),
        "'activation' parameter .* must be a str among .*relu.* Got 'sine'",
    ),
    "solver unknown": ("classifier", put(P + "solver", "magic"), "'solver' parameter"),
    "precision unknown": ("classifier", put(P + "precision", "int8"), "'precision' parameter"),
    "precision disagrees": (
        "classifier",
        put(P + "precision", "float32"),
        "precision='float32' disagrees",
    ),
    "alpha negative": ("classifier", put(P + "alpha", -1e-4), "'alpha' parameter"),
    "alpha true": ("classifier", put(P + "alpha", True), "'alpha' must not be true or false"),
    "alpha text": ("classifier", put(P + "alpha", "0.1"), "'alpha' parameter"),
    "alpha null": ("classifier", put(P + "alpha", None), "'alpha' parameter"),
    "alpha of NaN": ("classifier", put(P + "alpha", {"float": "nan"}), "'float' must be one of"),
    "max_iter fractional": ("classifier", put(P + "max_iter", 3.0), "'max_iter' parameter"),
    "max_iter huge": ("classifier", put(P + "max_iter", 2**70), "'max_iter' does not fit"),
    "shuffle a number": ("classifier", put(P + "shuffle", 1), "'shuffle' parameter"),
    "batch size zero": ("classifier", put(P + "batch_size", 0), "'batch_size' parameter"),
    "parameter missing": ("classifier", drop(P + "beta_2"), "'beta_2' is missing"),
    "parameter unknown": ("classifier", put(P + "dropin", 0.5), "unknown entries 'dropin'"),
    "parameters no object": ("classifier", put("settings.parameters", []), "must be a JSON object"),
    "parameter of unknown type": (
        "classifier",
        put(P + "random_state", {"code": "os"}),
        "'array' is missing",
    ),
    "seed negative": ("classifier", put(P + "random_state", -1), "'random_state' parameter"),
    "generator position": (
        "regressor",
        put(P + "random_state.RandomState.pos", 625),
        "'pos' must be an integer from 0 to 624",
    ),
    "generator key short": (
        "regressor",
        tensor("random_state.key", lambda a: a[:-1]),
        r"'random_state.key' must have shape \(624\)",
    ),
    "generator key zero": (
        "regressor",
        tensor("random_state.key", lambda a: a * 0),
        "key is all zero",
    ),
    # classes
    "classes unsorted": (
        "classifier",
        tensor("classes", lambda a: a[::-1].copy()),
        "classes must be sorted, each once",
    ),
    "classes not unique": (
        "classifier",
        tensor("classes", lambda a: np.array([0, 0, 1])),
        "classes must be sorted, each once",
    ),
    "classes too many": (
        "classifier",
        tensor("classes", lambda a: np.arange(4)),
        "4 classes of a multiclass target disagree with 3 outputs",
    ),
    "classes of NaN": (
        "classifier",
        lambda parts: (
            put(S + "classes.dtype", "float64")(parts),
            tensor("classes", lambda a: np.array([0, 1, np.nan]))(parts),
        ),
        "'classes' holds NaN",
    ),
    "classes null": ("classifier", put("settings.classes", None), "classes must not be null"),
    "classes of a regressor": (
        "regressor",
        put(
            "settings.classes",
            {"target": "binary", "sparse": False, "dtype": "str", "labels": ["a", "b"]},
        ),
        "classes must be null for a regressor",
    ),
    "class names unsorted": (
        "strings",
        put(S + "classes.labels", ["x", "z", "y"]),
        "classes must be sorted",
    ),
    "class names no strings": (
        "strings",
        put(S + "classes.labels", ["x", "y", 3]),
        "'labels' must be a list of strings",
    ),
    "class names none": ("strings", put(S + "classes.labels", []), "must not be empty"),
    "class dtype unknown": (
        "classifier",
        put(S + "classes.dtype", "complex64"),
        "'dtype' must be one of",
    ),
    "target unknown": ("classifier", put(S + "classes.target", "ranks"), "'target' must be one of"),
    "target disagrees": (
        "classifier",
        put(S + "classes.target", "binary"),
        "3 classes of a binary target disagree with 3 outputs",
    ),
    "classes sparse": (
        "classifier",
        put(S + "classes.sparse", True),
        "a multiclass target must not be sparse",
    ),
    "class names sparse": (
        "strings",
        put(S + "classes.sparse", True),
        "a multiclass target must not be sparse",
    ),
    "class names of a multilabel target": (
        "strings",
        lambda parts: parts.settings.update(
            out_activation="logistic",
            classes={**parts.settings["classes"], "target": "multilabel-indicator"},
        ),
        "classes of a multilabel-indicator target must be its columns' numbers",
    ),
    "classes of a multilabel target from 1": (
        "classifier",
        lambda parts: (
            put(S + "classes.target", "multilabel-indicator")(parts),
            put(S + "out_activation", "logistic")(parts),
            tensor("classes", lambda a: a + 1)(parts),
        ),
        "must be its columns' numbers",
    ),
    # training record
    "n_iter negative": ("classifier", put(S + "training.n_iter", -1), "'n_iter' must be an int"),
    "n_iter fractional": ("classifier", put(S + "training.n_iter", 3.5), "'n_iter' must be"),
    "t true": ("classifier", put(S + "training.t", True), "'t' must be an integer"),
    "t huge": ("classifier", put(S + "training.t", 2**64), "'t' must be an integer"),
    "t that would overflow": (
        "classifier",
        put(S + "training.t", 2**63 - 1),
        "'t' must be an integer from 0 to 9007199254740992",
    ),
    "n_iter that would overflow": (
        "classifier",
        put(S + "training.n_iter", 2**63 - 1),
        "'n_iter' must be an integer from 0 to",
    ),
    "count that would overflow": (
        "classifier",
        put(S + "training.no_improvement_count", 2**63 - 1),
        "'no_improvement_count' must be an integer from 0 to",
    ),
    "steps that would overflow": (
        "classifier",
        put(OPT + "steps", 2**63 - 1),
        "'steps' must be an integer from 0 to",
    ),
    "t missing": ("classifier", drop(S + "training.t"), "'t' is missing"),
    "loss a word": ("classifier", put(S + "training.loss", "big"), "'loss' must be a number"),
    "count negative": (
        "classifier",
        put(S + "training.no_improvement_count", -2),
        "'no_improvement_count' must be",
    ),
    # optimizer
    "optimizer unknown": (
        "classifier",
        put(OPT + "name", "lion"),
        "'name' must be one of .*'adam'",
    ),
    "optimizer another": ("classifier", put(OPT + "name", "nesterov"), "'nesterov' has 1 slots"),
    "slots negative": ("classifier", put(OPT + "slots", -1), "'slots' must be an integer"),
    "dropout's seed negative": ("classifier", put(OPT + "seed", -1), "'seed' must be an integer"),
    "no batches": ("classifier", put(OPT + "batches", 0), "'batches' must be an integer"),
    "raw weights missing": ("classifier", put(OPT + "raw", True), "'raw.coefs.0' is missing"),
    "slots none": ("classifier", put(OPT + "slots", 0), "'adam' has 2 slots, got 0"),
    "eta infinite": ("classifier", put(OPT + "eta", "inf"), "'eta' must be a finite number"),
    "eta negative": ("classifier", put(OPT + "eta", -0.1), "'eta' must not be negative"),
    "steps negative": ("classifier", put(OPT + "steps", -3), "'steps' must be an integer from 0"),
    "optimizer setting missing": (
        "classifier",
        drop(OPT + "settings.beta_1"),
        "must be learning_rate, .*beta_1",
    ),
    "optimizer setting wrong": (
        "classifier",
        put(OPT + "settings.beta_1", 1.5),
        "'beta_1' parameter",
    ),
    "optimizer setting unknown": (
        "sgd",
        put(OPT + "settings.omega", 1.5),
        "unknown entries 'omega'",
    ),
    # the document
    "kind unknown": ("classifier", put("kind", "Transformer"), "'kind' must be one of"),
    "kind another": ("regressor", put("kind", "MLPClassifier"), "unknown entries .*'quantile'"),
    "version newer": ("classifier", put("format_version", 3), "format version 3; .*upgrade"),
    "version text": ("classifier", put("format_version", "1"), "'format_version' must be an int"),
    "version zero": ("classifier", put("format_version", 0), "'format_version' must be an int"),
    "version missing": ("classifier", drop("format_version"), "'format_version' is missing"),
    "settings missing": ("classifier", drop("settings"), "'settings' is missing"),
    "settings a list": ("classifier", put("settings", [1]), "settings must be a JSON object"),
    "digest missing": ("classifier", drop("digest"), "'digest' is missing"),
    "document entry unknown": ("classifier", put("author", "me"), "unknown entries 'author'"),
    "metadata entry unknown": (
        "classifier",
        lambda parts: parts.metadata.update(format="pt"),
        "metadata: unknown entries .'format'.",
    ),
    # tables of 0.1.0
    "old scale zero": ("old table", put("settings.columns.0.scale", 0), "'scale' must be positive"),
    "old mean text": ("old table", put("settings.columns.0.mean", "x"), "'mean' must be a finite"),
    "old column missing": (
        "old table",
        lambda parts: parts.settings["columns"].pop(1),
        "columns make 11 features, a net has 12 inputs",
    ),
    "old column twice": (
        "old table",
        lambda parts: parts.settings["columns"].append(parts.settings["columns"][0]),
        "their names must differ",
    ),
    "old column of unknown kind": (
        "old table",
        put("settings.columns.0.kind", "image"),
        "'kind' must be one of 'number'",
    ),
    "old column with more": (
        "old table",
        put("settings.columns.0.x", 1),
        "column 'size': unknown entries",
    ),
    "old levels twice": (
        "old table",
        put("settings.columns.3.levels", ["u", "u"]),
        "'levels' must differ",
    ),
    "old target scale": ("old table", put("settings.target.scale", -1), "must be positive"),
    "old task disagrees": (
        "old table",
        put("settings.task", "classification"),
        "'classification' disagrees with a net MLPRegressor",
    ),
    "old net of unknown kind": (
        "old table",
        put("settings.net.kind", "TableModel"),
        "'kind' must be one of 'MLPClassifier', 'MLPRegressor'",
    ),
    "old net of several targets": (
        "old table of classes",
        lambda parts: (
            put("settings.net.settings.classes.target", "multilabel-indicator")(parts),
            parts.settings["net"]["settings"]["units"].__setitem__(2, 2),
            tensor("net.classes", lambda classes: np.arange(2))(parts),
            tensor("net.coefs.1", lambda W: np.repeat(W, 2, 1))(parts),
            tensor("net.intercepts.1", lambda b: np.repeat(b, 2))(parts),
            put("settings.net.settings.optimizer", None)(parts),
            [parts.tensors.pop(name) for name in [*parts.tensors] if ".slots." in name],
        ),
        "a net has 11 inputs and 2 outputs",
    ),
    "old net broken": ("old table", tensor("net.coefs.0", first(np.inf)), "'coefs.0' holds NaN"),
    "old parameter of another net": (
        "old table",
        put("settings.parameters.layers", 3),
        "MLPRegressor has no .'layers'.",
    ),
    "old parameter wrong": (
        "old table",
        put("settings.parameters.alpha", -1),
        "'alpha' parameter",
    ),
    "old parameter misplaced": (
        "old table",
        put("settings.parameters.task", "auto"),
        "parameters must be a JSON object of the net's own",
    ),
    # tables
    "table parameter wrong": ("table", put("settings.parameters.n_nets", 0), "'n_nets' parameter"),
    "table parameter unknown": (
        "table",
        put("settings.parameters.layers", 3),
        "parameters: unknown entries 'layers'",
    ),
    "table words no words": (
        "table",
        put("settings.parameters.drop", {"list": [1]}),
        "'drop' must hold strings",
    ),
    "table random state broken": (
        "table",
        tensor("parameters.random_state.key", lambda _: None),
        "'random_state.key' is missing",
    ),
    "table names": (
        "table",
        put("settings.feature_names", ["b", "b", "c", "d", "e", "f"]),
        "'feature_names' must be 6 that differ",
    ),
    "table columns": (
        "table",
        lambda parts: parts.settings["schema"]["columns"].pop(),
        "'schema' has 5 columns, 'n_features' is 6",
    ),
    "schema broken": (
        "table",
        put("settings.schema.columns.0.kind", "image"),
        "'kind' must be one",
    ),
    "schema of other columns": (
        "table",
        put("settings.schema.columns.0.name", "other"),
        "encoding: column 'other': 'name' must be one of 'other'",
    ),
    "encoding short": (
        "table",
        lambda parts: parts.settings["encoding"].pop(),
        "encoding: 4 entries for 5 columns",
    ),
    "encoding with more": ("table", put("settings.encoding.0.x", 1), "column 'b': unknown entries"),
    "encoding scale": ("table", put("settings.encoding.0.scale", 0), "'scale' must be positive"),
    "encoding scale of nothing": (
        "table",
        put("settings.encoding.0.scale", 1e-310),
        "'scale' must be positive",
    ),
    "encoding limit": ("table", put("settings.encoding.0.limit", 1e9), "'limit' must be positive"),
    "encoding range": ("table", put("settings.encoding.0.low", 99), "between 'low' and 'high'"),
    "encoding mean": ("table", put("settings.encoding.0.mean", "nan"), "'mean' must be a finite"),
    "encoding edges": (
        "table",
        put("settings.encoding.0.edges", [1, 1, 2]),
        "must be finite and ri",
    ),
    "encoding edge of nothing": (
        "table",
        put("settings.encoding.0.edges", [1.0, "inf"]),
        "must be finite and rise",
    ),
    "encoding of another width": (
        "table",
        put("settings.encoding.0.edges", []),
        "features, a net has",
    ),
    "encoding code twice": ("table", put("settings.encoding.2.codes", [0, 0, 1]), "different pl"),
    "encoding code beyond": (
        "table",
        put("settings.encoding.2.codes", [0, 1, 3]),
        "among 3 levels",
    ),
    "encoding fill": ("table", put("settings.encoding.3.fill", 1), "'fill' must be true or false"),
    "table rows": ("table", put("settings.n_rows", 0), "'n_rows' must be an integer"),
    "no nets": ("table", put("settings.nets", []), "there are 0 nets"),
    "net lost": ("table", lambda parts: parts.settings["nets"].pop(), "unknown tensors 'nets.1."),
    "nets that differ": (
        "table",
        lambda parts: (
            put("settings.nets.1.dtype", "float64")(parts),
            put("settings.nets.1.parameters.precision", "float64")(parts),
            [
                parts.tensors.update({name: parts.tensors[name].astype(np.float64)})
                for name in parts.tensors
                if name.startswith("nets.1.") and parts.tensors[name].dtype == np.float32
            ],
        ),
        "nets must agree in outputs, classes and dtype",
    ),
    "table net broken": ("table", tensor("nets.1.coefs.0", first(np.nan)), "'coefs.0' holds NaN"),
    "target scale": ("table", put("settings.scaled.scale", 0), "'scale' must be positive"),
    "target range": ("table", put("settings.scaled.range", [2, 1]), "finite numbers that rise"),
    "target range of one": ("table", put("settings.scaled.range", [2]), "finite numbers that rise"),
    "target range open": (
        "table",
        put("settings.scaled.range", [0, "inf"]),
        "finite numbers that rise",
    ),
    "temperature": (
        "table of classes",
        put("settings.temperature", 0),
        "'temperature' must be positive",
    ),
    "target of another task": (
        "table of classes",
        lambda parts: parts.settings["target"].update(task="regression", classes=[]),
        "a target of regression disagrees with classification",
    ),
    "target of other classes": (
        "table of classes",
        put("settings.target.classes", [0, 1]),
        "classes .0, 1. are not those of the nets",
    ),
    "dialect": ("table of classes", put("settings.dialect.delimiter", ""), "single characters"),
}


def assert_refused(raw: bytes, text: str, folder: Path) -> None:
    path = folder / "bad.safetensors"
    path.write_bytes(raw)
    with pytest.raises(ModelFileError, match=text) as caught:
        chainfit.load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and len(message.splitlines()) == 1
    assert len(message) < len(str(path)) + 400


@pytest.mark.parametrize("name", EDITS)
def test_edited_file_is_refused(name, good, tmp_path):
    file, edit, text = EDITS[name]
    parts = Parts(good[file])
    edit(parts)
    assert_refused(parts.raw(), text, tmp_path)


def test_unedited_parts_make_a_good_file(good, tmp_path):
    for raw in good.values():
        (tmp_path / "m").write_bytes(Parts(raw).raw())
        chainfit.load(tmp_path / "m")
        (tmp_path / "m").write_bytes(Parts(raw).raw_header())
        chainfit.load(tmp_path / "m")


def document_text(change):
    """Make an edit of the document's JSON text."""

    def edit(raw: bytes) -> bytes:
        parts = Parts(raw)
        parts.metadata["chainfit"] = change(parts.metadata["chainfit"])
        return parts.raw_header()

    return edit


def header_entry(change):
    """Make an edit of the header: ``change(header)``."""

    def edit(raw: bytes) -> bytes:
        parts = Parts(raw)
        change(parts.header)
        return parts.raw_header()

    return edit


def alias(header):
    header["coefs.1"] = copy.deepcopy(header["coefs.1"])
    header["again"] = copy.deepcopy(header["coefs.1"])


def gap(header):
    last = max(header.values(), key=lambda entry: entry["data_offsets"])
    last["data_offsets"] = [n + 8 for n in last["data_offsets"]]


def flip(raw: bytes) -> bytes:
    return raw[:-5] + bytes([raw[-5] ^ 1]) + raw[-4:]


def bytes_of(write) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


#: name: (edit of a good file's bytes, what the message says)
RAW = {
    "empty": (lambda raw: b"", "not a safetensors file: it is empty; a model is what"),
    "seven bytes": (lambda raw: raw[:7], "it has only 7 bytes"),
    "header only begun": (lambda raw: raw[:200], "truncated or not a safetensors file"),
    "one byte short": (lambda raw: raw[:-1], "the file is truncated: its header describes"),
    "half": (lambda raw: raw[: len(raw) // 2], "truncated"),
    "one byte more": (lambda raw: raw + b"\0", "followed by extra bytes"),
    "twice": (lambda raw: raw + raw, "followed by extra bytes"),
    "weight bit flipped": (flip, "do not match their digest"),
    "header length huge": (lambda raw: b"\xff" * 8 + raw[8:], "truncated or not a safetensors"),
    "header length zero": (lambda raw: bytes(8) + raw[8:], "does not begin with '{'"),
    "header no UTF-8": (lambda raw: with_header(b'{"\xff": 1}', b""), "is not UTF-8"),
    "header no JSON": (lambda raw: with_header("{" * 10, b""), "header is not valid JSON"),
    "header deep": (lambda raw: with_header('{"a":' * 17, b""), "header: .* nested too deeply: 17"),
    "header a list": (lambda raw: with_header(' [{"a": 1}]', b""), "does not begin with"),
    "header key twice": (
        lambda raw: with_header('{"__metadata__":{},"__metadata__":{}}', b""),
        "header: key '__metadata__' appears twice",
    ),
    "metadata no strings": (
        lambda raw: with_header('{"__metadata__":{"chainfit":1}}', b""),
        "must map strings to strings",
    ),
    "tensors aliased": (header_entry(alias), "header: tensor .* overlaps another tensor"),
    "gap between tensors": (header_entry(gap), "leaves a gap before it"),
    "offsets reversed": (
        header_entry(lambda h: h["coefs.0"]["data_offsets"].reverse()),
        "'coefs.0' of shape .* its data_offsets .* differ",
    ),
    "offsets of text": (
        header_entry(lambda h: h["coefs.0"].update(data_offsets="0")),
        r"has data_offsets '0', must be \[begin, end\]",
    ),
    "shape negative": (
        header_entry(lambda h: h["coefs.0"].update(shape=[-4, -5])),
        r"'coefs.0' has shape \[-4, -5\]",
    ),
    "shape overflowing": (
        header_entry(lambda h: h["coefs.0"].update(shape=[2**40, 2**40])),
        r"'coefs.0' of shape \[1099511627776, 1099511627776\] .* needs",
    ),
    "shape of 10**50": (header_entry(lambda h: h["coefs.0"].update(shape=[10**50])), "has shape"),
    "shape of true": (header_entry(lambda h: h["classes"].update(shape=[True])), "has shape"),
    "shape three-dimensional": (
        header_entry(lambda h: h["coefs.0"].update(shape=[4, 5, 1])),
        "at most two sizes",
    ),
    "tensor of bfloat16": (
        header_entry(lambda h: h["coefs.0"].update(dtype="BF16")),
        "'coefs.0' has dtype 'BF16'",
    ),
    "tensor with more": (
        header_entry(lambda h: h["coefs.0"].update(strides=[8])),
        "'coefs.0' must have exactly 'dtype', 'shape' and 'data_offsets'",
    ),
    "tensor a number": (header_entry(lambda h: h.update(x=3)), "tensor 'x' must have exactly"),
    "no chainfit file": (
        lambda raw: encode({"format": "pt"}, {"weight": np.ones(3)}),
        "not a chainfit model: its metadata lacks 'chainfit', it has .'format'.",
    ),
    "no metadata": (lambda raw: encode({}, {"weight": np.ones(3)}), "not a chainfit model"),
    "document no JSON": (document_text(lambda text: text[:-1]), "settings is not valid JSON"),
    "document a list": (document_text(lambda text: "[1]"), "metadata must be a JSON object"),
    "document key twice": (
        document_text(lambda text: text.replace('"kind":', '"format_version":1,"kind":', 1)),
        "key 'format_version' appears twice",
    ),
    "document with NaN": (
        document_text(lambda text: text.replace('"alpha":0.0001', '"alpha":NaN', 1)),
        "NaN is no JSON number",
    ),
    "document with 5,000 digits": (
        document_text(lambda text: text.replace('"alpha":0.0001', '"alpha":' + "9" * 5000, 1)),
        "not valid JSON|digest",
    ),
    "document deep": (
        document_text(lambda text: text.replace('"settings":{', '"settings":' + '{"a":' * 50)),
        "settings: its JSON is nested too deeply: 102 levels",
    ),
    "document edited": (
        document_text(lambda text: text.replace('"alpha":0.0001', '"alpha":0.001', 1)),
        "do not match their digest",
    ),
    "pickle": (lambda raw: pickle.dumps({"a": 1}), "it is a pickle"),
    "npz": (lambda raw: bytes_of(lambda f: np.savez(f, a=np.ones(9))), "it is a zip archive"),
    "npy": (lambda raw: bytes_of(lambda f: np.save(f, np.ones(9))), "it is a NumPy .npy file"),
    "text": (lambda raw: b"carat,price\n" * 50, "file: it is text, such as a CSV table"),
    "zeros": (lambda raw: bytes(5000), "does not begin with '{'"),
}


@pytest.mark.parametrize("name", RAW)
def test_foreign_or_damaged_bytes_are_refused(name, good, tmp_path):
    edit, text = RAW[name]
    assert_refused(edit(good["classifier"]), text, tmp_path)


def test_number_beyond_floats_is_refused(good, tmp_path):
    # JSON's own numbers have no bound: 1e999 is infinity to the parser.
    parts = Parts(good["classifier"])
    parts.settings["optimizer"]["eta"] = math.inf
    raw = parts.raw().replace(b"Infinity", b"1e999   "[:8])
    assert_refused(raw, "'eta' must be a finite number, got inf", tmp_path)


def test_bytes_that_are_no_booleans_are_refused(good, tmp_path):
    parts = Parts(good["booleans"])
    begin, end = parts.header["classes"]["data_offsets"]
    parts.data = parts.data[:begin] + b"\0\2" + parts.data[end:]
    assert_refused(parts.raw_header(), "'classes' holds bytes that are no booleans", tmp_path)


def check_any(raw: bytes, path: Path) -> None:
    """Whatever the bytes: a ModelFileError, or a model that predicts finite numbers."""
    path.write_bytes(raw)
    try:
        model = chainfit.load(path)
    except ModelFileError:
        return
    if hasattr(model, "nets_"):
        cells = {"number": 1.5, "date": "2024-01-02", "time": "12:00", "boolean": True}
        columns = model.schema_.used
        out = model._blocks({c.name: [cells.get(c.kind, "u")] * 3 for c in columns} or X[:3])
        out = np.concatenate([net._forward(x) for x in out for net in model.nets_])
        assert len(model.predict({c.name: [cells.get(c.kind, "u")] * 3 for c in columns})) == 3
    else:
        assert len(model.predict(X)) == len(X)
        out = model._forward(X)
    assert np.isfinite(out).all()


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_damage(data, good, tmp_path_factory):
    raw = bytearray(good[data.draw(st.sampled_from(sorted(good)))])
    header = 8 + int.from_bytes(raw[:8], "little")
    for _ in range(data.draw(st.integers(1, 3))):
        where = data.draw(st.integers(0, header - 1) | st.integers(0, len(raw) - 1))
        raw[where] = data.draw(st.integers(0, 255))
    cut = data.draw(st.just(None) | st.integers(0, len(raw)))
    check_any(bytes(raw[:cut]), tmp_path_factory.getbasetemp() / "damaged")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.integers(0, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "inf", "nan", "tanh", "identity", "sgd", "lbfgs", "float32", "auto"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "tuple", "list", "float"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def places(value, way=()):
    """All ways to an entry of parsed JSON."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in entries:
        yield (*way, key)
        if isinstance(inner, (dict, list)):
            yield from places(inner, (*way, key))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_settings(data, good, tmp_path_factory):
    """The same with the digest put right: only the checks of each entry stand in the way."""
    parts = Parts(good[data.draw(st.sampled_from(sorted(good)))])
    for _ in range(data.draw(st.integers(1, 2))):
        *way, last = data.draw(st.sampled_from(list(places(parts.settings))))
        place = parts.settings
        for key in way:
            place = place[key]
        place[last] = data.draw(JSON)
    check_any(parts.raw(), tmp_path_factory.getbasetemp() / "edited")
