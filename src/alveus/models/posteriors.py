"""Turns an encoder's outputs into a posterior that can be sampled with given noise."""

from torch import Tensor
from torch.distributions import Normal


class DiagonalPosterior(Normal):
    """Independent normal latents of each bin, q(z|x) = N(mean, diag scale²).

    Parameters
    ----------
    mean, scale
        (..., latent).
    """

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__(mean, scale, validate_args=False)

    def place(self, noise: Tensor) -> Tensor:
        """Turn standard normal noise (..., latent) into samples z = mean + scale * noise.

        The noise is an argument so that a training run owns the generator it comes from and can be resumed.
        Gradients reach mean and scale (reparameterization; Kingma & Welling, 2014).
        """
        return self.loc + self.scale * noise
