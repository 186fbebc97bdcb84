"""Times a training step, several seeds in one job, and encoding: 180 000 bins of 200 units, 128-128, 8 latents.

The limit of a step is one forward pass, backward pass and step of Adam on a batch that is already there, again and
again; the limit of encoding is the encoder's forward pass over blocks that are already floating-point. Contenders
run in interleaved order; medians are printed as a table of ratios and, with ``--json PATH``, written as JSON.

Peers (Lightning, pythae, scvi-tools) train the same network on the same counts, each in an interpreter of its
own, since their dependencies exclude each other: ``ALVEUS_PEERS="scvi=/venvs/scvi/bin/python pythae=…" make
bench``. Without the variable, those that this interpreter can import are run.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # as the command line sets it, before torch is loaded

import numpy as np
import torch

from alveus.config.models import Training, Vae
from alveus.encode.encode import encode
from alveus.encode.network import BLOCK_BINS, load_network, posterior_means
from alveus.fit.batches import Batches, batches_for
from alveus.fit.data import Activity, FitData
from alveus.fit.fit import fit
from alveus.fit.interrupt import Interruption
from alveus.fit.loop import train
from alveus.fit.memory import room_for
from alveus.fit.run import Run
from alveus.models.vae import Vae as Network

CPU = torch.device("cpu")
MODEL = Vae(method="vae", latents=8)
OVERDISPERSED = Vae(method="vae", latents=8, likelihood="negative_binomial")
PEERS = ("lightning", "pythae", "scvi")
PEER_STEPS = 300


def simulated(n_bins: int, n_units: int) -> FitData:
    rng = np.random.default_rng(0)
    latents, weights = rng.normal(size=(n_bins, 8)), rng.normal(size=(8, n_units)) * 0.3
    counts = rng.poisson(np.exp(latents @ weights - 1.5)).clip(0, 255).astype(np.uint8)
    split = np.tile(np.repeat(np.array([0, 1, 2], np.int8), [70, 10, 20]), n_bins // 100)
    held_out = np.arange(n_units) % 5 == 0
    return FitData(counts, split, np.zeros(n_bins, np.int32), held_out, 0.02, "benchmark")


def median_seconds(contenders: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return the median time of each contender, run in turn."""
    for call in contenders.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, call in contenders.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def interpreters() -> dict[str, str]:
    """Return the interpreter of each peer that can be run."""
    named = os.environ.get("ALVEUS_PEERS", "").split()
    given = dict(entry.split("=", 1) for entry in named)
    return {
        peer: given.get(peer, sys.executable)
        for peer in PEERS
        if peer in given or (not given and importlib.util.find_spec(peer))
    }


