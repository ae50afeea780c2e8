"""chainfit export: a saved model as ONNX."""

import numpy as np
import pandas as pd
import pytest

import chainfit
from chainfit._cli.main import main

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def test_export(capsys, trained):
    assert main(["export", str(trained / "iris"), "iris.onnx", "--dtype", "float64"]) == 0
    out, err = capsys.readouterr()
    assert "input 'sepal length (cm)': number, NaN where missing\n" in out
    assert "output 'label': the class that is predicted\n" in out
    assert err == "chainfit: wrote iris.onnx, 0.0 MB\n"
    model = chainfit.load(trained / "iris")
    rows = pd.DataFrame(np.full((2, 4), 3.0), columns=[c.name for c in model.schema_.used])
    session = onnxruntime.InferenceSession("iris.onnx")
    label, p = session.run(None, chainfit.onnx_inputs(model, rows))
    assert (label == model.predict(rows)).all()
    assert abs(p - model.predict_proba(rows)).max() < 1e-6


def test_a_net_is_exported_too(capsys, trained, folder):
    chainfit.load(trained / "d").nets_[0].save("net.safetensors")
    assert main(["export", "net.safetensors"]) == 0
    assert (folder / "net.onnx").exists()
    assert capsys.readouterr().out == "input 'X'\noutput 'variable'\n"


def test_the_model_is_not_overwritten(capsys, trained, folder):
    before = (trained / "iris").read_bytes()
    assert main(["export", str(trained / "iris"), str(trained / "iris")]) == 1
    assert "is the model itself; choose another name" in capsys.readouterr().err
    assert (trained / "iris").read_bytes() == before
    assert main(["export", str(trained / "iris"), "nowhere/iris.onnx"]) == 1
    assert "No such file or directory" in capsys.readouterr().err
    assert main(["export", "missing", "iris.onnx"]) == 1
    assert not list(folder.iterdir())
