"""The modules of public classes: those from which users import them."""

import importlib
import pickle
import pickletools

import pytest

ROOMS = ["dask", "equations", "export", "plots", "report", "selection", "streaming", "tabular"]


def public_classes():
    """Yield each public class with the highest module that exports it."""
    met = set()
    for name in ["multilayer", *(f"multilayer.{room}" for room in ROOMS)]:
        module = importlib.import_module(name)
        for value in (getattr(module, exported) for exported in module.__all__):
            if isinstance(value, type) and value not in met:
                met.add(value)
                yield pytest.param(value, name, id=f"{name}.{value.__name__}")


@pytest.mark.parametrize(("kind", "module"), list(public_classes()))
def test_a_class_belongs_to_its_public_module(kind, module):
    assert kind.__module__ == module
    assert pickle.loads(pickle.dumps(kind)) is kind
    named = [arg for _, arg, _ in pickletools.genops(pickle.dumps(kind, protocol=0)) if arg]
    assert f"{module} {kind.__qualname__}" in named
