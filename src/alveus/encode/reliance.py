"""Trained networks and held-out bins to what their decoders lose when latents come from other bins."""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alveus.encode.evidence import single_targets
from alveus.encode.network import BLOCK_BINS
from alveus.fit.batches import Batches, evenly
from alveus.fit.data import TEST, Activity, FitData
from alveus.fit.memory import Room, room_for
from alveus.models.decoders import SkipDecoder
from alveus.models.network import Network
from alveus.models.vae import Vae
from alveus.recording.reliance import Reliance

RELIANCE_BINS = 2048
"""Test bins it is computed for at the most, evenly spaced: each costs some hundred passes through the decoder."""

N_SHIFTS = 8
"""Circular shifts that the loss is averaged over; each has its own sample of every posterior."""

NEAREST = 0.05
"""Part of all test bins that a shift goes at least, either way round: slow latents hardly change within less."""

MOST_LOST = 1e6
"""Nats per bin and unit. An exponential link overflows for latents far outside of what it was trained on; the loss
then has no end, and only that it is enormous matters."""

SAMPLE_SEED = 2


class _Heard(NamedTuple):
    """What a decoder hears of some bins.

    Parameters
    ----------
    latents
        (n_shifts + 1, bin, latent) samples of the posterior.
    side
        (bin, hidden) the encoder's last layer, for a decoder that hears it; else None.
    """

    latents: Tensor
    side: Tensor | None


@torch.inference_mode()
def decoder_reliance(networks: list[Network], data: FitData, device: torch.device) -> Reliance | None:
    """Measure ``E log p(x_t|z_t) − E log p(x_t|z_t with z_tj from another bin)``, for each latent j and for all.

    Latents are samples of their posteriors. Those of other bins are taken by circular shifts of all test bins as
    one sequence, so that what is exchanged keeps its distribution and its course in time. Shifts within short
    segments would leave in place what tells one trial from another.

    Parameters
    ----------
    networks
        Of all seeds of a model.
    data
        What they were fitted to.
    device
        Where they are.

    Returns
    -------
    Reliance
        None for a method without a likelihood, or without test bins to exchange.
    """
    vaes = [network for network in networks if isinstance(network, Vae)]
    bins = evenly(np.flatnonzero(data.split == TEST), RELIANCE_BINS)
    shifts = spread_shifts(bins.size)
    if not vaes or not shifts:
        return None
    first = vaes[0]
    activity = Activity(data.counts, data.conditions, device)
    alone, items = single_targets(first, activity, data.segment, bins)
    room = room_for(first, alone)
    generator = torch.Generator(device).manual_seed(SAMPLE_SEED)
    noise = torch.randn((len(shifts) + 1, bins.size, first.n_latents), generator=generator, device=device)
    places = torch.from_numpy(bins).to(device)
    found = [_of_seed(vae, _heard(vae, alone, items, noise, room), activity, places, shifts, room) for vae in vaes]
    lost, redrawn, side_lost = zip(*found, strict=True)
    with_side = [values for values in side_lost if values is not None]
    return Reliance(bins, np.stack(lost), np.stack(redrawn), np.stack(with_side) if with_side else None)


def gates(networks: list[Network]) -> NDArray[np.float32] | None:
    """Return how far the side channel of each network's decoder is open, (n_seeds,); None without a gate."""
    found = [n.decoder.gate.item() for n in networks if isinstance(n.decoder, SkipDecoder)]
    return np.array(found, np.float32) if found else None


def spread_shifts(n_bins: int) -> list[int]:
    """Draw shifts [bins], one from each of equal parts of all that go far enough, always the same.

    Drawn and not evenly spaced: no period of the recording should fit all of them.

    >>> spread_shifts(1)
    []
    """
    nearest = max(1, int(np.ceil(NEAREST * n_bins)))
    room = n_bins - 2 * nearest + 1
    if room < 1:
        return []
    edges = np.linspace(0, room, min(N_SHIFTS, room) + 1)
    draws = np.random.default_rng(SAMPLE_SEED).uniform(edges[:-1], edges[1:])
    return sorted({nearest + min(int(draw), room - 1) for draw in draws})


