"""The spectral radius of a sparse matrix: the largest absolute value among its eigenvalues. Free of torch."""

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

_STEPS = 200
_NOTHING_NEW = 1e-12  # of a vector of length 1


def spectral_radius(columns: Int64[ndarray, "rows non_zeros"], weights: Float64[ndarray, "rows non_zeros"]) -> float:
    """By Arnoldi's method (1951) from a fixed start: exact up to 200 rows, to 1e-3 up to some thousand. A power
    iteration would not do, since the largest eigenvalues come as complex pairs.
    """
    rows = len(columns)
    steps = min(_STEPS, rows)
    basis, projected = np.zeros((steps + 1, rows)), np.zeros((steps + 1, steps))
    start = np.random.default_rng(0).normal(size=rows)
    basis[0] = start / np.linalg.norm(start)
    for step in range(steps):
        vector = (weights * basis[step][columns]).sum(axis=1)
        length = np.linalg.norm(vector)
        for _ in range(2):  # once more, against roundings
            shares = basis[: step + 1] @ vector
            vector -= basis[: step + 1].T @ shares
            projected[: step + 1, step] += shares
        rest = np.linalg.norm(vector)
        if rest <= _NOTHING_NEW * length:
            projected = projected[: step + 1, : step + 1]
            break
        projected[step + 1, step] = rest
        basis[step + 1] = vector / rest
    square = projected[: projected.shape[1]]
    return float(np.abs(np.linalg.eigvals(square)).max())
