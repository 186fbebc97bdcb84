"""Turns a fresh model into a trained one: the training loop, to be read from top to bottom."""

import math
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from alveus.config.models import Training
from alveus.errors import SettingError, TemporaryError
from alveus.fit.batches import Batches
from alveus.fit.data import BLOCK_BINS
from alveus.fit.fitted import Row
from alveus.fit.interrupt import Interruption
from alveus.fit.run import ORDER, VALIDATION_NOISE, Run, copied, stream
from alveus.fit.step import Draws, drawn, gradients, terms_of
from alveus.models.network import Means, Terms, averaged

MAX_RESTARTS = 3
"""Returns to the best weights after a loss that is no number, before training gives up."""


def train(
    run: Run,
    bins: Batches,
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
        When interrupted, after saving; or when memory does not suffice for the smallest part of a batch.
    SettingError
        When the loss keeps turning into infinity or no number at all.
    """
    batch_size = min(bins.items_per(settings.batch_size), len(bins.train))
    steps_per_epoch = len(bins.train) // batch_size  # the few items left over change with every epoch
    last_step = min(settings.max_steps, settings.max_epochs * steps_per_epoch)
    model, schedule = run.model, run.schedule
    if model.settled_at >= last_step:
        raise SettingError(
            f"the schedules of this model settle after {model.settled_at} steps, but training ends after "
            f"{last_step} ({settings.max_epochs} epochs of {steps_per_epoch} steps at the most): shorten them, or "
            "raise training.max_epochs or max_steps"
        )
    order: Tensor | None = None
    saved_at = time.monotonic()

    if not run.history:
        record(run, bins, steps_per_epoch, progress)

    while run.step < last_step and not schedule.stopped:
        epoch, place = divmod(run.step, steps_per_epoch)
        if order is None or place == 0:
            order = shuffled(bins.train, run.seed, epoch)
        items = order[place * batch_size : (place + 1) * batch_size]
        draws = drawn(run, bins, batch_size)

        model.at_step(run.step)
        descend = partial(gradients, run, bins, items, draws, precision=settings.precision)
        where = f"seed {run.name}, step {run.step}"
        loss = run.room.attempt(batch_size, descend, doing=where, tell=run.notes.append)
        nn.utils.clip_grad_norm_(run.parameters, settings.gradient_clip)
        run.optimizer.step()

        run.train_loss += loss  # stays on the device: nothing waits for it until it is read
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
    bins: Batches,
    steps_per_epoch: int,
    progress: Callable[[Row], None] | None,
    *,
    last: bool = False,
) -> None:
    """Evaluate the validation bins, keep the best weights, let the schedule decide; restart from a loss of NaN."""
    run.model.at_step(run.step)
    beta = run.model.beta_at(run.step)
    means = evaluate(run, bins)
    loss = float(run.model.loss(means, beta))
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
    # losses before and after the schedules of the model have settled cannot be compared
    settled = run.step >= run.model.settled_at
    best = settled and run.schedule.see(loss, run.step)
    if best or not settled:
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
        "reconstruction": float(means.log_likelihood),
        "kl": float(means.kl.sum()),
        "beta": beta,
        "learning_rate": learning_rate,
        "best": best,
    }
    run.history.append(row)
    if progress is not None:
        progress(row)


@torch.no_grad()
def evaluate(run: Run, bins: Batches) -> Means:
    """Average the terms over the validation bins, with the same noise every time."""
    device = bins.activity.device
    generator = torch.Generator(device).manual_seed(stream(run.seed, VALIDATION_NOISE))
    found: list[Terms] = []
    for items in bins.validation.split(bins.items_per(BLOCK_BINS)):
        shape = (*bins.shape(len(items)), run.model.n_latents)
        draws = Draws(torch.randn(shape, generator=generator, device=device))
        compute = partial(_terms_of_parts, run, bins, items, draws)
        found += run.room_to_evaluate.attempt(len(items), compute, doing=f"evaluation of seed {run.name}")
    return averaged([terms.means() for terms in found], torch.stack([terms.n_counted for terms in found]))


def _terms_of_parts(run: Run, bins: Batches, items: Tensor, draws: Draws, parts: list[slice]) -> list[Terms]:
    return [terms_of(run, bins, items, draws, part) for part in parts]


def shuffled(index: Tensor, seed: int, epoch: int) -> Tensor:
    """Return the bins of an epoch in random order, which depends on seed and epoch alone."""
    generator = torch.Generator(index.device).manual_seed(stream(seed, ORDER, epoch))
    return index[torch.randperm(len(index), generator=generator, device=index.device)]