def _heard(vae: Vae, alone: Batches, items: Tensor, noise: Tensor, room: Room) -> _Heard:
    """Encode the bins, with the bins around each that the encoder needs."""

    def encode(place: slice, parts: list[slice]) -> list[tuple[Tensor, Tensor | None]]:
        found = []
        for part in parts:
            batch = alone.batch(items[place][part])
            encoded = vae.encode(batch.activity, batch.present)
            posterior = encoded.posterior
            if batch.last is not None:
                posterior = posterior.select(batch.first, batch.last)
            here = noise[:, place][:, part]
            latents = posterior.place(here.reshape(len(here), *posterior.loc.shape))
            side = batch.of_targets(encoded.hidden) if vae.decoder.hears_encoder else None
            found.append((latents.reshape(here.shape), None if side is None else side.flatten(0, -2)))
        return found

    found = []
    for place in _blocks(len(items), max(1, BLOCK_BINS // (vae.before + 1 + vae.after))):
        found += room.attempt(place.stop - place.start, partial(encode, place), doing="encoding for reliance")
    sides = [side for _, side in found if side is not None]
    return _Heard(torch.cat([latents for latents, _ in found], dim=1), torch.cat(sides) if sides else None)


def _of_seed(
    vae: Vae, heard: _Heard, activity: Activity, places: Tensor, shifts: list[int], room: Room
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]:
    """Return what one network loses: (bin, exchanged), (draw, exchanged) as mean over bins, and (bin,) or None."""
    lost, redrawn, side_lost = [], [], []
    for block in _blocks(len(places), BLOCK_BINS):
        compute = partial(_blocks_of, vae, heard, activity, places, shifts, block)
        for found in room.attempt(block.stop - block.start, compute, doing="decoder reliance"):
            lost.append(found[0].mean(0))
            redrawn.append(found[1].double().sum(1))
            if found[2] is not None:
                side_lost.append(found[2].mean(0))
    mean_redrawn = (torch.stack(redrawn).sum(0) / len(places)).float()
    side = torch.cat(side_lost).cpu().numpy() if side_lost else None
    return torch.cat(lost).cpu().numpy(), mean_redrawn.cpu().numpy(), side


def _blocks_of(
    vae: Vae,
    heard: _Heard,
    activity: Activity,
    places: Tensor,
    shifts: list[int],
    block: slice,
    parts: list[slice],
) -> list[tuple[Tensor, Tensor, Tensor | None]]:
    """Return for each part of a block the losses by shift and by redrawing, (shift, bin, exchanged)."""
    n_bins, n_latents = heard.latents.shape[1:]
    found = []
    for part in parts:
        here = torch.arange(block.start + part.start, block.start + part.stop, device=places.device)
        target = activity.gather(places[here])
        side = None if heard.side is None else heard.side[here]
        shifted = target.new_empty((len(shifts), len(here), n_latents + 1))
        redrawn = torch.empty_like(shifted)
        side_lost = None if heard.side is None else target.new_empty((len(shifts), len(here)))
        for draw, shift in enumerate(shifts):  # one after the other: all at once would leave the cache
            there = (here + shift) % n_bins
            mine = heard.latents[draw, here]
            kernel = vae.likelihood.log_kernel(vae.decoder(mine, side), target)
            others = (heard.latents[draw, there], heard.latents[draw + 1, here])
            for losses, other in zip((shifted, redrawn), others, strict=True):
                for j, latents in enumerate(_exchanged(mine, other)):
                    changed = vae.likelihood.log_kernel(vae.decoder(latents, side), target)
                    losses[draw, :, j] = _lost(kernel, changed)
            if side_lost is not None and heard.side is not None:
                changed = vae.likelihood.log_kernel(vae.decoder(mine, heard.side[there]), target)
                side_lost[draw] = _lost(kernel, changed)
        found.append((shifted, redrawn, side_lost))
    return found


def _exchanged(mine: Tensor, other: Tensor) -> Iterator[Tensor]:
    """Yield latents (bin, latent) with each of them from elsewhere in turn, and at last with all of them."""
    for j in range(mine.shape[1]):
        mixed = mine.clone()
        mixed[:, j] = other[:, j]
        yield mixed
    yield other


def _lost(kernel: Tensor, changed: Tensor) -> Tensor:
    """Return the loss of each bin, (bin,) [nats]; units are compared before they are summed, for precision."""
    difference = torch.nan_to_num(kernel - changed, nan=MOST_LOST, posinf=MOST_LOST, neginf=-MOST_LOST)
    return difference.clamp(-MOST_LOST, MOST_LOST).sum(-1)


def _blocks(n_bins: int, size: int) -> Iterator[slice]:
    """Yield slices that together are all bins."""
    for start in range(0, n_bins, size):
        yield slice(start, min(start + size, n_bins))
