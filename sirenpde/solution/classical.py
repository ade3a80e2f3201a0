r"""The classical solution of the picture Poisson problem: least squares by the discrete cosine transform.

Find the picture u, of which only differences are known, that minimises

    Σ_faces |(D u)_face - g_face|²,    (D_x u)_ij = (u_{i,j+1} - u_{i,j}) / h.

Its normal equations Dᵀ D u = Dᵀ g are a five-point Poisson equation with reflected (Neumann) edges. The DCT-II
diagonalises it: with k and l the wave numbers along a side of w pixels and one of h,

    û_kl = (Dᵀ g)^_kl / [ (2 - 2 cos(πk/w) + 2 - 2 cos(πl/h)) / h² ],    û_00 = 0.

It takes milliseconds, and is the row that a network is compared with. Arrays are as those of a picture: row 0 is the
top, y points upwards, components come last.
"""

from __future__ import annotations

import numpy as np
from scipy import fft

from sirenpde.errors import DataError


def poisson_dct(gx_faces: np.ndarray, gy_faces: np.ndarray, spacing: float) -> np.ndarray:
    """Return the picture whose differences over the faces between pixels are nearest to those given.

    Args:
        gx_faces: ∂u/∂x at the faces between columns, shape ``(h, w - 1, *c)``, as the values of
            ``Raster.face_differences("x")``.
        gy_faces: ∂u/∂y, upwards, at the faces between rows, shape ``(h - 1, w, *c)``.
        spacing: The side of a pixel.

    Returns:
        Shape ``(h, w, *c)``, of mean zero: differences do not know the constant. Differences of a picture give it back.

    Raises:
        DataError: If the shapes do not belong to one picture.
    """
    height, width = _finite(gx_faces).shape[0], _finite(gy_faces).shape[1]
    expected = (height, width - 1, *gx_faces.shape[2:]), (height - 1, width, *gx_faces.shape[2:])
    if (gx_faces.shape, gy_faces.shape) != expected:
        msg = f"the differences have shapes {gx_faces.shape} and {gy_faces.shape}; expected (h, w - 1) and (h - 1, w)."
        raise DataError(msg)
    divergence = np.zeros((height, width, *gx_faces.shape[2:]))
    divergence[:, :-1] += gx_faces / spacing
    divergence[:, 1:] -= gx_faces / spacing
    # Rows run down and y runs up, so a face's difference is the upper pixel minus the lower one.
    divergence[1:] += gy_faces / spacing
    divergence[:-1] -= gy_faces / spacing
    return poisson_dct_laplacian(divergence, spacing)


def poisson_dct_gradient(gradient: np.ndarray, spacing: float) -> np.ndarray:
    """Return the picture of a gradient known at the pixels: averaged to the faces between them, then ``poisson_dct``.

    The Sobel gradient of a picture gives the picture smoothed by 1-2-1 in both directions, exactly. For the camera
    picture that is 30.88 dB at 128² and 33.33 dB at 256².

    Args:
        gradient: (∂u/∂x, ∂u/∂y) at the pixels, shape ``(h, w, *c, 2)``, as ``Raster.gradient().values``.
        spacing: The side of a pixel.

    Returns:
        Shape ``(h, w, *c)``, of mean zero.

    Raises:
        DataError: If the last axis does not hold two components.
    """
    if _finite(gradient).ndim < 3 or gradient.shape[-1] != 2:
        msg = f"the gradient has shape {gradient.shape}; expected (h, w, 2) or (h, w, c, 2)."
        raise DataError(msg)
    gx, gy = gradient[..., 0], gradient[..., 1]
    return poisson_dct((gx[:, 1:] + gx[:, :-1]) / 2, (gy[1:] + gy[:-1]) / 2, spacing)


def poisson_dct_laplacian(laplacian: np.ndarray, spacing: float) -> np.ndarray:
    """Return the picture whose five-point Laplacian with reflected edges is given, exactly up to a constant.

    Args:
        laplacian: Shape ``(h, w, *c)``, as ``Raster.laplacian("five_point").values``. Its mean, which is zero for such
            data, is left out: no picture has another.
        spacing: The side of a pixel.

    Returns:
        Shape ``(h, w, *c)``, of mean zero.
    """
    height, width = _finite(laplacian).shape[:2]
    # 2 - 2 cos(a) as 4 sin²(a/2), which keeps its digits where a is small.
    across = 4 * np.sin(np.pi * np.arange(width) / (2 * width)) ** 2
    down = 4 * np.sin(np.pi * np.arange(height) / (2 * height)) ** 2
    symbol = -(across[None, :] + down[:, None]) / spacing**2
    symbol[0, 0] = 1.0
    waves = fft.dctn(laplacian, axes=(0, 1), norm="ortho") / symbol.reshape(height, width, *[1] * (laplacian.ndim - 2))
    waves[0, 0] = 0.0
    picture: np.ndarray = fft.idctn(waves, axes=(0, 1), norm="ortho")
    return picture


def _finite(data: np.ndarray) -> np.ndarray:
    """Refuse data that are no picture's, or not finite."""
    if not isinstance(data, np.ndarray) or data.ndim < 2 or not np.isfinite(data).all():
        msg = f"got {type(data).__name__} of shape {np.shape(data)}; expected finite numbers, (h, w) or (h, w, c)."
        raise DataError(msg)
    return data
