"""One peer's training step, in an interpreter of its own: called by bench_training.py, which pairs it with ours.

``python training_peers.py PEER COUNTS.npy BATCH STEPS THREADS LIKELIHOOD [HELD_OUT.npy TARGET]`` prints as JSON
the median seconds per step, start-up and the first steps left out; and with TARGET the seconds of training until
the negative ELBO of the held-out bins is below it [nats per bin], or null after STEPS steps. PEER is lightning,
pythae or scvi; each trains the same network on the same counts: 128-128 to 8 latents and back, Adam. Only the
named peer is imported, and nothing of alveus, so that an interpreter needs no more than it.
"""

import contextlib
import json
import logging
import statistics
import sys
import time
import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

HIDDEN, LATENTS, FLOOR = 128, 8, 1e-6
WARM_UP = 20
CHUNK = 20
"""Steps between two looks at the clock."""

EVALUATE_EVERY = 100
"""Steps between two looks at the held-out bins."""


class Reached(Exception):  # noqa: N818
    """The target is reached: nothing more is to be learned from this run."""


class Clock:
    """Times chunks of steps after a warm-up; `tick` is called after every step.

    Parameters
    ----------
    held_out
        (bin, unit) counts, and the negative ELBO per bin that is to be reached; None: only steps are timed.
    """

    def __init__(self, held_out: tuple[Any, float] | None = None) -> None:
        self.step, self.times, self.since = 0, [], 0.0
        self.held_out, self.elbo = held_out, None
        self.began, self.looking, self.to_target = time.perf_counter(), 0.0, None

    def tick(self) -> None:
        """Note that a step has ended."""
        self.step += 1
        if self.held_out is not None and self.elbo is not None and self.step % EVALUATE_EVERY == 0:
            looked = time.perf_counter()
            counts, target = self.held_out
            with torch.no_grad():
                reached = float(self.elbo(torch.from_numpy(counts).float())) < target
            self.looking += time.perf_counter() - looked
            if reached:
                self.to_target = time.perf_counter() - self.began - self.looking
                raise Reached
        if self.step >= WARM_UP and (self.step - WARM_UP) % CHUNK == 0:
            now = time.perf_counter()
            if self.step > WARM_UP:
                self.times.append((now - self.since) / CHUNK)
            self.since = now

    @property
    def median(self) -> float:
        """Seconds per step."""
        return statistics.median(self.times)


def layers(*widths: int) -> nn.Sequential:
    return nn.Sequential(*(layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.ELU())))


def poisson(features: Tensor, counts: Tensor) -> Tensor:
    """Negative log-likelihood per bin, as torch's own loss computes it."""
    rate = softplus(features) + FLOOR
    return nn.functional.poisson_nll_loss(rate, counts, log_input=False, full=False, reduction="none").sum(-1)


def negative_elbo(x: Tensor, mean: Tensor, scale: Tensor, features: Tensor) -> Tensor:
    """Per bin, with the part that depends on the counts alone."""
    kl = 0.5 * (mean.square() + scale.square() - 2 * scale.log() - 1).sum(-1)
    return (poisson(features, x) + torch.lgamma(x + 1).sum(-1) + kl).mean()


def lightning(counts: Any, batch: int, steps: int, likelihood: str, clock: Clock) -> None:
    """Run the loop of Lightning with torch's DataLoader, as its tutorials write a VAE."""
    import lightning as pl
    from torch.utils.data import DataLoader, TensorDataset

    if likelihood != "poisson":
        raise SystemExit("only poisson is written out here")
    n_units = counts.shape[1]

    class Module(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Sequential(layers(n_units, HIDDEN, HIDDEN), nn.Linear(HIDDEN, 2 * LATENTS))
            self.decoder = nn.Sequential(layers(LATENTS, HIDDEN, HIDDEN), nn.Linear(HIDDEN, n_units))

        def training_step(self, data: list[Tensor], _: int) -> Tensor:
            (x,) = data
            mean, raw = self.encoder(x).chunk(2, -1)
            scale = softplus(raw) + 1e-4
            z = mean + scale * torch.randn_like(mean)
            kl = 0.5 * (mean.square() + scale.square() - 2 * scale.log() - 1).sum(-1)
            return (poisson(self.decoder(z), x) + kl).mean()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=2e-3)

        def on_train_batch_end(self, *_: object) -> None:
            clock.tick()

    loader = DataLoader(TensorDataset(torch.from_numpy(counts).float()), batch_size=batch, shuffle=True)
    trainer = pl.Trainer(
        max_steps=steps,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        gradient_clip_val=10.0,
    )
    module = Module()

    def elbo(x: Tensor) -> Tensor:
        mean, raw = module.encoder(x).chunk(2, -1)
        scale = softplus(raw) + 1e-4
        return negative_elbo(x, mean, scale, module.decoder(mean + scale * torch.randn_like(mean)))

    clock.elbo, clock.began = elbo, time.perf_counter()
    trainer.fit(module, loader)