def peer_seconds(
    peer: str, python: str, counts: Path, likelihood: str, *goal: object, steps: int = PEER_STEPS
) -> dict[str, float | None]:
    """Run one peer; returns its seconds per step and to the goal, or nothing when it fails."""
    script = Path(__file__).with_name("training_peers.py")
    threads = str(torch.get_num_threads())
    batch = str(Training().batch_size)
    done = subprocess.run(
        [python, str(script), peer, str(counts), batch, str(steps), threads, likelihood, *map(str, goal)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": threads},
    )
    if done.returncode:
        print(f"{peer} failed: {done.stderr.strip().splitlines()[-1:]}")
        return {}
    found: dict[str, float | None] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def prepared(data: FitData, network: Network) -> Batches:
    """Put data on the device, and start a fresh network from them."""
    activity = Activity(data.counts, None, CPU)
    bins = batches_for(network, activity, data.split, data.segment)
    network.start_from(lambda: activity.blocks(bins.training_bins))
    return bins


def steps(data: FitData, model: Vae, n_steps: int, repeats: int) -> dict[str, float]:
    """Return seconds per step of the whole training loop, evaluation included, of the limit, and of the peers."""
    settings = Training(device="cpu", patience=10**6)
    network = Network(model, data.counts.shape[1])
    bins = prepared(data, network)
    batch = bins.batch(bins.train[:: len(bins.train) // settings.batch_size][: settings.batch_size])
    noise = torch.randn(settings.batch_size, model.latents)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-5, fused=True)

    run = Run("0", 0, network, settings, device=CPU, room=room_for(network, bins, together=network.together))

    def ours() -> None:  # goes on where it was
        further = settings.model_copy(update={"max_steps": run.step + n_steps})
        train(run, bins, further, save=lambda _: None, interruption=Interruption())

    def limit() -> None:
        for _ in range(n_steps):
            loss = network.loss(network.terms(batch, noise).means(), 1.0)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

    per_step: dict[str, list[float]] = {}
    kind = model.likelihood.kind
    peers = {peer: python for peer, python in interpreters().items() if kind == "poisson" or peer == "scvi"}
    ours()
    limit()
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "counts.npy"
        np.save(counts, data.counts)
        for _ in range(repeats):
            for name, call in {"ours": ours, "limit": limit}.items():
                start = time.perf_counter()
                call()
                per_step.setdefault(name, []).append((time.perf_counter() - start) / n_steps)
            for name, python in peers.items():
                per_step.setdefault(name, []).append(
                    peer_seconds(name, python, counts, kind).get("seconds") or np.nan
                )
    return {name: statistics.median(values) for name, values in per_step.items()}


def to_common_loss(data: FitData, n_steps: int) -> dict[str, float | None]:
    """Return seconds of training until 95 % of what ours gains on held-out bins, evaluations of ours included."""
    network = Network(MODEL, data.counts.shape[1])
    bins = prepared(data, network)
    seen: list[tuple[float, float]] = []
    began = time.perf_counter()

    def note(row: dict[str, object]) -> None:
        seen.append((time.perf_counter() - began, float(row["validation_loss"])))  # type: ignore[arg-type]

    room = room_for(network, bins, together=network.together)
    run = Run("0", 0, network, Training(device="cpu", max_steps=n_steps), device=CPU, room=room)
    train(
        run,
        bins,
        Training(device="cpu", max_steps=n_steps),
        save=lambda _: None,
        interruption=Interruption(),
        progress=note,
    )
    start, best = seen[0][1], min(loss for _, loss in seen)
    goal = best + 0.05 * (start - best)
    times: dict[str, float | None] = {"ours": next(t for t, loss in seen if loss <= goal)}
    with tempfile.TemporaryDirectory() as folder:
        train_path, held_out = Path(folder) / "train.npy", Path(folder) / "held_out.npy"
        np.save(train_path, data.counts[data.split == 0])
        np.save(held_out, data.counts[bins.validation.numpy()])
        for name, python in interpreters().items():
            if name != "scvi":  # its ELBO is conditional on the total count of a bin
                found = peer_seconds(name, python, train_path, "poisson", held_out, goal, steps=n_steps)
                times[name] = found.get("to_target")
    return times


def seeds(data: FitData, n_steps: int, n_seeds: int, repeats: int) -> dict[str, float]:
    """Return seconds of several seeds in one job, and of as many jobs of one seed, start of Python not counted."""
    settings = Training(device="cpu", max_steps=n_steps)

    def job(n: int) -> None:
        bins = prepared(data, Network(MODEL, data.counts.shape[1]))
        for seed in range(n):
            network = Network(MODEL, data.counts.shape[1])
            network.start_from(lambda: bins.activity.blocks(bins.training_bins))
            room = room_for(network, bins, together=network.together)
            run = Run(str(seed), seed, network, settings, device=CPU, room=room)
            train(run, bins, settings, save=lambda _: None, interruption=Interruption())

    times = median_seconds({"one job": lambda: job(n_seeds), "one seed": lambda: job(1)}, repeats)
    return {"one job": times["one job"], "separate jobs": n_seeds * times["one seed"]}


def encoding(data: FitData, repeats: int) -> dict[str, float]:
    """Return seconds to encode a session: means alone, all that is stored (one seed and twin), and the limit."""
    fitted = fit(data, MODEL, Training(device="cpu", max_steps=1), n_seeds=1, threads=torch.get_num_threads())
    network = load_network(fitted, fitted.seeds[0], CPU)
    activity, on_device = torch.from_numpy(data.counts), Activity(data.counts, None, CPU)
    blocks = [block.float() for block in activity.split(BLOCK_BINS)]

    @torch.inference_mode()
    def limit() -> None:
        for block in blocks:
            network.encode(block)

    threads = torch.get_num_threads()
    return median_seconds(
        {
            "mean": lambda: posterior_means(network, on_device, data.segment),
            "everything": lambda: encode(fitted, data, device="cpu", threads=threads),
            "limit": limit,
        },
        repeats,
    )


def report(name: str, value: float, unit: str, ratio: float, of: str) -> None:
    print(f"{name:24s}{value:9.2f} {unit:3s}{ratio:6.2f} {of}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bins", type=int, default=180_000)
    parser.add_argument("--units", type=int, default=200)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    data = simulated(arguments.bins, arguments.units)
    results = {}
    for threads in arguments.threads:
        torch.set_num_threads(threads)
        step = steps(data, MODEL, arguments.steps, arguments.repeats)
        overdispersed = steps(data, OVERDISPERSED, arguments.steps, arguments.repeats)
        goal = to_common_loss(data, 20 * arguments.steps)
        job = seeds(data, arguments.steps, 5, max(1, arguments.repeats // 2))
        latents = encoding(data, arguments.repeats)
        results[f"{threads} threads"] = {
            "step": step,
            "step, negative binomial": overdispersed,
            "to a common held-out loss": goal,
            "seeds": job,
            "encoding": latents,
        }
        print(f"\n{threads} threads, {arguments.bins} bins, {arguments.units} units")
        for name in ("ours", *(peer for peer in PEERS if peer in step)):
            report(f"step, {name}", 1e3 * step[name], "ms", step["limit"] / step[name], "of the limit's speed")
        for name in ("ours", *(peer for peer in PEERS if peer in overdispersed)):
            ratio = overdispersed["limit"] / overdispersed[name]
            report(f"neg. binomial, {name}", 1e3 * overdispersed[name], "ms", ratio, "of the limit's speed")
        for name, seconds in goal.items():
            if seconds is None:
                print(f"to common loss, {name}: not reached")
            else:
                report(f"to common loss, {name}", seconds, "s", seconds / (goal["ours"] or 1), "of our time")
        ratio = job["one job"] / job["separate jobs"]
        report(f"5 seeds of {arguments.steps} steps", job["one job"], "s", ratio, "of five jobs' time")
        for name in ("mean", "everything"):
            ratio = latents["limit"] / latents[name]
            report(f"encode {name}", latents[name], "s", ratio, "of the forward pass's speed")
    for peer in PEERS:
        if peer not in interpreters():
            print(f"{peer}: not installed, and not named in ALVEUS_PEERS")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
