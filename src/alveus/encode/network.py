"""A trained network and a session's activity to the latents of every bin, block by block."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from torch import Tensor

from alveus.errors import ArtefactError, SettingError
from alveus.fit.batches import Batches, Bins, whole
from alveus.fit.data import TRAIN, Activity, FitData
from alveus.fit.fitted import FittedModel, State
from alveus.fit.memory import Room, room_for
from alveus.models.batch import Batch
from alveus.models.build import Trained, build_network
from alveus.models.network import Encoded, Network
from alveus.models.priors import ConditionalPrior
from alveus.models.vae import Vae
from alveus.recording.spread import spread_of_units

BLOCK_BINS = 2048
"""Bins encoded at a time; activations of this many stay in a core's cache."""

N_SAMPLES = 4
"""Samples of the posterior behind the expected log-likelihood of each bin. Their error averages out over bins; for
one bin it is that of a mean of four."""

SAMPLE_SEED = 0

Array = NDArray[np.float32]


@dataclass
class Posteriors:
    """What the networks of all seeds say of every bin; fields as in `Encoding`."""

    mean: Array
    scale: Array
    log_likelihood: Array | None
    kl: Array | None
    prior_variance: Array | None
    prior_mean: Array | None
    squared_error: Array | None


def load_network(model: FittedModel, state: State, device: torch.device) -> Network:
    """Build the network that one seed's weights belong to, ready to be evaluated."""
    network = build_network(
        settings_of(model),
        state["inputs.mean"].shape[0],
        bin_size=model.bin_size,
        n_conditions=model.n_conditions,
        of_counts=model.of_counts,
    )
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ArtefactError(
            f"the model's weights do not fit its settings: fit the model again ({error})"
        ) from error
    return network.to(device).eval()


def load_seed(model: FittedModel, seed: int, device: torch.device) -> Network:
    """Build the network of one seed, or say which there are."""
    if not 0 <= seed < len(model.seeds):
        raise SettingError(f"there is no seed {seed}: the model has the seeds 0 to {len(model.seeds) - 1}")
    return load_network(model, model.seeds[seed], device)


def settings_of(model: FittedModel) -> Trained:
    """Return the settings that a model was fitted with."""
    settings: Trained = TypeAdapter(Trained).validate_python(model.settings)
    return settings


def every_bin(network: Network, activity: Activity, segment: NDArray[np.integer]) -> Batches:
    """Return batches whose training items are all bins of a recording, in order, without base measure."""
    if network.sequential:
        return whole(activity, segment, before=network.before, after=network.after, length=BLOCK_BINS)
    return Bins(activity, np.full(activity.n_bins, TRAIN, np.int8), None)


def blocks(bins: Batches, room: Room) -> Iterator[Tensor]:
    """Yield the items of a recording, as many at a time as are computed at once."""
    yield from bins.train.split(min(bins.items_per(BLOCK_BINS), room.most))


@torch.inference_mode()
def posterior_means(network: Network, activity: Activity, segment: NDArray[np.integer]) -> Array:
    """Return the posterior mean (n_bins, n_latents) of every bin."""
    mean = np.empty((activity.n_bins, network.n_latents), np.float32)
    bins = every_bin(network, activity, segment)
    room = room_for(network, bins)

    def encode(items: Tensor, parts: list[slice]) -> list[Array]:
        found = []
        for part in parts:
            batch = bins.batch(items[part])
            posterior = network.encode(batch.activity, batch.present).posterior
            found.append(_counted(batch, batch.of_targets(posterior.loc)).cpu().numpy())
        return found

    for items in blocks(bins, room):
        found = room.attempt(len(items), partial(encode, items), doing="encoding with the twin")
        mean[bins.bins(items).cpu().numpy()] = np.concatenate(found)
    return mean


