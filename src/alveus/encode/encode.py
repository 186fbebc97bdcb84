"""A fitted model and a session's counts to the latents of every bin: mean, scale, fit and cost."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alveus.baselines.baseline import Baseline, Projection
from alveus.baselines.methods import BASELINES
from alveus.config.models import Vae
from alveus.errors import ArtefactError
from alveus.fit.data import as_tensor
from alveus.fit.device import choose_device, set_threads
from alveus.fit.fitted import FittedModel, State
from alveus.models import vae as networks

BLOCK_BINS = 2048
"""Bins encoded at a time; activations of this many stay in a core's cache."""

N_SAMPLES = 4
"""Samples of the posterior behind the expected log-likelihood of each bin. Their error averages out over bins; for
one bin it is that of a mean of four."""

SAMPLE_SEED = 0

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Encoding:
    """Latents of a session, all float32.

    Parameters
    ----------
    mean, scale
        (n_seeds, n_bins, n_latents) of the posterior; the scale of a method without one is 0.
    held_in_mean
        (n_bins, n_latents) posterior mean of the twin, which sees only the units that are not held out.
    log_likelihood
        (n_seeds, n_bins) expected log p(x|z) under the posterior, over all units [nats per bin], estimated with
        `N_SAMPLES` samples of fixed noise, the same for every seed; None for a method without a likelihood.
    kl
        (n_seeds, n_bins, n_latents) KL divergence from posterior to prior [nats]; None likewise.
    """

    mean: Array
    scale: Array
    held_in_mean: Array
    log_likelihood: Array | None
    kl: Array | None


def encode(
    model: FittedModel,
    counts: NDArray[np.generic],
    held_out: NDArray[np.bool_],
    *,
    device: str = "auto",
    threads: int = 1,
) -> Encoding:
    """Encode every bin with every seed, in blocks.

    Parameters
    ----------
    model
        What `fit` gave.
    counts
        (n_bins, n_units) of the session it was fitted on.
    held_out
        (n_units,) units that the twin did not see.
    device
        auto, cpu or cuda.
    threads
        For torch. The same model, counts and threads give the same latents, bit by bit, on a CPU.

    Raises
    ------
    ArtefactError
        When the model is of other units.
    """
    set_threads(threads)
    n_held_in = int((~held_out).sum())
    baseline = BASELINES.get(model.method)
    twin_units = model.twin["components" if baseline else "inputs.mean"].shape[-1]
    if counts.shape[1] != model.n_units or twin_units != n_held_in:
        raise ArtefactError(
            f"the model was fitted on {model.n_units} units, {twin_units} of them not held out; the dataset has "
            f"{counts.shape[1]} and {n_held_in}: fit the model again"
        )
    held_in = counts if not held_out.any() else np.ascontiguousarray(counts[:, ~held_out])
    if baseline is not None:
        return _encode_baseline(baseline, model, counts, held_in)
    return _encode_vae(model, counts, held_in, choose_device(device)[0])


def _encode_baseline(
    baseline: Baseline[Any], model: FittedModel, counts: NDArray[np.generic], held_in: NDArray[np.generic]
) -> Encoding:
    def project(state: State, counts: NDArray[np.generic]) -> Projection:
        return baseline.project({name: value.numpy() for name, value in state.items()}, counts)

    shape = (len(model.seeds), counts.shape[0], model.n_latents)
    mean, scale = np.empty(shape, np.float32), np.zeros(shape, np.float32)
    for seed, state in enumerate(model.seeds):
        latents = project(state, counts)
        mean[seed] = latents.mean
        if latents.scale is not None:
            scale[seed] = latents.scale
    return Encoding(mean, scale, project(model.twin, held_in).mean, None, None)


def _encode_vae(
    model: FittedModel, counts: NDArray[np.generic], held_in: NDArray[np.generic], device: torch.device
) -> Encoding:
    seeds = [load_network(model, state, device) for state in model.seeds]
    twin = load_network(model, model.twin, device)
    mean, scale, log_likelihood, kl = _posteriors(seeds, as_tensor(counts), device)
    return Encoding(mean, scale, posterior_means(twin, as_tensor(held_in)), log_likelihood, kl)


def load_network(model: FittedModel, state: State, device: torch.device) -> networks.Vae:
    """Build the network that one seed's weights belong to, ready to be evaluated."""
    network = networks.Vae(Vae.model_validate(model.settings), state["inputs.mean"].shape[0])
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ArtefactError(
            f"the model's weights do not fit its settings: fit the model again ({error})"
        ) from error
    return network.to(device).eval()


@torch.inference_mode()
def posterior_means(network: networks.Vae, activity: Tensor) -> Array:
    """Return the posterior mean (n_bins, n_latents) of activity (n_bins, n_units), in blocks."""
    device = network.inputs.mean.device
    mean = np.empty((activity.shape[0], network.n_latents), np.float32)
    for first in range(0, activity.shape[0], BLOCK_BINS):
        block = slice(first, first + BLOCK_BINS)
        mean[block] = network.encode(activity[block].to(device).float()).mean.cpu().numpy()
    return mean


@torch.inference_mode()
def _posteriors(
    seeds: list[networks.Vae], activity: Tensor, device: torch.device
) -> tuple[Array, Array, Array, Array]:
    """Return mean, scale, log-likelihood and KL; each block is made floating-point once, for all seeds."""
    n_bins, n_latents = activity.shape[0], seeds[0].n_latents
    mean, scale, kl = (np.empty((len(seeds), n_bins, n_latents), np.float32) for _ in range(3))
    log_likelihood = np.empty((len(seeds), n_bins), np.float32)
    generator = torch.Generator(device).manual_seed(SAMPLE_SEED)
    for first in range(0, n_bins, BLOCK_BINS):
        block = slice(first, first + BLOCK_BINS)
        batch = seeds[0].batch(activity[block].to(device).float())
        shape = (N_SAMPLES, batch.activity.shape[0], n_latents)
        noise = torch.randn(shape, generator=generator, device=device)
        for seed, network in enumerate(seeds):
            posterior = network.encode(batch.activity)
            kernel = torch.zeros_like(batch.log_base)
            for one in noise:  # one after the other: all at once would leave the cache
                kernel += network.likelihood.log_kernel(network.decoder(posterior.place(one)), batch.activity)
            mean[seed, block] = posterior.mean.cpu().numpy()
            scale[seed, block] = posterior.stddev.cpu().numpy()
            log_likelihood[seed, block] = (kernel / N_SAMPLES + batch.log_base).cpu().numpy()
            kl[seed, block] = network.prior.kl(posterior, batch).cpu().numpy()
    return mean, scale, log_likelihood, kl
