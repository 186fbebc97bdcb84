"""Turns a model and a batch into the terms of its objective: the one place where they are put together."""

import math

import torch
from torch import Tensor

from alveus.models.batch import Batch
from alveus.models.decoders import Decoder
from alveus.models.likelihoods import Likelihood
from alveus.models.network import Encoded, Terms
from alveus.models.posteriors import Posterior
from alveus.models.priors import Prior

LARGEST_BATCH = 256
"""Bins compared with each other at a time: the work grows with their square."""


def elbo_terms(
    encoded: Encoded,
    decoder: Decoder,
    likelihood: Likelihood,
    prior: Prior,
    batch: Batch,
    noise: Tensor,
    *,
    baseline: Tensor | None = None,
) -> Terms:
    """Return the terms of the evidence lower bound.

    Parameters
    ----------
    encoded
        Posterior and hidden layer of the batch's bins.
    decoder, likelihood, prior
        Of the model.
    batch
        The bins.
    noise
        (..., bin, latent) standard normal; one sample of the posterior per bin.
    baseline
        () given: the gradient reaches the encoder through the score function, with this as a running baseline of
        log p(x|z) (Williams, 1992, Machine Learning 8:229); else through the sample.
    """
    posterior = prior.for_training(encoded.posterior, batch)
    targets = posterior if batch.last is None else posterior.select(batch.first, batch.last)
    sample = targets.place(batch.of_targets(noise))
    if baseline is not None:
        sample = sample.detach()
    activity = batch.of_targets(batch.activity)
    features = decoder(sample, batch.of_targets(encoded.hidden) if decoder.hears_encoder else None)
    kernel = likelihood.log_kernel(features, activity)
    if batch.hidden is None:
        log_likelihood = kernel.sum(-1) + batch.log_base
    else:  # of the units that the encoder did not see, as if they were all
        assert batch.hidden_part is not None  # noqa: S101  (for the type checker)
        hidden = batch.of_targets(batch.hidden)
        log_likelihood = (kernel * hidden).sum(-1) / batch.hidden_part + batch.log_base
    if baseline is not None:
        log_likelihood = _with_score_function(log_likelihood, targets.log_density(sample), baseline)
    return Terms(log_likelihood, prior.kl(posterior, batch), batch.counted)


def _with_score_function(log_likelihood: Tensor, log_density: Tensor, baseline: Tensor) -> Tensor:
    """Return the same values, with the gradient (log p(x|z) − b) ∇ log q(z|x) added."""
    surrogate = (log_likelihood.detach() - baseline) * log_density
    return log_likelihood + surrogate - surrogate.detach()


def total_correlation(posterior: Posterior, sample: Tensor, n_bins: int) -> Tensor:
    """Estimate KL(q(z) ‖ Π_j q(z_j)) from a batch by stratified sampling, () [nats].

    For training only: the estimate of a batch is biased, its gradient useful (Chen et al., 2018). Scores use all
    bins.

    Parameters
    ----------
    posterior
        Diagonal, of the batch's bins (bin, latent).
    sample
        (bin, latent) one sample of each.
    n_bins
        Training bins in all.
    """
    n_batch = sample.shape[0]
    if n_batch > LARGEST_BATCH:
        blocks = [slice(first, first + LARGEST_BATCH) for first in range(0, n_batch, LARGEST_BATCH)]
        parts = [
            total_correlation(posterior.select(block.start, block.stop), sample[block], n_bins)
            * len(sample[block])
            for block in blocks
        ]
        return torch.stack(parts).sum() / n_batch
    normal = torch.distributions.Normal(posterior.loc, posterior.variance.sqrt(), validate_args=False)
    log_q = normal.log_prob(sample.unsqueeze(1))  # (sample, component, latent)
    log_weight = stratified_log_weights(n_batch, n_bins).to(log_q).unsqueeze(-1)
    joint = (log_q.sum(-1, keepdim=True) + log_weight).logsumexp(1).squeeze(-1)
    marginals = (log_q + log_weight).logsumexp(1).sum(-1)
    return (joint - marginals).mean()


def stratified_log_weights(n_batch: int, n_bins: int) -> Tensor:
    """Return the log weight of each posterior of a batch in q(z) at each sample, (sample, component).

    Each row sums to 1: 1/N for the sample's own posterior, (N−M)/(NM) for one other, 1/M for the rest, with
    M = B − 1. A full batch weighs all alike.
    """
    if n_batch >= n_bins:
        return torch.full((n_batch, n_batch), -math.log(n_batch))
    others = n_batch - 1
    weights = torch.full((n_batch, n_batch), 1 / others)
    rows = torch.arange(n_batch)
    weights[rows, (rows + 1) % n_batch] = (n_bins - others) / (n_bins * others)
    weights[rows, rows] = 1 / n_bins
    return weights.log()
