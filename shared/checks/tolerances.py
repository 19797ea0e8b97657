"""How far a right answer may be off: one table by device and dtype, and nowhere else."""

import torch

# (rtol, atol) of "the same number computed in another order". float32 carries 7 digits, and a sum loses one or two.
TOLERANCES = {
    ("cpu", torch.float64): (1e-9, 1e-11),
    ("cpu", torch.float32): (1e-4, 1e-5),
    ("cpu", torch.bfloat16): (3e-2, 3e-2),
    ("cpu", torch.float16): (5e-3, 5e-3),
    ("cuda", torch.float64): (1e-9, 1e-11),
    ("cuda", torch.float32): (3e-4, 3e-5),
    ("cuda", torch.bfloat16): (3e-2, 3e-2),
    ("cuda", torch.float16): (5e-3, 5e-3),
    ("mps", torch.float32): (1e-3, 1e-4),
    ("mps", torch.bfloat16): (3e-2, 3e-2),
    ("mps", torch.float16): (1e-2, 1e-2),
}


def tolerances(device: str, dtype: torch.dtype) -> tuple[float, float]:
    """(rtol, atol) for values of this dtype on this kind of device; (0, 0), meaning exact, for integers and booleans.

    >>> tolerances("cpu", torch.float32), tolerances("cpu", torch.int64)
    ((0.0001, 1e-05), (0.0, 0.0))
    """
    if dtype.is_complex:
        dtype = dtype.to_real()
    if not dtype.is_floating_point:
        return 0.0, 0.0
    return TOLERANCES.get((device, dtype)) or TOLERANCES.get(("cpu", dtype), (0.1, 0.1))
