"""A seed to signals of sources whose variance changes from segment to segment, mixed by a network."""

import numpy as np
from numpy.typing import NDArray

from alveus.errors import SettingError
from alveus.recording import Behavior, Recording, Traces
from alveus.simulation.matrices import mixing_matrix
from alveus.simulation.recording import bin_centres, simulated_recording
from alveus.simulation.seeds import generator
from alveus.simulation.sizes import check_sizes

SAMPLING_RATE = 50.0  # [Hz]
DEVIATIONS = (0.5, 3.0)  # bounds of a source's standard deviation in a segment
SLOPE = 0.2  # of the leaky rectifier below 0
DRAWS = 64  # of the noise of a bin, in pairs of opposite sign
LARGEST_NOISE = 0.02  # with more, so few draws miss most of the posterior
VALUES_AT_ONCE = 1 << 21  # 16 MB of log densities

Floats = NDArray[np.float64]


def ivae(
    *,
    seed: int = 0,
    segments: int = 40,
    bins: int = 1000,
    sources: int = 5,
    units: int = 20,
    layers: int = 3,
    noise: float = 0.01,
) -> Recording:
    """Simulate the nonstationary sources of iVAE.

    In every segment each source is Gaussian, white in time, with a standard deviation drawn from U(0.5, 3). They
    are mixed by a network without offsets, with leaky rectifiers between its layers, and small Gaussian noise is
    added. All layers are square but the last, which has an output per unit. One layer is a linear mixture.

    Without noise the mixing can be undone exactly, and that is the ceiling; with noise it is the posterior mean of
    the sources of each bin under the true mixing and noise, not knowing the segment. Three layers shrink some
    directions so much that noise of 0.01, a hundredth of the signals, lowers the MCC of the ceiling to 0.97 where
    there are as many units as sources; with 20 units it is 0.995.

    Parameters
    ----------
    seed
        Of mixing, standard deviations, sources and noise.
    segments, bins
        Segments, and bins of 20 ms in each.
    sources, units
        How many; not fewer units than sources. More of them, as many as the last layer has outputs, leave some to
        be held out; as many as sources is the published form.
    layers
        Of the mixing.
    noise
        Standard deviation of the noise, at most 0.02.

    Returns
    -------
    Recording
        Real-valued signals in the container of ΔF/F, the number of the segment as categorical behaviour
        ``segment_label``, and the true sources with their ceiling.

    Raises
    ------
    SettingError
        If there would be fewer than two segments, bins or sources, fewer units than sources, or no layer; if
        noise is negative or too large.

    References
    ----------
    Khemakhem et al. (2020), Variational autoencoders and nonlinear ICA: a unifying framework, AISTATS.
    Hyvärinen & Morioka (2016), Unsupervised feature extraction by time-contrastive learning and nonlinear ICA,
    NeurIPS.
    """
    check_sizes(
        "ivae",
        seed=(seed, 0),
        segments=(segments, 2),
        bins=(bins, 2),
        sources=(sources, 2),
        units=(units, sources),
        layers=(layers, 1),
        noise=(noise, 0),
    )
    if noise > LARGEST_NOISE:
        raise SettingError(f"simulation ivae: noise is {noise}, give at most {LARGEST_NOISE}")
    rng = generator("ivae", seed)
    matrices = [mixing_matrix(sources, sources, rng) for _ in range(layers - 1)]
    matrices.append(mixing_matrix(sources, units, rng))
    deviations = rng.uniform(*DEVIATIONS, (segments, sources))
    label = np.repeat(np.arange(segments), bins)
    latents = rng.standard_normal((label.size, sources)) * deviations[label]
    observed = mix(latents, matrices) + noise * rng.standard_normal((label.size, units))
    if noise:
        ceiling = mean_without_noise(observed, noise, matrices, deviations, rng)
        name = f"posterior mean under the true mixing and noise, without the segment ({DRAWS} draws of the noise)"
    else:
        ceiling, name = unmix(observed, matrices), "exact inverse of the true mixing"
    names = tuple(str(k) for k in range(segments))
    times = bin_centres(label.size, 1 / SAMPLING_RATE)
    return simulated_recording(
        "ivae",
        Traces(observed, SAMPLING_RATE, "dff"),
        latents,
        ceiling,
        name,
        options={"seed": seed, "layers": layers, "noise": noise},
        behavior=(Behavior("segment_label", times, label, "categorical", labels=names),),
    )


