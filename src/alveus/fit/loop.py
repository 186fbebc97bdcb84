"""Turns a fresh model into a trained one: the training loop, to be read from top to bottom."""

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from alveus.config.models import Training
from alveus.errors import SettingError, TemporaryError
from alveus.fit.data import BLOCK_BINS, Bins
from alveus.fit.fitted import Row
from alveus.fit.interrupt import Interruption
from alveus.fit.run import ORDER, VALIDATION_NOISE, Run, copied, stream
from alveus.models.objectives import elbo_terms

MAX_RESTARTS = 3
"""Returns to the best weights after a loss that is no number, before training gives up."""


def train(
    run: Run,
    bins: Bins,
    settings: Training,
    *,
    save: Callable[[Run], None],
    interruption: Interruption,
    progress: Callable[[Row], None] | None = None,
) -> None:
    """Train until the validation loss no longer improves; the model is left with the best weights seen.

    Parameters
    ----------
    run
        What to train, from wherever it stands.
    bins
        What to train it on.
    settings
        How.
    save
        Saves a checkpoint; called every `settings.checkpoint_seconds`, and when interrupted.
    interruption
        Read after every step.
    progress
        Is given every row of the history as it is made.

    Raises
    ------
    TemporaryError
        When interrupted, after saving.
    SettingError
        When the loss keeps turning into infinity or no number at all.
    """
    batch_size = min(settings.batch_size, len(bins.train))
    steps_per_epoch = len(bins.train) // batch_size  # the few bins left over change with every epoch
    last_step = min(settings.max_steps, settings.max_epochs * steps_per_epoch)
    n_latents = run.model.n_latents
    model, schedule = run.model, run.schedule
    order: Tensor | None = None
    saved_at = time.monotonic()

    if not run.history:
        record(run, bins, steps_per_epoch, progress)

    while run.step < last_step and not schedule.stopped:
        epoch, place = divmod(run.step, steps_per_epoch)
        if order is None or place == 0:
            order = shuffled(bins.train, run.seed, epoch)
        batch = bins.batch(order[place * batch_size : (place + 1) * batch_size])
        noise = torch.randn((batch_size, n_latents), generator=run.noise, device=bins.device)

        loss = elbo_terms(model, batch, noise).loss(run.beta)
        run.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(run.parameters, settings.gradient_clip)
        run.optimizer.step()

        run.train_loss += loss.detach()  # stays on the device: nothing waits for it until it is read
        run.step += 1

        if run.step % settings.evaluate_every == 0 or run.step == last_step:
            record(run, bins, steps_per_epoch, progress, last=run.step == last_step)
        if interruption.name is not None:
            save(run)
            raise TemporaryError(
                f"stopped by {interruption.name} at step {run.step} of seed {run.name}: "
                "run it again to go on from there"
            )
        if time.monotonic() - saved_at > settings.checkpoint_seconds:
            save(run)
            saved_at = time.monotonic()

    model.load_state_dict(run.best)
    if not schedule.stopped:
        run.notes.append(
            f"seed {run.name}: training reached its limit of {run.step} steps before the validation loss stalled "
            f"(best at step {schedule.best_step}); raise training.max_epochs or max_steps if it still falls"
        )
    if schedule.best_step == 0:
        run.notes.append(f"seed {run.name}: no step improved on the mean rates; the model has learned nothing")


def record(
    run: Run,
    bins: Bins,
    steps_per_epoch: int,
    progress: Callable[[Row], None] | None,
    *,
    last: bool = False,
) -> None:
    """Evaluate the validation bins, keep the best weights, let the schedule decide; restart from a loss of NaN."""
    reconstruction, kl = evaluate(run, bins)
    loss = run.beta * kl - reconstruction
    since = run.step - run.evaluated_at
    train_loss = float(run.train_loss) / max(since, 1)
    run.evaluated_at = run.step
    run.train_loss.zero_()

    if not math.isfinite(loss + train_loss):
        if last or run.restarts == MAX_RESTARTS:
            raise SettingError(
                f"seed {run.name}: the loss was no number at step {run.step}, after {run.restarts} returns to the "
                f"best weights (step {run.schedule.best_step}) with ever smaller steps; nothing is published: "
                "lower training.learning_rate or training.gradient_clip, and look for units with extreme counts"
            )
        run.restarts += 1
        run.model.load_state_dict(run.best)
        run.schedule.slow_down()
        run.optimizer = run.fresh_optimizer()
        run.notes.append(
            f"seed {run.name}: the loss was no number at step {run.step}; "
            f"went back to step {run.schedule.best_step} with a learning rate of {run.schedule.learning_rate:g}"
        )
        return

    learning_rate = run.schedule.learning_rate
    best = run.schedule.see(loss, run.step)
    if best:
        run.best = copied(run.model)
    elif run.schedule.learning_rate < learning_rate:
        run.model.load_state_dict(run.best)  # whatever happened since the best weights was no improvement
        for group in run.optimizer.param_groups:
            group["lr"] = run.schedule.learning_rate
    row: Row = {
        "seed": run.name,
        "step": run.step,
        "epoch": run.step / steps_per_epoch,
        "train_loss": train_loss if since else "",
        "validation_loss": loss,
        "reconstruction": reconstruction,
        "kl": kl,
        "beta": run.beta,
        "learning_rate": learning_rate,
        "best": best,
    }
    run.history.append(row)
    if progress is not None:
        progress(row)


@torch.no_grad()
def evaluate(run: Run, bins: Bins) -> tuple[float, float]:
    """Return log-likelihood and KL of the validation bins [nats per bin], with the same noise every time."""
    generator = torch.Generator(bins.device).manual_seed(stream(run.seed, VALIDATION_NOISE))
    log_likelihood = torch.zeros((), dtype=torch.float64, device=bins.device)
    kl = torch.zeros_like(log_likelihood)
    for index in bins.validation.split(BLOCK_BINS):
        noise = torch.randn((len(index), run.model.n_latents), generator=generator, device=bins.device)
        terms = elbo_terms(run.model, bins.batch(index), noise)
        log_likelihood += terms.log_likelihood.sum(dtype=torch.float64)
        kl += terms.kl.sum(dtype=torch.float64)
    n_bins = len(bins.validation)
    return float(log_likelihood) / n_bins, float(kl) / n_bins


def shuffled(index: Tensor, seed: int, epoch: int) -> Tensor:
    """Return the bins of an epoch in random order, which depends on seed and epoch alone."""
    generator = torch.Generator(index.device).manual_seed(stream(seed, ORDER, epoch))
    return index[torch.randperm(len(index), generator=generator, device=index.device)]
