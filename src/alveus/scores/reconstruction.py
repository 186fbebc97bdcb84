"""Latents, counts and a decoder's log-likelihood to how well held-out bins are reconstructed."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alveus.scores.bits_per_spike import bits_per_spike
from alveus.scores.log_likelihood import MEAN_RATE, log_likelihood
from alveus.scores.nulls import SHIFT_FLOOR, circular_shifts, floor_of
from alveus.scores.parts import TEST, TRAIN, bins_of, too_few_bins
from alveus.scores.readout import NULL_STEPS, fit_readout, mean_rate_log_likelihood, silent_note, surprise_note
from alveus.scores.rows import Row, not_estimable, with_note
from alveus.scores.settings import ScoreSettings

SCORES = ("bits_per_spike", "log_likelihood")


def reconstruction_by_readout(
    latents: NDArray[np.floating],
    counts: NDArray[np.integer],
    split: NDArray[np.integer],
    settings: ScoreSettings,
) -> list[Row]:
    """``bits_per_spike`` and ``log_likelihood`` of test bins under the Poisson readout that all methods share.

    Parameters
    ----------
    latents
        (n_seeds, n_bins, n_latents).
    counts
        (n_bins, n_units) of all units.
    split
        (n_bins,).
    settings
        Of floor and interval; the shifts behind the floor are dealt out to the seeds, which share it.

    Returns
    -------
    list of Row
        Two rows a seed, target ``readout``.
    """
    target, n_seeds = "readout", latents.shape[0]
    if why := too_few_bins(split):
        return [not_estimable(s, why, target=target, seed=k) for k in range(n_seeds) for s in SCORES]
    train, test = bins_of(split, TRAIN), bins_of(split, TEST)
    floor = _shift_floor(latents, counts, train, test, settings)
    rows = []
    for seed in range(n_seeds):
        readout = fit_readout(latents[seed], counts, train)
        fit = readout.score(latents[seed], counts, test)
        bits = bits_per_spike(fit.readout, fit.mean_rate, fit.spikes, settings, target=target, seed=seed)
        if bits.status == "ok" and floor is not None:
            bits = replace(bits, floor=floor, floor_name=SHIFT_FLOOR)
        nats = log_likelihood(fit.readout, fit.mean_rate, settings, target=target, seed=seed)
        rows += [with_note(row, silent_note(readout.n_silent)) for row in (bits, nats)]
    return rows


def reconstruction_by_decoder(
    decoder: NDArray[np.floating],
    counts: NDArray[np.integer],
    split: NDArray[np.integer],
    settings: ScoreSettings,
) -> list[Row]:
    """``bits_per_spike`` and ``log_likelihood`` of test bins under a model's own decoder.

    Parameters
    ----------
    decoder
        (n_seeds, n_bins) E_q[log p(x|z)] [nats] over all units.
    counts
        (n_bins, n_units) of all units.
    split
        (n_bins,).
    settings
        Of the interval.

    Returns
    -------
    list of Row
        Two rows a seed, target ``decoder``; the mean rate is the floor of both.
    """
    target, n_seeds = "decoder", decoder.shape[0]
    if why := too_few_bins(split):
        return [not_estimable(s, why, target=target, seed=k) for k in range(n_seeds) for s in SCORES]
    train, test = bins_of(split, TRAIN), bins_of(split, TEST)
    mean_rate, spikes, surprises = mean_rate_log_likelihood(counts, train, test)
    rows = []
    for seed in range(n_seeds):
        nats = np.asarray(decoder[seed, test], np.float64)
        bits = bits_per_spike(nats, mean_rate, spikes, settings, target=target, seed=seed)
        if bits.status == "ok":
            bits = replace(bits, floor=0.0, floor_name=MEAN_RATE)
        rows += [
            with_note(row, surprise_note(surprises))
            for row in (bits, log_likelihood(nats, mean_rate, settings, target=target, seed=seed))
        ]
    return rows


def _shift_floor(
    latents: NDArray[np.floating],
    counts: NDArray[np.integer],
    train: NDArray[np.intp],
    test: NDArray[np.intp],
    settings: ScoreSettings,
) -> float | None:
    null_values = []
    for i, shift in enumerate(circular_shifts(latents[0], settings, "bits_per_spike")):
        shifted = np.roll(latents[i % len(latents)], shift, axis=0)
        null = fit_readout(shifted, counts, train, max_steps=NULL_STEPS).score(shifted, counts, test)
        null_values.append(null.bits_per_spike)
    return floor_of(null_values)
