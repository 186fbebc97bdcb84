"""The distribution of activity given a decoder's features; chosen by name."""

from alveus.models.likelihoods.gaussian import GaussianLikelihood
from alveus.models.likelihoods.likelihood import Likelihood
from alveus.models.likelihoods.negative_binomial import NegativeBinomialLikelihood
from alveus.models.likelihoods.poisson import PoissonLikelihood
from alveus.models.likelihoods.zero_inflated_gamma import ZeroInflatedGammaLikelihood

LIKELIHOODS: dict[str, type[Likelihood]] = {
    "poisson": PoissonLikelihood,
    "negative_binomial": NegativeBinomialLikelihood,
    "gaussian": GaussianLikelihood,
    "zero_inflated_gamma": ZeroInflatedGammaLikelihood,
}

__all__ = [
    "LIKELIHOODS",
    "GaussianLikelihood",
    "Likelihood",
    "NegativeBinomialLikelihood",
    "PoissonLikelihood",
    "ZeroInflatedGammaLikelihood",
]
