"""A fitted variational autoencoder to statistics of recordings drawn from it, to compare with the recorded one."""

import numpy as np
import torch

from alveus.encode.sample import draws, generative, why_not_generative
from alveus.fit.data import TEST, FitData
from alveus.fit.device import choose_device, set_threads
from alveus.fit.fitted import FittedModel
from alveus.fit.memory import memory_told
from alveus.recording.population import N_DRAWS, Predictive, RunningStatistics, place_probe


def predictive(
    model: FittedModel, data: FitData, *, random_seed: int = 0, device: str = "auto", threads: int = 1
) -> Predictive | None:
    """Draw test bins from the prior and the decoder of seed 0, and take their statistics block by block.

    No recording is ever held: of each block only sums are kept.

    Parameters
    ----------
    model
        What `fit` gave.
    data
        What it was fitted to; of its activity nothing but the sizes is used.
    random_seed
        Of the draws.
    device, threads
        As for `encode`.

    Returns
    -------
    predictive
        None for a method that nothing can be drawn from, or where test bins or units are too few.

    References
    ----------
    Rubin (1984), Annals of Statistics 12:1151; Gelman, Meng & Stern (1996), Statistica Sinica 6:733.
    """
    probe = None if why_not_generative(model) else place_probe(data.split == TEST, model.n_units)
    if probe is None:
        return None
    set_threads(threads)
    chosen = choose_device(device)[0]
    vae = generative(model, 0, chosen)
    generator = torch.Generator(chosen).manual_seed(random_seed)
    conditions = None if data.conditions is None else np.ascontiguousarray(data.conditions[probe.bins])
    running = RunningStatistics(N_DRAWS, model.n_units, probe)
    with memory_told("predictive check"):
        for part, _, activity in draws(vae, N_DRAWS, probe.bins, data.segment[probe.bins], conditions, generator):
            running.add(part.start, activity.cpu().numpy())
    return Predictive(probe, running.statistics())
