"""Feed-forward neural networks for tables (temporary while the parts arrive)."""
import contextlib
with contextlib.suppress(ImportError):
    from multilayer.files import ModelFileError, load, save
with contextlib.suppress(ImportError):
    from multilayer.network import Network
    from multilayer.base import DivergenceWarning
    from multilayer.estimators import MLPClassifier, MLPRegressor
with contextlib.suppress(ImportError):
    from multilayer.tabular import TableEncoder
