"""What was done to a picture: y = A x_0 + noise, one kind a file."""

from __future__ import annotations

from .average_pool import AveragePool
from .base import Operator
from .blur import Blur, FramedBlur, gaussian_kernel, motion_kernel
from .grey import LUMA, Grey
from .mask import Identity, Mask

__all__ = [
    "LUMA",
    "AveragePool",
    "Blur",
    "FramedBlur",
    "Grey",
    "Identity",
    "Mask",
    "Operator",
    "gaussian_kernel",
    "motion_kernel",
]
