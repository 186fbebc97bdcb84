"""The size of a recording to the memory and time a job asks a scheduler for."""

BASE_MB = {
    "deconvolve": 2200,
    "bin": 600,
    "fit": 1500,
    "encode": 1200,
    "rates": 1200,
    "score": 1200,
    "score_session": 1000,
    "report": 1200,
}
"""Memory of an idle Python with the stage's libraries loaded, rounded up generously [MB]."""

BYTES_PER_COUNT = {
    "deconvolve": 0.0,
    "bin": 0.0,
    "fit": 6.0,
    "encode": 6.0,
    "rates": 6.0,
    "score": 12.0,
    "score_session": 10.0,
    "report": 2.0,
}
"""Bytes that a stage holds per bin and unit: the counts, a copy on the device, blocks of floats."""

COUNTS_PER_SECOND = {
    "deconvolve": 1e6,
    "bin": 2e7,
    "fit": 3e5,
    "encode": 2e7,
    "rates": 1e6,
    "score": 2e6,
    "score_session": 2e6,
    "report": 2e7,
}
"""Bins times units that a stage gets through per second on a slow core, per seed."""

RAW_BYTES_PER_COUNT = 0.5
"""While nothing is binned: counts that one raw byte becomes, from recordings at 20 ms."""

GROWTH = 1.5
"""Each further attempt asks for this much more memory and time."""


def memory_mb(stage: str, size: tuple[int, int] | int, attempt: int = 1, *, seeds: int = 1) -> int:
    """Return the memory a job asks for [MB].

    Parameters
    ----------
    stage
        Name of the rule.
    size
        (n_bins, n_units), or the size of the raw data [bytes] while it is not binned.
    attempt
        1 for the first.
    seeds
        Fits in the job; their latents are held together.
    """
    latents = 40.0 * size[0] * seeds if isinstance(size, tuple) else 0.0  # a mean, scale and KL for 3 latents each
    grown = BASE_MB[stage] + (BYTES_PER_COUNT[stage] * _counts(size) + latents) / 1e6
    return round(grown * GROWTH ** (attempt - 1))


def minutes(stage: str, size: tuple[int, int] | int, attempt: int = 1, *, seeds: int = 1) -> int:
    """Return the run time a job asks for [minutes]; parameters as for `memory_mb`."""
    seconds = 300 + seeds * _counts(size) / COUNTS_PER_SECOND[stage]
    return round(seconds / 60 * GROWTH ** (attempt - 1))


def _counts(size: tuple[int, int] | int) -> float:
    return float(size[0] * size[1]) if isinstance(size, tuple) else size * RAW_BYTES_PER_COUNT
