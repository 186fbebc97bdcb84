"""Models with random weights, which say as well as trained ones what is drawn from them."""

from alveus.config.models import COUNT_LIKELIHOODS, Vae
from alveus.fit.fitted import FittedModel
from alveus.models.build import build_network, seeded

BIN = 0.02
AUTOREGRESSIVE = {"kind": "autoregressive", "time_constant": 0.2}


def untrained(seed: int = 0, n_units: int = 6, n_conditions: int = 0, **settings) -> FittedModel:
    """Make a model whose units, if they count, fire about once in three bins."""
    net = {"kind": "mlp", "hidden": [8]}
    model = Vae(method="vae", **({"latents": 2, "encoder": net, "decoder": net} | settings))
    of_counts = model.likelihood.kind in COUNT_LIKELIHOODS

    def build():
        return build_network(model, n_units, bin_size=BIN, n_conditions=n_conditions, of_counts=of_counts)

    network = seeded(build, seed)
    if of_counts:
        network.likelihood.readout.bias.data.fill_(-1.0)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    plain, seeds = model.model_dump(mode="json"), (state, state)
    return FittedModel("vae", plain, n_units, model.latents, seeds, state, BIN, n_conditions, of_counts)
