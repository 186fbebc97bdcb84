"""What became of a unit in deconvolution: numbers for the compiled loops, words for people."""

MET, ALL_NOISE, TOO_QUIET, NO_ROOT = range(4)  # of the noise constraint
FLAT, UNKNOWN_NOISE = 10, 11

STATUSES = {
    MET: "",
    ALL_NOISE: "the noise alone explains the trace: no events",
    TOO_QUIET: "no calcium comes as close to the trace as its noise level asks: penalty 0",
    NO_ROOT: "no penalty meets the noise level: the nearest one is used",
    FLAT: "the trace is constant: no events",
    UNKNOWN_NOISE: "no segment is long enough to tell the noise level: penalty 0",
}

USUAL = (MET, TOO_QUIET)
"""Nothing to be warned of: real traces of little noise often vary more than calcium and white noise do."""
