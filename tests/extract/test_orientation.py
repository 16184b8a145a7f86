from __future__ import annotations

import numpy as np
import pytest

from extract.orientation import IDENTITY, DisplayMatrix, upright

PICTURE = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
ONE = 65536

CASES = [
    (IDENTITY, PICTURE, 0, False),
    (DisplayMatrix(0, ONE, -ONE, 0), np.rot90(PICTURE, -1), 90, False),
    (DisplayMatrix(-ONE, 0, 0, -ONE), np.rot90(PICTURE, 2), 180, False),
    (DisplayMatrix(0, -ONE, ONE, 0), np.rot90(PICTURE, 1), 270, False),
    (DisplayMatrix(-ONE, 0, 0, ONE), PICTURE[:, ::-1], 0, True),
    (DisplayMatrix(ONE, 0, 0, -ONE), PICTURE[::-1], 180, True),
    (DisplayMatrix(0, ONE, ONE, 0), PICTURE.transpose(1, 0, 2), 90, True),
    (DisplayMatrix(0, -ONE, -ONE, 0), np.rot90(PICTURE, 2).transpose(1, 0, 2), 270, True),
    (DisplayMatrix(ONE, 3000, -3000, ONE), PICTURE, 0, False),  # a slanted horizon is left alone
    (DisplayMatrix(0, 0, 0, 0), PICTURE, 0, False),
]


@pytest.mark.parametrize(("matrix", "expected", "rotation_deg", "mirrored"), CASES)
def test_eight_orientations(matrix, expected, rotation_deg, mirrored):
    got = upright(PICTURE, matrix)
    assert got.tolist() == expected.tolist()
    assert got.flags.c_contiguous
    assert (matrix.rotation_deg, matrix.mirrored) == (rotation_deg, mirrored)
    assert matrix.sideways == (rotation_deg in (90, 270))
