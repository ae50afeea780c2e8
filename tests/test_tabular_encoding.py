"""From parsed columns to the nets' inputs: against plain definitions, and whatever the values."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from chainfit._tables.encoding import MAX_DEVIATION, CategoryFeatures, Encoding, learn_encoding

NAN = np.nan


def column(name, kind, levels=()):
    return SimpleNamespace(name=name, kind=kind, levels=tuple(levels))


def learned(values, n_bins=16, kind="number"):
    values = np.asarray(values, dtype=np.float64)
    return learn_encoding([column("x", kind)], {"x": values}, n_bins).columns[0]


def write(features, values, dtype=np.float64):
    return Encoding((features,)).write({features.name: np.asarray(values)}, dtype)


def piecewise_linear(x, edges):
    """Encode as Gorishniy et al. (2022) define it, x being held within the edges."""
    x = min(max(x, edges[0]), edges[-1])
    parts = []
    for low, high in pairwise(edges):
        if x < low:
            parts.append(0.0)
        elif x >= high:
            parts.append(1.0)
        else:
            parts.append((x - low) / (high - low))
    return parts


@pytest.mark.parametrize("n_bins", [2, 3, 8, 16, 50])
def test_bins_are_the_piecewise_linear_encoding(n_bins):
    draw = np.random.RandomState(0)
    values = draw.lognormal(size=301)
    features = learned(values, n_bins)
    assert len(features.edges) == n_bins + 1
    assert features.edges[0] == values.min() and features.edges[-1] == values.max()
    counts = np.histogram(values, features.edges)[0]
    assert counts.min() >= 301 // n_bins - 1 and counts.max() <= 301 // n_bins + 2
    others = np.concatenate([draw.lognormal(size=50), features.edges, [-5.0, 1e9]])
    expected = [piecewise_linear(x, features.edges) for x in others]
    np.testing.assert_allclose(write(features, others)[:, 1:], expected, rtol=0, atol=4e-16)


def test_the_number_itself_is_standardised():
    values = np.random.RandomState(0).normal(3, 5, 400)
    features = learned(values)
    first = write(features, values)[:, 0]
    np.testing.assert_allclose(first, (values - values.mean()) / values.std(), rtol=1e-12)
    assert features.features[0] == "x"
    assert len(features.features) == features.width == 17


def test_few_distinct_values_have_a_bin_between_each():
    features = learned([1, 1, 1, 2, 5, 5, 9])
    assert features.edges == (1, 2, 5, 9)
    assert features.features == ["x", "x in 1 to 2", "x in 2 to 5", "x in 5 to 9"]
    assert write(features, [2.0, 5.0, 7.0])[:, 1:].tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 0.5]]


@pytest.mark.parametrize("values", [[0, 1, 1, 0], [3, 3, 3]])
def test_two_values_need_no_bins(values):
    assert learned(values).edges == ()


@pytest.mark.parametrize("n_bins", [0, 1])
def test_no_bins(n_bins):
    assert learned([1, 2, 3, 4], n_bins).width == 1


def test_names_tell_edges_apart_that_differ_little():
    features = learned([1.0000001, 1.0000002, 1.0000003, 1.0000004])
    assert len(set(features.features)) == features.width == 4


def test_missing_numbers_are_the_median_and_have_a_feature_where_training_had_some():
    features = learned([1, 2, NAN, 3, 10])
    assert features.fill == 2 and features.missing
    assert features.features[-1] == "x is missing"
    found = write(features, [NAN, 2.0])
    np.testing.assert_array_equal(found[0, :-1], found[1, :-1])
    assert found[:, -1].tolist() == [1, 0]
    features = learned([1, 2, 3])
    np.testing.assert_array_equal(*write(features, [NAN, 2.0]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "values",
    [
        [-1.7e308, 1.7e308, 0, 1],
        [1.7e308, 1.7e308, 1.6e308],
        [5e-324, 1e-323, 2e-323, 0],
        [2.2e-308, 3e-308, 4e-308],
        [1e300, 0, 1, 2, 3],
        [1e16, 1e16 + 2, 1e16 + 4],
        [np.inf, 1, 2, -np.inf, 3],
        [NAN, NAN],
        [7, NAN, 7],
        [0],
    ],
)
def test_whatever_the_values_features_are_finite_and_bounded(values, dtype):
    features = learned(values)
    rows = [*values, 0.0, 1.0, -1.7e308, 1.7e308, np.inf, -np.inf, NAN, 5e-324]
    with np.errstate(all="raise", under="ignore"):
        found = write(features, np.array(rows, dtype=np.float64), dtype)
    assert np.isfinite(found).all()
    assert np.abs(found[:, 0]).max() <= MAX_DEVIATION
    assert found[:, 1:].min(initial=0) >= 0 and found[:, 1:].max(initial=1) <= 1


def test_numbers_beyond_training_count_as_its_nearest():
    features = learned(np.arange(100.0))
    far, near = write(features, [1e9, 99.0]), write(features, [-np.inf, 0.0])
    np.testing.assert_array_equal(far[0], far[1])
    np.testing.assert_array_equal(near[0], near[1])


def test_one_absurd_value_in_training_leaves_the_others_apart():
    values = np.linspace(0, 1, 200)
    for absurd in (1e12, -1e300, np.inf, 99_999):
        found = write(learned([*values, absurd]), values)
        assert np.abs(found).max() <= MAX_DEVIATION
        assert np.abs(np.diff(found, axis=0)).sum(axis=1).min() > 0.005  # of 0.09 elsewhere


def test_booleans():
    features = learned([1, 1, 0, NAN], kind="boolean")
    assert features.features == ["x", "x is missing"] and features.fill
    assert write(features, [0.0, 1.0, NAN]).tolist() == [[0, 0], [1, 0], [1, 1]]
    features = learned([0, 0, 1], kind="boolean")
    assert write(features, [NAN, 1.0]).tolist() == [[0], [1]]


def category(codes, levels, max_levels=100):
    codes = np.array(codes, dtype=np.int32)
    columns = [column("x", "category", levels)]
    return learn_encoding(columns, {"x": codes}, max_levels=max_levels).columns[0]


def test_categories():
    features = category([0, 1, 2, 1], "abc")
    assert features.features == ["x=a", "x=b", "x=c"]
    # missing and unseen, of which training had none
    assert write(features, [2, 0, -1, -2]).tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 0], [0, 0, 0]]
    features = category([0, 1, -1], "ab")
    assert features.features == ["x=a", "x=b", "x is missing"]
    assert write(features, [-1, -2]).tolist() == [[0, 0, 1], [0, 0, 0]]


def test_rare_levels_share_a_feature_with_those_not_seen():
    features = category([0, 1, 1, 2, 3, 3, -1], "abcd", max_levels=2)
    assert features.features == ["x=b", "x=d", "x is missing", "x is another level"]
    assert write(features, [0, 1, 2, 3, -1, -2]).argmax(axis=1).tolist() == [3, 0, 3, 1, 2, 3]
    assert write(features, [0, -1, -2]).sum(axis=1).tolist() == [1, 1, 1]


def test_of_levels_equally_frequent_the_first_are_kept():
    assert category([3, 2, 1, 0], "abcd", max_levels=2).levels == ("a", "b")


def table(rows=500, seed=0):
    draw = np.random.RandomState(seed)
    x = draw.normal(size=rows)
    x[draw.rand(rows) < 0.1] = NAN
    columns = [
        column("x", "number"),
        column("left out", "dropped"),
        column("c", "category", "abc"),
        column("d", "date"),
        column("b", "boolean"),
    ]
    parsed = {
        "x": x,
        "c": draw.randint(-1, 3, rows).astype(np.int32),
        "d": draw.randint(18_000, 20_000, rows).astype(np.float64),
        "b": draw.randint(0, 2, rows).astype(np.float64),
    }
    return columns, parsed


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_is_encoded_the_same_wherever_it_stands(dtype):
    columns, parsed = table()
    encoding = learn_encoding(columns, parsed)
    whole = encoding.write(parsed, dtype)
    assert whole.dtype == dtype and whole.shape == (500, encoding.width)
    assert encoding.width == len(encoding.features) == len(set(encoding.features))
    np.testing.assert_array_equal(encoding.write(parsed, dtype, slice(100, 133)), whole[100:133])
    for row in (0, 7, 499):
        alone = {name: values[[row]] for name, values in parsed.items()}
        np.testing.assert_array_equal(encoding.write(alone, dtype)[0], whole[row])
    shuffled = np.random.RandomState(1).permutation(500)
    moved = {name: values[shuffled] for name, values in parsed.items()}
    np.testing.assert_array_equal(encoding.write(moved, dtype), whole[shuffled])


@pytest.mark.parametrize(("rows", "times"), [(1, 200), (5000, 5), (2049, 40)])
def test_a_column_is_encoded_the_same_among_any_others(rows, times):
    columns, parsed = table()
    at = np.random.RandomState(2).randint(500, size=rows)
    used = [c for c in columns if c.kind != "dropped"]
    many = [column(f"{c.name}{i}", c.kind, c.levels) for i in range(times) for c in used]
    values = {c.name: parsed[c.name[0]][at] for c in many}
    encoding = learn_encoding(many, {c.name: parsed[c.name[0]] for c in many})
    alone = [write(features, values[features.name], np.float32) for features in encoding.columns]
    np.testing.assert_array_equal(encoding.write(values), np.hstack(alone))


def test_columns_and_features():
    columns, parsed = table()
    encoding = learn_encoding(columns, parsed, n_bins=4)
    assert [c.name for c in encoding.columns] == ["x", "c", "d", "b"]
    owners = [encoding.column_of(i).name for i in range(encoding.width)]
    assert owners == ["x"] * 6 + ["c"] * 4 + ["d"] * 5 + ["b"]
    with pytest.raises(IndexError):
        encoding.column_of(encoding.width)
    assert isinstance(encoding.columns[1], CategoryFeatures)
    assert encoding.get_feature_names_out().tolist() == encoding.features


def test_no_rows():
    columns, parsed = table()
    encoding = learn_encoding(columns, parsed)
    nothing = {name: values[:0] for name, values in parsed.items()}
    assert encoding.write(nothing).shape == (0, encoding.width)