def mix(sources: Floats, matrices: list[Floats]) -> Floats:
    """Send sources (n, n_sources) through the layers, with leaky rectifiers between them."""
    x = sources @ matrices[0]
    for matrix in matrices[1:]:
        x = np.where(x < 0, SLOPE * x, x) @ matrix
    return x


def unmix(observed: Floats, matrices: list[Floats]) -> Floats:
    """Undo `mix`, (n, n_units) to (n, n_sources); where there are more units than sources, by least squares."""
    return undo_hidden(observed @ np.linalg.pinv(matrices[-1]), matrices[:-1])[0]


def undo_hidden(x: Floats, matrices: list[Floats]) -> tuple[Floats, Floats]:
    """Undo all layers but the last, whose input (n, n_sources) is given.

    Returns
    -------
    sources, log_volume
        (n, n_sources), and (n,) the logarithm of how much undoing enlarges a volume there, up to a constant.
    """
    log_volume = np.zeros(len(x))
    for matrix in reversed(matrices):
        below = x < 0
        log_volume -= np.log(SLOPE) * below.sum(axis=1)
        x = np.where(below, x / SLOPE, x) @ np.linalg.inv(matrix)
    return x, log_volume


def mean_without_noise(
    observed: Floats, noise: float, matrices: list[Floats], deviations: Floats, rng: np.random.Generator
) -> Floats:
    """Estimate the posterior mean of the sources by importance sampling.

    The input of the last layer is drawn around its least-squares estimate, as far off as the noise can have put
    that. Each draw is undone and weighted by its prior density: that of the sources, over all segments, times how
    much undoing enlarges a volume.

    Parameters
    ----------
    observed
        (n_bins, n_units).
    noise
        Standard deviation.
    matrices
        Of the mixing.
    deviations
        (n_segments, n_sources) standard deviations of the sources.
    rng
        Of the draws.

    Returns
    -------
    NDArray
        (n_bins, n_sources).
    """
    n_sources = deviations.shape[1]
    centre = observed @ np.linalg.pinv(matrices[-1])
    axes, lengths, _ = np.linalg.svd(matrices[-1], full_matrices=False)
    of_noise = noise * (axes / lengths).T  # white noise on the units as the last layer's input sees it
    precisions, constants = -0.5 / deviations.T**2, np.log(deviations).sum(axis=1)
    mean = np.empty_like(centre)
    rows = max(1, VALUES_AT_ONCE // (DRAWS * max(n_sources, len(deviations))))
    for first in range(0, len(centre), rows):
        x = centre[first : first + rows, None]
        half = rng.standard_normal((x.shape[0], DRAWS // 2, n_sources)) @ of_noise
        drawn = np.concatenate([x + half, x - half], axis=1).reshape(-1, n_sources)
        sources, log_weight = undo_hidden(drawn, matrices[:-1])
        of_segments = sources**2 @ precisions
        of_segments -= constants
        log_weight += _log_of_summed_exp(of_segments)
        weight = log_weight.reshape(-1, DRAWS)
        weight = np.exp(weight - weight.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        mean[first : first + rows] = np.einsum("bk,bkj->bj", weight, sources.reshape(-1, DRAWS, n_sources))
    return mean


def _log_of_summed_exp(values: Floats) -> Floats:
    """Return ln Σ exp over the second axis, (n,); overwrites the values, to save a copy of the largest array."""
    largest = values.max(axis=1)
    values -= largest[:, None]
    return np.asarray(np.log(np.exp(values, out=values).sum(axis=1)) + largest)
