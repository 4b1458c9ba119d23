"""What type checkers see of `import multilayer as ml`; mypy checks this file in `make check`."""

from typing import Any, assert_type

import multilayer as ml


def found(X: Any, y: Any) -> tuple[object, ...]:
    """Use the names that are found when used."""
    assert_type(ml.HiddenLayerSearchCV(ml.MLPClassifier()), ml.selection.HiddenLayerSearchCV)
    assert_type(ml.compare_baselines(X, y), ml.Comparison)
    assert_type(ml.cross_validate_network(ml.MLPClassifier(), X, y), ml.CrossValidation)
    assert_type(ml.write_report(ml.MLPClassifier(), X, y), ml.Report)
    classes = ml.DaskMLPClassifier, ml.DaskMLPRegressor, ml.DaskTableEncoder, ml.HiddenLayers
    functions = ml.fit_files, ml.dask.DaskTableEncoder, ml.export.to_c, ml.playground.open
    return classes, functions, ml.plots.NetworkDisplay, ml.streaming.fit_files, ml.losses.Huber


def not_found() -> object:
    """Use a name that is not there: without the error, this comment would be one."""
    return ml.compare_baseline  # type: ignore[attr-defined]
