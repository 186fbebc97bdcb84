"""Items to the gradient of their loss: all at once, or in parts that add up to the same."""

from typing import NamedTuple

import torch
from torch import Tensor

from alveus.fit.batches import Batches
from alveus.fit.run import Run
from alveus.models.network import Means, Terms, averaged


class Draws(NamedTuple):
    """What is random in a step; drawn for the whole batch, so that its parts see what the whole would see.

    Parameters
    ----------
    noise
        (item, ..., latent) standard normal.
    hidden
        (item, ..., unit) units that the encoder misses; None: none.
    hidden_part
        () which part of all targets' units that is; None likewise.
    """

    noise: Tensor
    hidden: Tensor | None = None
    hidden_part: Tensor | None = None


def drawn(run: Run, bins: Batches, n_items: int) -> Draws:
    """Draw what is random in a step: noise of the latents, and which units the encoder misses."""
    device = bins.activity.device
    shape = bins.shape(n_items)
    noise = torch.randn((*shape, run.model.n_latents), generator=run.noise, device=device)
    part = run.model.unit_dropout
    if not part:
        return Draws(noise)
    hidden = torch.rand((*shape, run.model.n_units), generator=run.noise, device=device) < part
    return Draws(noise, hidden, bins.of_targets(hidden).float().mean())


def terms_of(run: Run, bins: Batches, items: Tensor, draws: Draws, part: slice) -> Terms:
    """Evaluate some items of a batch."""
    batch = bins.batch(items[part])
    if draws.hidden is not None:
        batch = batch._replace(hidden=draws.hidden[part], hidden_part=draws.hidden_part)
    return run.model.terms(batch, draws.noise[part])


def gradients(
    run: Run, bins: Batches, items: Tensor, draws: Draws, parts: list[slice], *, precision: str
) -> Tensor:
    """Leave the gradient of the loss of a batch with the parameters.

    The loss is a function of averages over the batch (`Means`), often but not always a linear one. Of a batch in
    parts, first the averages are computed without gradients, and how the loss changes with each of them; then the
    gradient of every part's share in the averages is added. It is the gradient of the whole batch up to rounding,
    for any loss, at the price of a second pass forward.

    Parameters
    ----------
    run
        Whose model.
    bins, items
        Of the batch.
    draws
        For the whole of it.
    parts
        Of the items.
    precision
        float32 or bfloat16.

    Returns
    -------
    The loss, ().
    """
    model, beta = run.model, run.model.beta_at(run.step)

    def terms(part: slice) -> Terms:
        # a context for each: within one, layers would keep weights from the pass without gradients for the other
        with torch.autocast(bins.activity.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            return terms_of(run, bins, items, draws, part)

    run.optimizer.zero_grad(set_to_none=True)  # also of what an attempt that failed has left
    if len(parts) == 1:
        found = terms(parts[0])
        loss = model.loss(found.means(), beta)
        loss.backward()
        model.follow(found.log_likelihood.detach())
        return loss.detach()

    with torch.no_grad():
        every = [terms(part) for part in parts]
    sizes = torch.stack([one.n_counted for one in every])
    loss, slopes = _slopes(run, averaged([one.means() for one in every], sizes), beta)
    for part, share in zip(parts, (sizes / sizes.sum()).tolist(), strict=True):
        means = present(terms(part).means())
        moved = [(slope * value).sum() for slope, value in zip(slopes, means, strict=True)]
        (share * torch.stack(moved).sum()).backward()
    model.follow(torch.cat([one.log_likelihood for one in every]))
    return loss


def _slopes(run: Run, means: Means, beta: float) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return the loss, and its slope along each of the averages that there are."""
    leaves = [value.float().requires_grad_() for value in present(means)]
    loss = run.model.loss(Means(*leaves), beta)
    slopes = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    return loss.detach(), slopes


def present(means: Means) -> list[Tensor]:
    """Return the averages, without a total correlation that is not asked for."""
    return [value for value in means if value is not None]
