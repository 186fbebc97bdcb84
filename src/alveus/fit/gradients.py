"""A trained run and its batches to a sentence about how noisy its gradients are."""

from alveus.fit.batches import Batches
from alveus.fit.loop import shuffled
from alveus.fit.run import Run
from alveus.models.gradients import gradient_noise
from alveus.models.vae import Vae

REPEATS = 200
"""Samples of the latents behind each variance, which is then known to about a tenth."""


def gradient_note(run: Run, bins: Batches, batch_size: int) -> str:
    """Measure both kinds of gradient of the encoder, at the run's weights, on its first batch of training bins.

    Parameters
    ----------
    run
        Trained; its model is a `Vae`.
    bins
        What it was trained on.
    batch_size
        Bins of the batch.
    """
    assert isinstance(run.model, Vae)  # noqa: S101  (for the type checker)
    batch = bins.batch(shuffled(bins.train, run.seed, epoch=0)[: bins.items_per(batch_size)])
    found = gradient_noise(run.model, batch, n_repeats=REPEATS, generator=run.noise)
    straight, scored = found["reparameterization"], found["score_function"]
    ratio = f"{scored.variance / straight.variance:.3g}" if straight.variance > 0 else "infinitely many"
    return (
        f"seed {run.name}: gradient of the encoder through the sample, on one batch with {REPEATS} samples of the "
        f"latents: variance {straight.variance:.3g} with reparameterization, {scored.variance:.3g} with the score "
        f"function and a running baseline ({ratio} times as much), where the squared norm of the gradient itself "
        f"is {float(straight.mean.square().sum()):.3g}"
    )
