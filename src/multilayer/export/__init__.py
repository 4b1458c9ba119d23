"""Export of fitted models to ONNX, PyTorch, C and Python; import of scikit-learn's networks.

ONNX needs the extra `onnx`, PyTorch its own installation; both are imported only when needed.
"""

from multilayer.export.onnx import onnx_inputs, to_onnx
from multilayer.export.pytorch import to_torch
from multilayer.export.sklearn import from_sklearn
from multilayer.export.source import to_c, to_python

__all__ = ["from_sklearn", "onnx_inputs", "to_c", "to_onnx", "to_python", "to_torch"]
