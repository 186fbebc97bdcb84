"""A fitted model and a session's counts to the latents of every bin: mean, scale, fit and cost."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from alveus.baselines.baseline import Baseline, Projection
from alveus.baselines.methods import BASELINES
from alveus.encode.evidence import log_evidence
from alveus.encode.network import N_SAMPLES, load_network, posterior_means, posteriors
from alveus.encode.reliance import decoder_reliance, gates
from alveus.errors import ArtefactError
from alveus.fit.data import Activity, FitData
from alveus.fit.device import choose_device, set_threads
from alveus.fit.fitted import FittedModel, State
from alveus.fit.memory import memory_told
from alveus.recording.reliance import Reliance

__all__ = ["N_SAMPLES", "Encoding", "encode"]

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Encoding:
    """Latents of a session; all but numbers of bins float32.

    Parameters
    ----------
    mean, scale
        (n_seeds, n_bins, n_latents) of the posterior; the scale of a method without one is 0.
    held_in_mean
        (n_bins, n_latents) posterior mean of the twin, which sees only the units that are not held out.
    log_likelihood
        (n_seeds, n_bins) expected log p(x|z) under the posterior, over all units [nats per bin], estimated with
        `N_SAMPLES` samples of fixed noise, the same for every seed; None for a method without a likelihood.
    squared_error
        (n_seeds, n_bins) squared error of what the decoder expects at the posterior mean, summed over units in
        units of each unit's variance (see `Spread`); None for counts, and for a method without a decoder.
    kl
        (n_seeds, n_bins, n_latents) KL divergence from posterior to prior [nats]; None likewise.
    prior_variance
        (n_seeds, n_latents) variance of each latent under the prior, of one that depends on the bin the mean over
        bins; None for a method without one.
    prior_mean
        (n_seeds, n_bins, n_latents) mean of the latents under a prior that depends on the bin; None for others.
    log_evidence
        (n_seeds, n_evidence_bins) bound on log p(x) of some test bins [nats per bin]; None where there is none.
    evidence_bin
        (n_evidence_bins,) int64, the numbers of those bins; None likewise.
    no_evidence
        Why not; empty where there is.
    reliance
        What the decoder loses when latents come from other bins; None for a method without a likelihood.
    gate
        (n_seeds,) how far the side channel of a skip decoder is open, 0 to 1; None for other decoders.
    """

    mean: Array
    scale: Array
    held_in_mean: Array
    log_likelihood: Array | None
    kl: Array | None
    squared_error: Array | None = None
    prior_variance: Array | None = None
    prior_mean: Array | None = None
    log_evidence: Array | None = None
    evidence_bin: NDArray[np.int64] | None = None
    no_evidence: str = ""
    reliance: Reliance | None = None
    gate: Array | None = None


def encode(model: FittedModel, data: FitData, *, device: str = "auto", threads: int = 1) -> Encoding:
    """Encode every bin with every seed, in blocks.

    Parameters
    ----------
    model
        What `fit` gave.
    data
        What it was fitted to.
    device
        auto, cpu or cuda.
    threads
        For torch. The same model, counts and threads give the same latents, bit by bit, on a CPU.

    Raises
    ------
    ArtefactError
        When the model is of other units.
    TemporaryError
        When memory does not suffice, however small the parts.
    """
    set_threads(threads)
    counts, held_out = data.counts, data.held_out
    n_held_in = int((~held_out).sum())
    baseline = BASELINES.get(model.method)
    twin_units = model.twin["components" if baseline else "inputs.mean"].shape[-1]
    if counts.shape[1] != model.n_units or twin_units != n_held_in:
        raise ArtefactError(
            f"the model was fitted on {model.n_units} units, {twin_units} of them not held out; the dataset has "
            f"{counts.shape[1]} and {n_held_in}: fit the model again"
        )
    if data.n_conditions != model.n_conditions:
        raise ArtefactError(
            f"the model was fitted with {model.n_conditions} conditions a bin, the dataset gives "
            f"{data.n_conditions}: fit the model again"
        )
    if baseline is not None:
        return _encode_baseline(baseline, model, counts, data.units(~held_out))
    with memory_told("encode"):
        return _encode_network(model, data, choose_device(device)[0])


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
    # only a method whose latents have a prior, N(0, I) for factor analysis, knows how far they are spread
    prior_variance = np.ones((len(model.seeds), model.n_latents), np.float32) if scale.any() else None
    return Encoding(
        mean,
        scale,
        project(model.twin, held_in).mean,
        None,
        None,
        prior_variance=prior_variance,
        no_evidence="the method has no likelihood of the activity itself",
    )


def _encode_network(model: FittedModel, data: FitData, device: torch.device) -> Encoding:
    networks = [load_network(model, state, device) for state in model.seeds]
    found, evidence = posteriors(networks, data, device), log_evidence(networks, data, device)
    twin = load_network(model, model.twin, device)
    held_in = posterior_means(twin, Activity(data.units(~data.held_out), None, device), data.segment)
    return Encoding(
        held_in_mean=held_in,
        log_evidence=evidence.nats,
        evidence_bin=evidence.bins,
        no_evidence=evidence.why_not,
        reliance=decoder_reliance(networks, data, device),
        gate=gates(networks),
        **vars(found),
    )
