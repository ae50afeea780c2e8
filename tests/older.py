"""What needs a newer version of a library than the oldest allowed one: skipped with older ones.

The one place for it: the beginning of a test's name, the library, its version, and the reason.
"""

from importlib.metadata import version

from packaging.version import Version

_CALLBACKS = ("scikit-learn", "1.9", "sklearn.callback is new")
_WORDS = ("scikit-learn", "1.9", "its MLP can't stop early on classes that are words")
_WEIGHTS = ("scikit-learn", "1.9", "it does not refuse weights that are all zero")
_FOUND = ("scikit-learn", "1.9", "its own MLP, metadata, or checks did something else")
_RELATIONS = ("duckdb", "1.5", "a relation ends with its connection")
_JSON = ("pyarrow", "19", "its type json_ is new")
_NUMBERS = ("numpy", "2.3", "scikit-learn's HTML compares a number with 'auto' as an array")
_VIEWS = ("pyarrow", "20", "views of text are not written to Parquet")
_LONG = ("polars", "1.18", "its type Int128 is new")
_ROLES = ("playwright", "1.49", "aria_snapshot is new")
NEEDS = [
    ("test_callbacks.py", *_CALLBACKS),
    ("test_history.py", *_CALLBACKS),
    ("page/test_file.py::test_epochs_are_thinned_out", *_CALLBACKS),
    ("page/test_file.py::test_memory_of_the_optimizer", *_CALLBACKS),
    ("page/test_numbers.py::test_every_epoch_has_its_numbers", *_CALLBACKS),
    ("page/test_numbers.py::test_earlier_epochs_are_whole", *_CALLBACKS),
    ("test_concurrent.py::test_set_params_during_a_fit_stays", *_CALLBACKS),
    ("test_docstrings.py::test_examples[chainfit._explain.history]", *_CALLBACKS),
    ("test_sparse_corrupt.py::test_sound_matrices_pass", *_CALLBACKS),
    ("test_interrupts.py::test_denormal_numbers_of_python_code", *_CALLBACKS),
    ("test_update.py::test_what_watches_a_model", *_CALLBACKS),
    ("test_parity.py::test_fit[early_stopping-words]", *_WORDS),
    ("test_parity.py::test_fit[early_stopping_in_order-words]", *_WORDS),
    ("test_parity.py::test_drawn_settings", *_WORDS),
    ("test_sklearn_convert.py::test_from_scikit_learn_and_back[early-words]", *_WORDS),
    ("test_sklearn_convert.py::test_to_scikit_learn_and_back[early-words]", *_WORDS),
    ("test_update.py::test_early_stopping_and_warm_start_do_not_hinder[sklearn]", *_WORDS),
    ("test_weights.py::test_weights_that_sum_to_zero_are_refused", *_WEIGHTS),
    ("test_several.py::test_what_is_refused", *_WEIGHTS),
    ("test_ecosystem.py::test_sample_weight_is_routed_through_pipeline", *_FOUND),
    ("test_estimators.py::test_bad_data_gets_scikit_learns_error", *_FOUND),
    ("test_import.py::test_import_loads_nothing_that_scikit", *_FOUND),
    ("test_parity.py::test_output_and_warnings[lbfgs]", *_FOUND),
    ("test_sklearn_checks.py::test_checks_with_array_api", *_FOUND),
    ("test_table_frames.py::test_every_make_of_table_reads_alike[duckdb]", *_RELATIONS),
    ("test_table_frames.py::test_extension_types_and_runs", *_JSON),
    ("test_table_frames.py::test_numbers_of_128_bits", *_LONG),
    ("test_import.py::test_all_names_are_there", *_NUMBERS),
    ("test_tabular.py::test_pipelines_and_displays", *_NUMBERS),
    ("test_table_files.py::test_types_of_parquet_that_few_kernels_know", *_VIEWS),
    ("page/test_controls.py::test_everything_has_a_name", *_ROLES),
]


def reason(name):
    """Return why the test of this name, or this file, can't run here; None if it can."""
    for prefix, library, needed, why in NEEDS:
        if name.startswith(prefix) and Version(version(library)) < Version(needed):
            return f"{library} before {needed}: {why}"
    return None