@torch.inference_mode()
def posteriors(networks: list[Network], data: FitData, device: torch.device) -> Posteriors:
    """Return what the networks of all seeds say; each block is made floating-point once, for all of them."""
    activity = Activity(data.counts, data.conditions, device)
    first = networks[0]
    n_seeds, n_bins, n_latents = len(networks), activity.n_bins, first.n_latents
    mean, scale = (np.empty((n_seeds, n_bins, n_latents), np.float32) for _ in range(2))
    vaes = [network for network in networks if isinstance(network, Vae)]
    kl = np.empty_like(mean) if vaes else None
    log_likelihood = np.empty((n_seeds, n_bins), np.float32) if vaes else None
    variance = np.stack([vae.prior.variance.detach().cpu().numpy() for vae in vaes]) if vaes else None
    conditional = bool(vaes) and isinstance(vaes[0].prior, ConditionalPrior)
    prior_mean = np.empty_like(mean) if conditional else None
    squared_error = None if data.of_counts else np.empty((n_seeds, n_bins), np.float32)
    weight = None if data.of_counts else spread_of_units(data.counts, data.split == TRAIN).weight
    precision = None if weight is None else torch.from_numpy(np.sqrt(weight)).float().to(device)
    if conditional:
        variance = np.zeros((n_seeds, n_latents), np.float32)  # to become the mean over bins
    generator = torch.Generator(device).manual_seed(SAMPLE_SEED)
    bins = every_bin(first, activity, data.segment)
    room = room_for(first, bins)
    for items in blocks(bins, room):
        noise = torch.randn((N_SAMPLES, *bins.shape(len(items)), n_latents), generator=generator, device=device)
        compute = partial(_blocks_of, networks, bins, items, noise, precision)
        for part, found in room.attempt(len(items), compute, doing="encoding"):
            place = bins.bins(items[part]).cpu().numpy()
            for seed, block in enumerate(found):
                mean[seed, place], scale[seed, place] = block.mean, block.scale
                if squared_error is not None:
                    squared_error[seed, place] = block.squared_error
                if kl is not None and log_likelihood is not None:
                    kl[seed, place], log_likelihood[seed, place] = block.kl, block.log_likelihood
                if prior_mean is not None and variance is not None:
                    assert block.prior is not None  # noqa: S101  (for the type checker)
                    prior_mean[seed, place] = block.prior[0]
                    variance[seed] += block.prior[1].sum(axis=0) / n_bins
    return Posteriors(mean, scale, log_likelihood, kl, variance, prior_mean, squared_error)


class _Block(NamedTuple):
    """What one network says of the targets that count; `prior`: mean and variance where they depend on the bin."""

    mean: Array
    scale: Array
    squared_error: Array | None = None
    log_likelihood: Array | None = None
    kl: Array | None = None
    prior: tuple[Array, Array] | None = None


def _blocks_of(
    networks: list[Network],
    bins: Batches,
    items: Tensor,
    noise: Tensor,
    precision: Tensor | None,
    parts: list[slice],
) -> list[tuple[slice, list[_Block]]]:
    found = []
    for part in parts:
        batch = bins.batch(items[part])
        found.append((part, [_block_of(network, batch, noise[:, part], precision) for network in networks]))
    return found


def _block_of(network: Network, batch: Batch, noise: Tensor, precision: Tensor | None) -> _Block:
    def kept(values: Tensor) -> Array:
        array: Array = _counted(batch, values).cpu().numpy()
        return array

    encoded = network.encode(batch.activity, batch.present)
    mean = kept(batch.of_targets(encoded.posterior.loc))
    scale = kept(batch.of_targets(encoded.posterior.variance.sqrt()))
    error = None if precision is None else _squared_error(network, batch, encoded, precision)
    if not isinstance(network, Vae):
        return _Block(mean, scale, error)
    log_likelihood = _expected(network, batch, encoded, noise)
    kl = kept(network.prior.kl(encoded.posterior, batch))
    if not isinstance(network.prior, ConditionalPrior):
        return _Block(mean, scale, error, log_likelihood, kl)
    moments = network.prior.moments(batch)
    return _Block(mean, scale, error, log_likelihood, kl, (kept(moments[0]), kept(moments[1])))


def _expected(network: Vae, batch: Batch, encoded: Encoded, noise: Tensor) -> Array:
    """Return the expected log-likelihood of the targets that count, (target,) [nats]."""
    posterior = encoded.posterior
    if batch.last is not None:
        posterior = posterior.select(batch.first, batch.last)
    target = batch.of_targets(batch.activity)
    side = batch.of_targets(encoded.hidden) if network.decoder.hears_encoder else None
    kernel = target.new_zeros(target.shape[:-1])
    for one in noise:  # one after the other: all at once would leave the cache
        features = network.decoder(posterior.place(batch.of_targets(one)), side)
        kernel += network.likelihood.log_kernel(features, target).sum(-1)
    return _counted(batch, kernel / N_SAMPLES + network.log_base(target)).cpu().numpy()


def _squared_error(network: Network, batch: Batch, encoded: Encoded, precision: Tensor) -> Array:
    """Return the squared error of the targets that count, (target,), given one over each unit's spread (unit,)."""
    side = batch.of_targets(encoded.hidden) if network.decoder.hears_encoder else None
    expected = network.rates(batch.of_targets(encoded.posterior.loc), side)
    error = (batch.of_targets(batch.activity) - expected) * precision
    return _counted(batch, error.square().sum(-1)).cpu().numpy()


def _counted(batch: Batch, values: Tensor) -> Tensor:
    """Return the values (..., target, any) of the targets that count, in one row."""
    return values if batch.counted is None else values[batch.counted]
