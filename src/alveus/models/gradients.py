"""A network and a batch to how noisy each way of letting a gradient through a sample is."""

from typing import NamedTuple

import torch
from torch import Tensor

from alveus.models.batch import Batch
from alveus.models.objectives import elbo_terms
from alveus.models.vae import Vae


class GradientNoise(NamedTuple):
    """The gradient of −log p(x|z), averaged over a batch, over many samples of z.

    Parameters
    ----------
    mean
        (parameter,) of all weights of the encoder in one row [nats].
    variance
        Of one estimate around the mean, summed over parameters [nats²].
    """

    mean: Tensor
    variance: float


def gradient_noise(
    network: Vae, batch: Batch, *, n_repeats: int, generator: torch.Generator
) -> dict[str, GradientNoise]:
    """Measure both ways on the same batch with the same samples; nothing of the network is changed.

    Only the encoder is looked at, and only through log p(x|z): all other gradients are the same in both. The
    baseline of the score function is one number, the log-likelihood of the batch at a further sample of each bin.

    Parameters
    ----------
    network
        Trained or not.
    batch
        The bins, or stretches of them.
    n_repeats
        Estimates of each kind.
    generator
        Of the samples, on the network's device.

    Returns
    -------
    By the names that the setting ``gradients`` has for them.

    References
    ----------
    Williams (1992), Machine Learning 8:229; Kingma & Welling (2014), Auto-encoding variational Bayes.
    """
    parameters = [*network.encoder.parameters(), *network.head.parameters()]
    baseline = _log_likelihood(network, batch, generator).detach().mean()
    totals = {way: _Totals() for way in ("reparameterization", "score_function")}
    for _ in range(n_repeats):
        before = generator.get_state()
        for way, total in totals.items():
            generator.set_state(before)
            level = baseline if way == "score_function" else None
            loss = -_log_likelihood(network, batch, generator, level)
            gradients = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
            total.add(torch.cat([gradient.flatten() for gradient in gradients]).double())
    return {way: total.noise() for way, total in totals.items()}


def _log_likelihood(
    network: Vae, batch: Batch, generator: torch.Generator, baseline: Tensor | None = None
) -> Tensor:
    shape = (*batch.activity.shape[:-1], network.n_latents)
    noise = torch.randn(shape, generator=generator, device=generator.device)
    encoded = network.encode(batch.activity, batch.present)
    terms = elbo_terms(
        encoded, network.decoder, network.likelihood, network.prior, batch, noise, baseline=baseline
    )
    return terms.means().log_likelihood


class _Totals:
    """Mean and summed squared deviation of rows that come one after the other (Welford, 1962)."""

    def __init__(self) -> None:
        self.n = 0
        self.mean = torch.zeros(())
        self.squares = 0.0

    def add(self, row: Tensor) -> None:
        self.n += 1
        deviation = row - self.mean
        self.mean = self.mean + deviation / self.n
        self.squares += float(deviation @ (row - self.mean))

    def noise(self) -> GradientNoise:
        return GradientNoise(self.mean, self.squares / max(self.n - 1, 1))
