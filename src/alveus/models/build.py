"""Settings of a method that is trained, and the sizes of its data, to a fresh network."""

from collections.abc import Callable

import torch

from alveus.config.models import Autoencoder as AutoencoderSettings
from alveus.config.models import Vae as VaeSettings
from alveus.models.autoencoder import Autoencoder
from alveus.models.network import Network
from alveus.models.vae import Vae

Trained = VaeSettings | AutoencoderSettings


def build_network(
    settings: Trained, n_units: int, *, bin_size: float, n_conditions: int, of_counts: bool
) -> Network:
    """Build a network with weights from torch's global generator.

    Parameters
    ----------
    settings
        Of the method.
    n_units
        Number of recorded units.
    bin_size
        Width of a bin [s].
    n_conditions
        Width of what else is known of a bin.
    of_counts
        Whether the activity is counts.
    """
    if isinstance(settings, VaeSettings):
        return Vae(settings, n_units, bin_size, n_conditions)
    return Autoencoder(settings, n_units, bin_size, of_counts=of_counts)


def seeded(make: Callable[[], Network], seed: int) -> Network:
    """Build a network with the weights of a seed, and leave torch's global generator as it was."""
    with torch.random.fork_rng(devices=[]):  # layers draw their weights from torch's global generator
        torch.manual_seed(seed)
        return make()
