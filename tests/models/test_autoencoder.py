"""An autoencoder's loss, against the likelihood it stands for."""

import numpy as np
import pytest
import scipy.stats
import torch

from alveus.config.models import Autoencoder as Settings
from alveus.config.networks import MlpDecoder, MlpEncoder
from alveus.models.autoencoder import Autoencoder
from alveus.models.batch import Batch

N_UNITS = 6


@pytest.mark.parametrize("of_counts", [True, False])
def test_the_loss_is_twice_the_negative_log_likelihood_of_unit_variance_up_to_a_constant(of_counts):
    settings = Settings(
        method="autoencoder", latents=2, encoder=MlpEncoder(hidden=(8,)), decoder=MlpDecoder(hidden=(8,))
    )
    rng = np.random.default_rng(0)
    counts = rng.poisson(rng.uniform(0, 9, (2, 500, N_UNITS)))
    differences = []
    for values in counts if of_counts else counts * 0.37 - 1:
        network = Autoencoder(settings, N_UNITS, of_counts=of_counts)
        activity = torch.tensor(values, dtype=torch.float32)
        network.start_from(lambda: [activity])  # noqa: B023  (used at once)
        with torch.no_grad():
            latents = network.encode(activity).posterior.loc
            given_back = network.readout(network.decoder(latents)).double().numpy()
        seen = 2 * np.sqrt(values + 3 / 8) if of_counts else values / values.std(0)
        nats = scipy.stats.norm(given_back, 1).logpdf(seen - seen.mean(0)).sum(1).mean()
        terms = network.terms(Batch(activity, network.log_base(activity)), torch.empty(0))
        differences.append(network.loss(terms.means(), 0.0).item() + 2 * nats)
    constant = -N_UNITS * np.log(2 * np.pi)
    assert differences == pytest.approx([constant, constant], rel=1e-5)
