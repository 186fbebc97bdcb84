"""Trained networks and held-out bins to a bound on the log evidence of each, by importance weighting."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alveus.encode.network import BLOCK_BINS
from alveus.fit.batches import evenly, singly
from alveus.fit.data import TEST, Activity, FitData
from alveus.models.batch import Batch
from alveus.models.network import Network
from alveus.models.posteriors import Posterior
from alveus.models.priors import NormalPrior
from alveus.models.vae import Vae

N_IMPORTANCE = 100
"""Samples of the posterior behind the bound of each bin; with more of them it rises towards the evidence."""

EVIDENCE_BINS = 2048
"""Test bins it is computed for at the most, evenly spaced: each costs a hundred passes through the decoder."""

SAMPLE_SEED = 1


@dataclass(frozen=True)
class Evidence:
    """Log evidence of some bins under the networks of all seeds.

    Parameters
    ----------
    bins
        (n_evidence_bins,) their numbers, ascending; None where there is no evidence.
    nats
        (n_seeds, n_evidence_bins) log p(x), from below [nats]; None likewise.
    why_not
        Why the question makes no sense for this model; empty where it does.
    """

    bins: NDArray[np.int64] | None
    nats: NDArray[np.float32] | None
    why_not: str = ""


@torch.inference_mode()
def log_evidence(networks: list[Network], data: FitData, device: torch.device) -> Evidence:
    """Bound log p(x) of test bins from below: ln 1/K Σ_k p(x|z_k) p(z_k) / q(z_k|x), with z_k from q(z|x).

    All seeds see the same noise. With a conditional prior it is the evidence given what else is known of the bin.

    Parameters
    ----------
    networks
        Of all seeds of a model.
    data
        What they were fitted to.
    device
        Where they are.

    References
    ----------
    Burda, Grosse & Salakhutdinov (2016), Importance weighted autoencoders, ICLR.
    """
    if why_not := no_evidence(networks[0]):
        return Evidence(None, None, why_not)
    bins = evenly(np.flatnonzero(data.split == TEST), EVIDENCE_BINS)
    if not bins.size:
        return Evidence(None, None)
    activity = Activity(data.counts, data.conditions, device)
    nats = np.empty((len(networks), bins.size), np.float32)
    for place, batch in _batches(networks[0], activity, data.segment, bins):
        for seed, network in enumerate(networks):
            generator = torch.Generator(device).manual_seed(SAMPLE_SEED + place.start)
            nats[seed, place] = _importance_weighted(network, batch, generator).cpu().numpy()
    return Evidence(bins, nats)


def no_evidence(network: Network) -> str:
    """Say why the evidence of a single bin is not defined for a model; nothing where it is."""
    if not isinstance(network, Vae):
        return "an autoencoder has no likelihood"
    if not isinstance(network.prior, NormalPrior):
        return "the prior joins bins over time: none has an evidence of its own"
    if network.decoder.hears_encoder:
        return "the decoder hears the activity past the latents: its likelihood is that of no generative model"
    return ""


def _batches(
    network: Network, activity: Activity, segment: NDArray[np.integer], bins: NDArray[np.int64]
) -> Iterator[tuple[slice, Batch]]:
    """Yield batches of which each bin is a target once, in order; and their places among the bins."""
    if not network.sequential:
        index = torch.from_numpy(bins).to(activity.device)
        nothing = torch.zeros(0, device=activity.device)
        for first in range(0, bins.size, BLOCK_BINS):
            part = index[first : first + BLOCK_BINS]
            yield (
                slice(first, first + len(part)),
                Batch(activity.gather(part), nothing, activity.gather_conditions(part)),
            )
        return
    alone = singly(activity, bins, segment, before=network.before, after=network.after)
    first = 0
    for items in alone.train.split(max(1, BLOCK_BINS // (network.before + 1 + network.after))):
        yield slice(first, first + len(items)), alone.batch(items)
        first += len(items)


def _importance_weighted(network: Network, batch: Batch, generator: torch.Generator) -> Tensor:
    """Return the bound of each target, (target,) [nats]; samples are taken a few at a time."""
    assert isinstance(network, Vae)  # noqa: S101  (for the type checker)
    assert isinstance(network.prior, NormalPrior)  # noqa: S101
    posterior: Posterior = network.encode(batch.activity, batch.present).posterior
    if batch.last is not None:
        posterior = posterior.select(batch.first, batch.last)
    targets = _targets(batch)
    posterior = network.prior.for_training(posterior, targets)
    places = targets.activity.shape[:-1]
    total = torch.full(places, -math.inf, device=generator.device)
    for samples in torch.arange(N_IMPORTANCE).split(max(1, BLOCK_BINS // places.numel())):
        shape = (len(samples), *places, network.n_latents)
        latents = posterior.place(torch.randn(shape, generator=generator, device=generator.device))
        kernel = network.likelihood.log_kernel(network.decoder(latents), targets.activity).sum(-1)
        weight = kernel + network.prior.log_density(latents, targets) - posterior.log_density(latents)
        total = torch.logaddexp(total, weight.logsumexp(0))
    return (total - math.log(N_IMPORTANCE) + network.log_base(targets.activity)).flatten()


def _targets(batch: Batch) -> Batch:
    """Return the targets alone, as a batch without bins around."""
    conditions = None if batch.conditions is None else batch.of_targets(batch.conditions)
    return Batch(batch.of_targets(batch.activity), batch.log_base, conditions)
