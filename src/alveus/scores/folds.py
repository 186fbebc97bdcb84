"""A timeline to contiguous folds with gaps: the pieces of it, and which folds may not see each."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Piece:
    """A stretch of bins that all folds treat alike.

    Parameters
    ----------
    start, stop
        Bins [start, stop).
    fold
        The fold it belongs to.
    hidden_from
        Folds whose predictions may not be fitted on it: its own, and a neighbour that is close.
    """

    start: int
    stop: int
    fold: int
    hidden_from: frozenset[int]


@dataclass(frozen=True)
class Folds:
    """Contiguous folds of a timeline.

    Parameters
    ----------
    edges
        (n_folds + 1,) bins; fold f is [edges[f], edges[f + 1]).
    pieces
        Their pieces in the order of time, three to a fold at the most.
    """

    edges: tuple[int, ...]
    pieces: tuple[Piece, ...]

    @property
    def n_folds(self) -> int:
        """How many."""
        return len(self.edges) - 1


def contiguous_folds(scored: NDArray[np.bool_], n_folds: int, gap: int) -> Folds:
    """Cut a timeline so that each fold holds as many scored bins as any other.

    Parameters
    ----------
    scored
        (n_bins,) bins that will be predicted; at least `n_folds` of them.
    n_folds
        How many folds.
    gap
        Bins on either side of a fold that its predictions are not fitted on.

    Returns
    -------
    Folds

    Examples
    --------
    >>> [(p.start, p.stop, sorted(p.hidden_from)) for p in contiguous_folds(np.ones(20, bool), 2, 3).pieces]
    [(0, 7, [0]), (7, 10, [0, 1]), (10, 13, [0, 1]), (13, 20, [1])]
    """
    places = np.flatnonzero(scored)
    inner = [int(places[i * places.size // n_folds]) for i in range(1, n_folds)]
    edges = (0, *inner, len(scored))
    pieces = []
    for fold, (start, stop) in enumerate(pairwise(edges)):
        cuts = {start, stop}
        if fold > 0:
            cuts.add(min(start + gap, stop))
        if fold < n_folds - 1:
            cuts.add(max(stop - gap, start))
        ordered = sorted(cuts)
        for left, right in pairwise(ordered):
            hidden = {fold}
            if fold > 0 and left < start + gap:
                hidden.add(fold - 1)
            if fold < n_folds - 1 and right > stop - gap:
                hidden.add(fold + 1)
            pieces.append(Piece(left, right, fold, frozenset(hidden)))
    return Folds(edges, tuple(pieces))
