"""Takes the light of the surroundings out of the fluorescence of ROIs."""

import numpy as np
from numpy.typing import NDArray

from alveus.errors import RecordingError


def check_shapes(fluorescence: tuple[int, ...], neuropil: tuple[int, ...]) -> None:
    """Refuse neuropil that does not belong to the fluorescence.

    Raises
    ------
    RecordingError
        When the two, (unit, frame), differ in shape.
    """
    if fluorescence != neuropil:
        raise RecordingError(
            f"fluorescence has {fluorescence[0]} ROIs × {fluorescence[1]} frames, neuropil {neuropil[0]} × "
            f"{neuropil[1]}: they must agree; take both from the same run, or leave neuropil out"
        )


def subtract_neuropil(
    fluorescence: NDArray[np.float64], neuropil: NDArray[np.float64], part: float
) -> NDArray[np.float64]:
    """Subtract a part of the surrounding fluorescence, in place.

    Nothing is added back for the mean that is lost: what the surroundings contribute is no light of the cell, so
    that it belongs neither to F nor to F0. suite2p subtracts the same (its default part is 0.7, after Chen et al.,
    2013, Nature 499:295) but never divides by F0; where little of a ROI's light is its own, F0 comes close to 0,
    and `alveus.calcium.dff` guards the division.

    Parameters
    ----------
    fluorescence
        (unit, frame), changed.
    neuropil
        (unit, frame) of the surroundings of each ROI; used up as scratch memory.
    part
        How much of it reaches the ROI.
    """
    neuropil *= part
    fluorescence -= neuropil
    return fluorescence
