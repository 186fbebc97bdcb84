"""Trained networks and held-out bins to a bound on the log evidence of each, by importance weighting."""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alveus.encode.network import BLOCK_BINS, every_bin
from alveus.fit.batches import Batches, evenly, singly
from alveus.fit.data import TEST, Activity, FitData
from alveus.fit.memory import room_for
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
    first = networks[0]
    alone, every = single_targets(first, activity, data.segment, bins)
    room = room_for(first, alone)
    size = max(1, BLOCK_BINS // (first.before + 1 + first.after))
    for start in range(0, bins.size, size):
        items = every[start : start + size]
        for seed, network in enumerate(networks):
            compute = partial(_evidence_of, network, alone, items, SAMPLE_SEED + start)
            found = room.attempt(len(items), compute, doing="log evidence")
            nats[seed, start : start + size] = torch.cat(found).cpu().numpy()
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


def single_targets(
    network: Network, activity: Activity, segment: NDArray[np.integer], bins: NDArray[np.int64]
) -> tuple[Batches, Tensor]:
    """Return batches in which each item is one target, and the items that are the bins, in order."""
    if network.sequential:
        alone = singly(activity, bins, segment, before=network.before, after=network.after)
        return alone, alone.train
    return every_bin(network, activity, segment), torch.from_numpy(bins).to(activity.device)


def _evidence_of(network: Network, alone: Batches, items: Tensor, seed: int, parts: list[slice]) -> list[Tensor]:
    """Return the bound of each item, (item,) [nats], in parts that each see their part of the same noise."""
    found = []
    for part in parts:
        generator = torch.Generator(items.device).manual_seed(seed)
        found.append(_importance_weighted(network, alone.batch(items[part]), len(items), part, generator))
    return found


def _importance_weighted(
    network: Network, batch: Batch, n_items: int, part: slice, generator: torch.Generator
) -> Tensor:
    """Return the bound of each target, (target,) [nats]; samples are taken a few at a time.

    The batch is a part of `n_items`, for all of which noise is drawn.
    """
    assert isinstance(network, Vae)  # noqa: S101  (for the type checker)
    assert isinstance(network.prior, NormalPrior)  # noqa: S101
    posterior: Posterior = network.encode(batch.activity, batch.present).posterior
    if batch.last is not None:
        posterior = posterior.select(batch.first, batch.last)
    targets = _targets(batch)
    posterior = network.prior.for_training(posterior, targets)
    places = targets.activity.shape[:-1]
    total = torch.full(places, -math.inf, device=generator.device)
    for samples in torch.arange(N_IMPORTANCE).split(max(1, BLOCK_BINS // n_items)):
        shape = (len(samples), n_items, *places[1:], network.n_latents)
        latents = posterior.place(torch.randn(shape, generator=generator, device=generator.device)[:, part])
        kernel = network.likelihood.log_kernel(network.decoder(latents), targets.activity).sum(-1)
        weight = kernel + network.prior.log_density(latents, targets) - posterior.log_density(latents)
        total = torch.logaddexp(total, weight.logsumexp(0))
    return (total - math.log(N_IMPORTANCE) + network.log_base(targets.activity)).flatten()


def _targets(batch: Batch) -> Batch:
    """Return the targets alone, as a batch without bins around."""
    conditions = None if batch.conditions is None else batch.of_targets(batch.conditions)
    return Batch(batch.of_targets(batch.activity), batch.log_base, conditions)
