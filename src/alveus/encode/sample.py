"""A fitted variational autoencoder to recordings that nobody made: drawn from its prior and its decoder."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Distribution

from alveus.encode.network import BLOCK_BINS, load_seed
from alveus.errors import ArtefactError, SettingError
from alveus.fit.device import choose_device, set_threads
from alveus.fit.fitted import FittedModel
from alveus.fit.memory import memory_told
from alveus.models.priors import AutoregressivePrior, Prior
from alveus.models.vae import Vae

COUNT_DTYPES = (np.uint8, np.uint16, np.uint32, np.uint64)
"""Tried in this order: the smallest that holds a block of counts."""


@dataclass(frozen=True)
class Sample:
    """A novel recording.

    Parameters
    ----------
    activity
        (n_bins, n_units) counts, unsigned integers; or real numbers, float32, of a model that does not count.
    latents
        (n_bins, n_latents) float32, that it was drawn at.
    """

    activity: NDArray[np.generic]
    latents: NDArray[np.float32]


def sample(
    model: FittedModel,
    segment: NDArray[np.integer],
    conditions: NDArray[np.float32] | None = None,
    *,
    seed: int = 0,
    random_seed: int = 0,
    device: str = "auto",
    threads: int = 1,
) -> Sample:
    """Draw latents from the prior, and activity from the distribution that the decoder gives for them.

    Latents of an autoregressive prior are a series within each segment, and begin anew with each.

    Parameters
    ----------
    model
        A fitted `vae`.
    segment
        (n_bins,) number of the stretch without a gap that each bin is part of; as many bins are drawn.
    conditions
        (n_bins, n_conditions) what else is known of each bin, for a conditional prior.
    seed
        Which fit.
    random_seed
        Of the draw.
    device
        auto, cpu or cuda.
    threads
        For torch. The same model and seeds give the same recording, bit by bit, on a CPU.

    Raises
    ------
    SettingError
        When the model is no generative one, or its decoder hears more than the latents.
    ArtefactError
        When conditions are missing or not those that the model was fitted with, or when the fit has diverged.
    """
    set_threads(threads)
    chosen = choose_device(device)[0]
    vae = generative(model, seed, chosen)
    generator = torch.Generator(chosen).manual_seed(random_seed)
    bins = np.arange(len(segment))
    drawn, latents = [], np.empty((len(segment), model.n_latents), np.float32)
    with memory_told("sample"):
        for part, z, x in draws(vae, 1, bins, segment, conditions, generator):
            latents[part] = z[0].cpu().numpy()
            drawn.append(_compact(x[0].cpu().numpy(), of_counts=vae.likelihood.of_counts))
    empty = np.empty((0, model.n_units), np.uint8 if vae.likelihood.of_counts else np.float32)
    return Sample(np.concatenate([empty, *drawn]), latents)


def generative(model: FittedModel, seed: int, device: torch.device) -> Vae:
    """Build one fit of a model that recordings can be drawn from.

    Raises
    ------
    SettingError
        When there is no such fit, or nothing can be drawn from the model.
    """
    if why := why_not_generative(model):
        raise SettingError(why)
    network = load_seed(model, seed, device)
    assert isinstance(network, Vae)  # noqa: S101  (for the type checker)
    return network


def why_not_generative(model: FittedModel) -> str:
    """Tell why nothing can be drawn from a model; empty for one that can be drawn from."""
    if model.method != "vae":
        return (
            f"{model.method} is no generative model: it has neither a prior to draw latents from nor a "
            "distribution of activity given latents; fit a vae"
        )
    if model.settings["decoder"]["kind"] == "skip":
        return (
            "a skip decoder needs the activity as well as the latents, so that nothing can be drawn from latents "
            "alone; fit a vae with another decoder"
        )
    return ""


@torch.inference_mode()
def draws(
    vae: Vae,
    n_draws: int,
    bins: NDArray[np.integer],
    segment: NDArray[np.integer],
    conditions: NDArray[np.float32] | None,
    generator: torch.Generator,
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Draw several recordings at once, block by block.

    Parameters
    ----------
    vae
        A model without a side channel.
    n_draws
        Recordings.
    bins
        (n_bins,) numbers of the bins in the recording, ascending; where some are left out, latents that change
        slowly go on as if they had been drawn.
    segment, conditions
        (n_bins,) and (n_bins, n_conditions) of these bins.
    generator
        Of all that is random.

    Yields
    ------
    part
        Which of the bins.
    latents, activity
        (draw, bin, latent) and (draw, bin, unit), on the generator's device.

    Raises
    ------
    ArtefactError
        As for `sample`.
    """
    given = (len(bins), 0) if conditions is None else conditions.shape
    if given != (len(bins), vae.n_conditions):
        raise ArtefactError(
            f"{len(bins)} bins are to be drawn from a model fitted with {vae.n_conditions} conditions a bin, but "
            f"{given[1]} are given for each of {given[0]} bins: give those of the session it was fitted to"
        )
    block = max(1, BLOCK_BINS // n_draws)
    series = _Series(vae.prior) if isinstance(vae.prior, AutoregressivePrior) else None
    for first in range(0, len(bins), block):
        part = slice(first, min(first + block, len(bins)))
        size = (n_draws, part.stop - part.start, vae.n_latents)
        noise = torch.randn(size, generator=generator, device=generator.device)
        if series is not None:
            latents = series.draw(noise, bins[part], segment[part])
        else:
            latents = _place(vae.prior, noise, None if conditions is None else conditions[part])
        expected = vae.likelihood(vae.decoder(latents))
        if not bool(torch.isfinite(expected.mean).all()):
            raise ArtefactError(
                "the model expects activity that is not finite: the fit has diverged, fit it again"
            )
        yield part, latents, _draw(expected, generator)


def _place(prior: Prior, noise: Tensor, conditions: NDArray[np.float32] | None) -> Tensor:
    known = None if conditions is None else torch.from_numpy(conditions).to(noise.device)
    return prior.place(noise, known)


class _Series:
    """Latents of an autoregressive prior, which go on from block to block."""

    def __init__(self, prior: AutoregressivePrior) -> None:
        self._prior = prior
        self._last: tuple[int, int, Tensor] | None = None

    def draw(self, noise: Tensor, bins: NDArray[np.integer], segment: NDArray[np.integer]) -> Tensor:
        """Turn noise (draw, bin, latent) into latents; what is left out between bins is passed over exactly."""
        starts = np.flatnonzero((np.diff(bins) != 1) | (np.diff(segment) != 0)) + 1
        runs = []
        for start, stop in zip([0, *starts], [*starts, len(bins)], strict=True):
            run = noise[:, start:stop]
            if self._last is not None and self._last[1] == segment[start]:
                passed = int(bins[start]) - self._last[0]
                run[:, 0] = self._prior.go_on(self._last[2], passed, run[:, 0])
            runs.append(self._prior.place(run))
            self._last = int(bins[stop - 1]), int(segment[stop - 1]), runs[-1][:, -1]
        return torch.cat(runs, dim=1)


def _draw(distribution: Distribution, generator: torch.Generator) -> Tensor:
    """Draw once; torch's distributions know only the global generator, which is left as it was."""
    seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    with torch.random.fork_rng(devices=[generator.device] if generator.device.type == "cuda" else []):
        torch.manual_seed(seed)
        return distribution.sample()


def _compact(values: NDArray[np.floating], *, of_counts: bool) -> NDArray[np.generic]:
    if not of_counts:
        return values.astype(np.float32, copy=False)
    largest = values.max(initial=0)
    return values.astype(next(kind for kind in COUNT_DTYPES if largest <= np.iinfo(kind).max))
