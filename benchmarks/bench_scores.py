"""A long session and five seeds to the time and memory that its scores take.

Prints the seconds of `score_model` and of one readout, and the peak memory over that of the arrays themselves.
Run with ``OMP_NUM_THREADS=1 python benchmarks/bench_scores.py [n_bins]``.
"""

import json
import resource
import sys
import time

import numpy as np

from alveus.recording.reliance import Reliance
from alveus.scores import Covariate, ModelScoreInputs, SessionScoreInputs, score_model, score_session
from alveus.scores.readout import fit_readout

N_UNITS, N_LATENTS, N_SEEDS = 200, 8, 5


def main(n_bins: int) -> None:
    rng = np.random.default_rng(0)
    latents = rng.standard_normal((N_SEEDS, n_bins, N_LATENTS), np.float32)
    weights = rng.standard_normal((N_LATENTS, N_UNITS)).astype(np.float32) * 0.3
    counts = np.empty((n_bins, N_UNITS), np.uint8)
    for start in range(0, n_bins, 10_000):
        counts[start : start + 10_000] = rng.poisson(0.1 * np.exp(latents[0, start : start + 10_000] @ weights))
    phase = np.arange(n_bins) % (n_bins // 10) / (n_bins // 10)
    split = np.select([phase < 0.7, phase < 0.8], [0, 1], 2).astype(np.int8)
    angle = np.cumsum(rng.standard_normal(n_bins)) * 0.05
    behavior = {
        "heading": Covariate(np.mod(angle, 360).astype(np.float32), "circular", 360.0),
        "position": Covariate(np.stack([np.cos(angle / 9), np.sin(angle / 7)], axis=1).astype(np.float32)),
    }
    lost = rng.normal(1, 5, (N_SEEDS, 2048, N_LATENTS + 1)).astype(np.float32)
    reliance = Reliance(np.flatnonzero(split == 2)[:2048], lost, lost[:, :8] / 50)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    times = {}
    start_time = time.perf_counter()
    fit_readout(latents[0], counts, np.flatnonzero(split == 0))
    times["one readout"] = time.perf_counter() - start_time
    start_time = time.perf_counter()
    rows = score_model(
        ModelScoreInputs(
            counts,
            split,
            held_out=np.arange(N_UNITS) % 5 == 0,
            mean=latents,
            held_in_mean=latents[0],
            log_likelihood=np.full((N_SEEDS, n_bins), -50, np.float32),
            kl=latents**2,
            prior_variance=np.ones((N_SEEDS, N_LATENTS)),
            reliance=reliance,
            behavior=behavior,
        )
    )
    times["score_model"] = time.perf_counter() - start_time
    start_time = time.perf_counter()
    score_session(SessionScoreInputs(counts, split, np.zeros(n_bins, np.int32), 0.02, behavior=behavior))
    times["score_session"] = time.perf_counter() - start_time
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    for name, seconds in times.items():
        print(f"{name:14s} {seconds:6.1f} s")
    print(f"peak memory {peak:.0f} MB, {peak - before:.0f} MB above the arrays; {len(rows)} rows")
    print(json.dumps({"n_bins": n_bins, **times, "peak_mb": peak, "above_arrays_mb": peak - before}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 180_000)