def scvi(counts: Any, batch: int, steps: int, likelihood: str, clock: Clock) -> None:
    """Run scvi-tools' own model of counts, with its own layers of the same widths."""
    import anndata
    from lightning.pytorch.callbacks import Callback
    from scvi import settings
    from scvi.model import SCVI

    settings.verbosity = logging.ERROR
    settings.dl_num_workers = 0
    clock.held_out = None  # its ELBO is conditional on the total count of a bin: another quantity

    class Tick(Callback):
        def on_train_batch_end(self, *_: object) -> None:
            clock.tick()

    clock.began = time.perf_counter()
    data = anndata.AnnData(counts.astype(np.float32))
    SCVI.setup_anndata(data)
    kind = {"poisson": "poisson", "negative_binomial": "nb"}[likelihood]
    model = SCVI(data, n_hidden=HIDDEN, n_latent=LATENTS, n_layers=2, gene_likelihood=kind)
    model.train(
        max_epochs=1000,
        max_steps=steps,
        accelerator="cpu",
        batch_size=batch,
        train_size=1.0,
        enable_progress_bar=False,
        callbacks=[Tick()],
    )


def pythae(counts: Any, batch: int, steps: int, likelihood: str, clock: Clock) -> None:
    """Run the loop of pythae, with a network and a Poisson loss handed to it."""
    import tempfile

    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.pipelines import TrainingPipeline
    from pythae.trainers import BaseTrainerConfig
    from pythae.trainers.training_callbacks import TrainingCallback

    if likelihood != "poisson":
        raise SystemExit("only poisson is written out here")
    n_units = counts.shape[1]

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(layers(n_units, HIDDEN, HIDDEN), nn.Linear(HIDDEN, 2 * LATENTS))

        def forward(self, x: Tensor) -> ModelOutput:
            mean, log_variance = self.net(x).chunk(2, -1)
            return ModelOutput(embedding=mean, log_covariance=log_variance)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(layers(LATENTS, HIDDEN, HIDDEN), nn.Linear(HIDDEN, n_units))

        def forward(self, z: Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=self.net(z))

    class Poisson(VAE):
        def loss_function(self, recon_x: Tensor, x: Tensor, mu: Tensor, log_var: Tensor, z: Tensor) -> Any:  # noqa: ARG002
            recon = poisson(recon_x, x)
            kl = -0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp(), dim=-1)
            return (recon + kl).mean(), recon.mean(), kl.mean()

    class Tick(TrainingCallback):
        def on_train_step_end(self, *_: object, **__: object) -> None:
            clock.tick()

    epochs = -(-steps * batch // len(counts))
    n_bins = min(len(counts), steps * batch)
    with tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder,
            per_device_train_batch_size=batch,
            num_epochs=epochs,
            learning_rate=2e-3,
            no_cuda=True,
        )
        model = Poisson(VAEConfig(input_dim=(n_units,), latent_dim=LATENTS), encoder=Encoder(), decoder=Decoder())

        def elbo(x: Tensor) -> Tensor:
            mean, log_variance = model.encoder.net(x).chunk(2, -1)
            scale = (0.5 * log_variance).exp()
            return negative_elbo(x, mean, scale, model.decoder.net(mean + scale * torch.randn_like(mean)))

        clock.elbo, clock.began = elbo, time.perf_counter()
        TrainingPipeline(training_config=config, model=model)(
            train_data=torch.from_numpy(counts[:n_bins]).float(), callbacks=[Tick()]
        )


def main() -> None:
    peer, path, batch, steps, threads, likelihood, *rest = sys.argv[1:]
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(int(threads))
    clock = Clock((np.load(rest[0]), float(rest[1])) if rest else None)
    run = {"lightning": lightning, "scvi": scvi, "pythae": pythae}[peer]
    with contextlib.suppress(Reached):
        run(np.load(path), int(batch), int(steps), likelihood, clock)
    print("\n" + json.dumps({"seconds": clock.median, "to_target": clock.to_target}))


if __name__ == "__main__":
    main()
