"""A seed to the raw fluorescence of neurons that a few latents drive, as a two-photon microscope records it."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from alveus.config.problems import did_you_mean
from alveus.errors import SettingError
from alveus.recording import Behavior, Recording, Traces
from alveus.recording.frames import ByUnit
from alveus.simulation.field_of_view import FAULTS, Cell, Fault, FieldOfView, MadeWhenRead
from alveus.simulation.indicators import INDICATORS, Indicator
from alveus.simulation.recording import bin_centres, simulated_recording
from alveus.simulation.seeds import generator
from alveus.simulation.sizes import check_sizes

NAME = "two_photon"
TIME_CONSTANTS = (4.0, 2.0, 1.0)  # of the latents [s]
SETTLED = 10  # time constants before the recording: as long as the latents take to forget how they began
BASE_RATE, SPREAD_OF_RATES = 0.5, 0.7  # median over cells [Hz], and standard deviation of its logarithm
SHARED_DRIVE = (0.4, 0.0, 0.0)  # mean weight of each latent: the first one excites most cells, as running does
PRIVATE_DRIVE = 0.6  # standard deviation of weights
FIELD = 500.0  # width and height [µm]
GRID = 4  # sources of neuropil in a row, and rows
POOL, LOCAL_DRIVE = 40, 0.4  # unseen neurons behind a source, and standard deviation of what their weights share
REACH = 100.0  # standard deviation of the part of a field that an annulus takes in [µm]
CONTRAST = 0.15  # standard deviation of neuropil light over its mean, at a source
BASELINE, SPREAD_OF_BASELINES = (
    400.0,
    0.35,
)  # light of a cell at rest: median, and standard deviation of its logarithm
NEUROPIL, SPREAD_OF_NEUROPIL = 220.0, 0.2
SPREAD_OF_AMPLITUDES, SPREAD_OF_DECAYS = 0.3, 0.1  # of indicators in different cells, in their logarithm
DRIFT = 0.05  # largest swing of a baseline, in parts of it
DRIFT_PERIODS = (180.0, 600.0)  # [s]
LOST_TOGETHER = 3  # frames in a row, on average
MOST_DROPPED = 0.5  # with more there is no recording left

Floats = NDArray[np.float64]


def two_photon(
    *,
    seed: int = 0,
    units: int = 100,
    minutes: float = 10.0,
    rate: float = 30.0,
    indicator: str = "gcamp6s",
    noise: float = 1.0,
    dropped: float = 0.0,
    bad_units: int = 0,
) -> Recording:
    """Simulate the raw fluorescence of a field of view.

    Three independent latents, Gaussian processes with Matérn-3/2 correlation and time constants of 4, 2 and 1 s,
    drive Poisson spikes: ``rate_n = base_n · exp(w_n·z − |w_n|²/2)``, with base rates around 0.5 Hz. The first
    latent excites most cells. Spikes become ΔF/F through the indicator's rise, decay and mildly nonlinear binding,
    which differ a little from cell to cell. On top of that come bleaching, slow drift of each baseline, photon and
    read noise, and neuropil: 16 sources on a grid, each the calcium of unseen neurons that the same latents drive.
    An ROI holds 0.7 of the neuropil light around it.

    Each unit draws from a seed of its own and its traces are made when they are read: a recording of any size
    takes the memory of its spike times, and the first units of a large recording are those of a small one of the
    same length. No ceiling is given: the posterior of the latents given fluorescence has no closed form.

    Parameters
    ----------
    seed
        Of everything.
    units
        How many ROIs.
    minutes
        Length of the recording.
    rate
        Frames per second. Twice as many hold half the photons each.
    indicator
        A key of `INDICATORS`.
    noise
        Times the usual standard deviation of the noise; 0: none.
    dropped
        Share of the frames that are lost, three in a row on average: NaN.
    bad_units
        So many of the last ROIs are in turn constant, NaN, and brighter than the detector can tell.

    Returns
    -------
    Recording
        Fluorescence and neuropil, the true spike times and latents, the first latent as behaviour ``x``, and for
        each unit its position [µm] (``x``, ``y``), its true ``baseline``, and its ``fault`` (empty: none).

    Raises
    ------
    SettingError
        If there would be no unit, fewer than two frames, more bad units than units; if the indicator is not known;
        if noise is negative; if more than half of the frames would be dropped.

    References
    ----------
    Song et al. (2021), Neural anatomy and optical microscopy (NAOMi) simulation for evaluating calcium imaging
    methods, J. Neurosci. Methods 358, for what a simulation down to the optics looks like.
    Rupprecht et al. (2021), A database and deep learning toolbox for noise-optimized, generalized spike inference
    from calcium imaging, Nat. Neurosci. 24, for the noise of usual recordings.
    """
    n_frames = _check(seed, units, minutes, rate, indicator, noise, dropped, bad_units)
    rng = generator(NAME, seed)
    latents = matern_latents(n_frames, rate, TIME_CONSTANTS, rng)
    sources = neuropil_sources(latents, rate, INDICATORS[indicator], rng)
    missing = lost_frames(n_frames, dropped, rng)
    cells, places = [], np.empty((units, 2))
    for unit in range(units):
        of_unit = generator(NAME, seed, unit, 0)
        places[unit] = of_unit.uniform(0, FIELD, 2)
        fault = _fault(unit, units - bad_units)
        cells.append(_draw_cell(latents, rate, places[unit], INDICATORS[indicator], of_unit, fault))
    field = FieldOfView(NAME, seed, cells, sources, rate, noise, missing)
    traces = [ByUnit(MadeWhenRead(units, n_frames, make)) for make in (field.fluorescence, field.neuropil)]
    return simulated_recording(
        NAME,
        Traces(traces[0], rate, "fluorescence", traces[1], missing=missing if dropped else None),
        latents,
        None,
        "",
        options={"seed": seed, "indicator": indicator, "noise": noise, "dropped": dropped, "bad_units": bad_units},
        behavior=(Behavior("x", bin_centres(n_frames, 1 / rate), latents[:, 0].copy()),),
        truth_spike_times=tuple(cell.spikes for cell in cells),
        unit_columns={
            "x": places[:, 0],
            "y": places[:, 1],
            "baseline": np.array([cell.baseline for cell in cells]),
            "fault": np.array([cell.fault for cell in cells], np.str_),
        },
    )


def matern_latents(
    n_frames: int, rate: float, time_constants: tuple[float, ...], rng: np.random.Generator
) -> Floats:
    """Draw independent stationary Gaussian processes of variance 1, smooth as two decays in a row make them.

    Parameters
    ----------
    n_frames, rate
        How many, and how many a second.
    time_constants
        One for each latent [s]: its autocorrelation is ``(1 + t/τ) · exp(−t/τ)``.
    rng
        Of the draws.

    Returns
    -------
    NDArray
        (n_frames, n_latents).
    """
    latents = np.empty((n_frames, len(time_constants)))
    for j, tau in enumerate(time_constants):
        before = math.ceil(SETTLED * tau * rate)
        decay = math.exp(-1 / (tau * rate))
        scale = math.sqrt((1 - decay**2) ** 3 / (1 + decay**2))
        white = rng.standard_normal(before + n_frames)
        latents[:, j] = lfilter([scale], [1.0, -2 * decay, decay**2], white)[before:]
    return latents


def firing_rate(latents: Floats, weights: Floats, base: float) -> Floats:
    """Return the rate [Hz] of neurons with weights (n_latents, ...) in every frame, (n_frames, ...).

    Its mean over latents of variance 1 is the base rate.
    """
    return np.asarray(base * np.exp(latents @ weights - (weights**2).sum(axis=0) / 2))


def draw_spikes(firing: Floats, rate: float, rng: np.random.Generator) -> Floats:
    """Draw the spike times [s] of a Poisson process, ascending, from its rate [Hz] in each frame.

    Spikes are placed evenly in expected spikes, which is time stretched where firing is fast: exact, at a cost per
    spike rather than per frame.
    """
    expected = np.concatenate([[0.0], np.cumsum(firing) / rate])
    n_spikes = rng.poisson(expected[-1])
    at = np.sort(rng.random(n_spikes)) * expected[-1]
    frame = np.minimum(np.searchsorted(expected, at, side="right") - 1, firing.size - 1)
    return np.asarray((frame + (at - expected[frame]) / (firing[frame] / rate)) / rate)


def neuropil_sources(
    latents: Floats, rate: float, indicator: Indicator, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the light of the sources of neuropil, around 1, (n_frames, 16): calcium of many unseen neurons."""
    sources = np.empty((len(latents), GRID * GRID), np.float32)
    for k in range(GRID * GRID):
        of_source = _draw_weights(rng, ()) - np.asarray(SHARED_DRIVE)
        weights = _draw_weights(rng, (POOL,)) + (of_source * LOCAL_DRIVE / PRIVATE_DRIVE)[:, None]
        calcium = indicator.calcium_of_rate(firing_rate(latents, weights, 1.0).mean(axis=1), rate)
        sources[:, k] = 1 + CONTRAST * (calcium - calcium.mean()) / max(calcium.std(), np.finfo(float).tiny)
    return sources


