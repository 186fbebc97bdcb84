"""Latents to one number per unit, by a random flow of affine couplings."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

BLOCKS = 4
LAYERS = 2  # affine couplings in a block
LOG_SCALE_LIMIT = 0.1  # a coupling scales by exp(±0.1) at the most

Floats = NDArray[np.float64]


class CouplingFlow:
    """Four blocks of two affine couplings with random weights, and a random permutation between blocks.

    Latents are followed by zeros up to the number of units. A coupling maps the halves (a, b) to
    ``(b · exp(0.1 tanh s(a)) + t(a), a)``, with s and t the two halves of the output of one network: two hidden
    layers of half as many rectified units as a has, Glorot-uniform weights, no offsets.

    Parameters
    ----------
    n_units
        Dimensions of the flow, at least 4.
    rng
        Of weights and permutations.

    References
    ----------
    Zhou & Wei (2020), Learning identifiable and interpretable latent models of high-dimensional neural activity
    using pi-VAE, NeurIPS; the code of their simulations: https://github.com/zhd96/pi-vae.
    Dinh et al. (2017), Density estimation using Real NVP, ICLR.
    """

    def __init__(self, n_units: int, rng: np.random.Generator) -> None:
        self.n_units = n_units
        self._kept = n_units // 2
        hidden = self._kept // 2
        widths = (self._kept, hidden, hidden, 2 * (n_units - self._kept))
        self._networks = [
            [[_glorot_uniform(a, b, rng) for a, b in pairwise(widths)] for _ in range(LAYERS)]
            for _ in range(BLOCKS)
        ]
        self._orders = [rng.permutation(n_units) for _ in range(BLOCKS - 1)]

    def __call__(self, latents: Floats) -> Floats:
        """Turn latents (n, n_latents), not more than there are units, into (n, n_units)."""
        x = np.zeros((latents.shape[0], self.n_units))
        x[:, : latents.shape[1]] = latents
        for number, block in enumerate(self._networks):
            if number:
                x = x[:, self._orders[number - 1]]
            for weights in block:
                x = self._couple(x, weights)
        return x

    def _couple(self, x: Floats, weights: list[Floats]) -> Floats:
        kept, changed = x[:, : self._kept], x[:, self._kept :]
        first, second, last = weights
        log_scale, offset = np.split(np.maximum(np.maximum(kept @ first, 0) @ second, 0) @ last, 2, axis=1)
        return np.concatenate([changed * np.exp(LOG_SCALE_LIMIT * np.tanh(log_scale)) + offset, kept], axis=1)


def _glorot_uniform(n_in: int, n_out: int, rng: np.random.Generator) -> Floats:
    limit = np.sqrt(6 / (n_in + n_out))
    return rng.uniform(-limit, limit, (n_in, n_out))
