"""The spectral radius of sparse matrices, against all eigenvalues of the dense ones."""

import numpy as np
import pytest

from asr.recurrent.spectral_radius import spectral_radius


@pytest.mark.parametrize(("rows", "tolerance"), [(1, 1e-12), (7, 1e-10), (150, 1e-8), (500, 2e-3)])
def test_it_is_that_of_the_dense_matrix(rows: int, tolerance: float) -> None:
    rng = np.random.default_rng(1)
    columns = np.stack([rng.permutation(rows)[:10] for _ in range(rows)])
    weights = rng.uniform(-1, 1, columns.shape)
    whole = np.zeros((rows, rows))
    np.put_along_axis(whole, columns, weights, axis=1)
    expected = np.abs(np.linalg.eigvals(whole)).max()
    assert spectral_radius(columns, weights) == pytest.approx(expected, rel=tolerance)


def test_a_pair_of_complex_eigenvalues_and_a_start_that_soon_holds_all() -> None:
    assert spectral_radius(np.array([[1], [0]]), np.array([[2.0], [-2.0]])) == pytest.approx(2)
    assert spectral_radius(np.array([[0], [1], [2]]), np.full((3, 1), -3.0)) == pytest.approx(3)
