"""The distribution of the latents before the activity is seen; chosen by name."""

from alveus.models.priors.anisotropic import AnisotropicPrior
from alveus.models.priors.autoregressive import AutoregressivePrior
from alveus.models.priors.conditional import ConditionalPrior
from alveus.models.priors.prior import NormalPrior, Prior
from alveus.models.priors.standard import StandardPrior

PRIORS: dict[str, type[Prior]] = {
    "standard": StandardPrior,
    "anisotropic": AnisotropicPrior,
    "conditional": ConditionalPrior,
    "autoregressive": AutoregressivePrior,
}

__all__ = [
    "PRIORS",
    "AnisotropicPrior",
    "AutoregressivePrior",
    "ConditionalPrior",
    "NormalPrior",
    "Prior",
    "StandardPrior",
]