def surroundings(place: Floats) -> Floats:
    """Return the share of each source (16,) in the neuropil around a place (2,) [µm]; they sum to 1."""
    centres = (np.arange(GRID) + 0.5) * FIELD / GRID
    x, y = (np.exp(-((coordinate - centres) ** 2) / (2 * REACH**2)) for coordinate in place)
    shares = np.outer(x, y).ravel()
    return np.asarray(shares / shares.sum())


def lost_frames(n_frames: int, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose about a share of the frames, (n_frames,): runs of geometric length, three on average, far apart."""
    if share == 0:
        return np.zeros(n_frames, np.bool_)
    mean_lengths = np.array([LOST_TOGETHER * (1 - share) / share, LOST_TOGETHER])  # of kept and of lost frames
    lengths = rng.geometric(1 / mean_lengths, (n_frames // 2 + 1, 2)).ravel()  # enough if all were of one frame
    lengths = lengths[: np.searchsorted(np.cumsum(lengths), n_frames) + 1]
    return np.repeat(np.arange(lengths.size) % 2 == 1, lengths)[:n_frames]


def _draw_weights(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    shared = np.reshape(SHARED_DRIVE, (-1, *(1 for _ in shape)))
    return np.asarray(shared + PRIVATE_DRIVE * rng.standard_normal((len(SHARED_DRIVE), *shape)))


def _draw_cell(
    latents: Floats, rate: float, place: Floats, indicator: Indicator, rng: np.random.Generator, fault: Fault
) -> Cell:
    base = BASE_RATE * math.exp(SPREAD_OF_RATES * rng.standard_normal())
    spikes = draw_spikes(firing_rate(latents, _draw_weights(rng, ()), base), rate, rng)
    return Cell(
        spikes=spikes,
        indicator=indicator.varied(
            amplitude=math.exp(SPREAD_OF_AMPLITUDES * rng.standard_normal()),
            decay=math.exp(SPREAD_OF_DECAYS * rng.standard_normal()),
        ),
        baseline=BASELINE * math.exp(SPREAD_OF_BASELINES * rng.standard_normal()),
        neuropil=NEUROPIL * math.exp(SPREAD_OF_NEUROPIL * rng.standard_normal()),
        surroundings=surroundings(place),
        drift=DRIFT * rng.random(),
        drift_period=rng.uniform(*DRIFT_PERIODS),
        drift_phase=2 * math.pi * rng.random(),
        fault=fault,
    )


def _fault(unit: int, first_bad: int) -> Fault:
    return FAULTS[(unit - first_bad) % len(FAULTS)] if unit >= first_bad else ""


def _check(
    seed: int,
    units: int,
    minutes: float,
    rate: float,
    indicator: str,
    noise: float,
    dropped: float,
    bad_units: int,
) -> int:
    """Refuse what cannot be made; return the number of frames."""
    check_sizes(
        NAME,
        seed=(seed, 0),
        units=(units, max(1, bad_units)),
        minutes=(minutes, 2 / 60 / rate if rate > 0 else 0),
        rate=(rate, 0.1),
        noise=(noise, 0),
        dropped=(dropped, 0),
        bad_units=(bad_units, 0),
    )
    if dropped > MOST_DROPPED:
        raise SettingError(f"simulation {NAME}: dropped is {dropped}, give a share of at most {MOST_DROPPED}")
    if indicator not in INDICATORS:
        raise SettingError(f"simulation {NAME}: no indicator {indicator!r}; {did_you_mean(indicator, INDICATORS)}")
    return round(minutes * 60 * rate)
