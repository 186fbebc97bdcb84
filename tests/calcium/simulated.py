"""Calcium with known spikes, for the tests of this folder: plain SciPy filters, no code of alveus."""

import numpy as np
from scipy.signal import lfilter


def transients(spikes, rate, decay, rise=0.0):
    """Return calcium in units of one spike's height, (n_units, n_frames)."""
    d = np.exp(-1 / (rate * decay))
    r = np.exp(-1 / (rate * rise)) if rise else 0.0
    impulse = lfilter([1.0], [1.0, -d - r, d * r], np.eye(1, round(5 * decay * rate) + 10)[0])
    return lfilter([1.0], [1.0, -d - r, d * r], spikes, axis=-1) / impulse.max()


def simulate(rng, n_units, seconds, rate, decay, rise=0.0, noise=0.3, firing=0.5):
    """Return true spikes per frame and noisy traces, (n_units, n_frames)."""
    spikes = rng.poisson(firing / rate, (n_units, round(seconds * rate))).astype(float)
    calcium = transients(spikes, rate, decay, rise)
    return spikes, calcium + noise * rng.normal(size=calcium.shape)


def median_correlation(events, spikes, per_bin):
    """Return the median over units of the correlation in bins of `per_bin` frames."""
    n = events.shape[1] // per_bin * per_bin
    a, b = (x[:, :n].reshape(len(x), -1, per_bin).sum(axis=2) for x in (events, spikes))
    return np.median([np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)])
