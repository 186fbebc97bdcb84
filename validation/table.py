"""What the validation study found, as Markdown: truth R² and MCC of every model beside floor and ceiling.

``python validation/table.py [STUDY]``, after ``alveus run validation``. Agreement across seeds and the R² of rates
are computed here from the stored latents and models; all else stands in the study's tables of scores.
"""

import sys
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import linear_sum_assignment

from alveus.encode.network import load_network
from alveus.fit.model_file import load_model
from alveus.models.vae import Vae
from alveus.scores.readout import fit_readout
from alveus.storage import Dataset, open_dataset, open_latents

SMOOTHING = 0.08  # standard deviation of the kernel that rates are compared with [s]
TEST = 2
Floats = NDArray[np.floating]


def main(study: Path) -> None:
    """Print a table per dataset."""
    for dataset in sorted(path.parent for path in study.glob("results/*/scores.csv")):
        scores = pd.read_csv(dataset / "scores.csv", dtype={"session": str})
        print(f"\n### {dataset.name}\n")
        print("| session | what | truth R² | truth MCC | MCC across seeds | R² of rates |")
        print("|---|---|---|---|---|---|")
        for session in sorted(path.parent for path in dataset.glob("*/dataset.json")):
            print("\n".join(session_lines(session, scores[scores["session"] == session.name])))


def session_lines(folder: Path, scores: pd.DataFrame) -> list[str]:
    """Return the rows of one session: its ceilings, then its models."""
    data = open_dataset(folder / "dataset.json")
    rates = TrueRates(data) if data.source.get("simulation") == "lorenz" else None
    lines = []
    of_session = scores[scores["model"].isna()]
    for target in of_session[of_session["score"] == "truth_r2"]["target"]:
        if isinstance(target, str) and target.startswith("ceiling"):
            name = target.partition("(")[2].removesuffix(")")
            name = name.partition(" (")[0]
            found = {s: one(of_session, s, target) for s in ("truth_r2", "truth_mcc")}
            lines.append(row(folder.name, f"*ceiling: {name}*", found["truth_r2"], found["truth_mcc"], "", ""))
    if rates is not None:
        lines.append(row(folder.name, "*smoothed counts, 80 ms*", "", "", "", f"{rates.of_smoothing():.3f}"))
    for model in sorted(path.parent for path in folder.glob("*/latents.json")):
        own = scores[scores["model"] == model.name]
        latents = open_latents(model / "latents.json")
        lines.append(
            row(
                folder.name,
                model.name,
                over_seeds(own[own["score"] == "truth_r2"]),
                over_seeds(own[own["score"] == "truth_mcc"]),
                across_seeds(latents.mean[:, data.split == TEST]),
                rates.of_model(model, latents.mean[0]) if rates is not None else "",
            )
        )
    return lines


def row(*cells: str) -> str:
    """Return one line of the table."""
    return f"| {' | '.join(cells)} |"


def one(scores: pd.DataFrame, score: str, target: str) -> str:
    """Return one value; nothing where it is not there."""
    found = scores[(scores["score"] == score) & (scores["target"] == target)]["value"]
    return f"{float(found.iloc[0]):.3f}" if len(found) and found.notna().all() else ""


def over_seeds(rows: pd.DataFrame) -> str:
    """Return the value of every seed, and the largest floor."""
    if rows.empty:
        return ""
    values = " ".join(f"{float(value):.3f}" for value in rows["value"])
    return f"{values} (floor {float(rows['floor'].max()):.2f})"


def across_seeds(latents: Floats) -> str:
    """Return the median over pairs of seeds of the mean |correlation| of matched latents."""
    pairs = [matched(latents[a], latents[b]) for a in range(len(latents)) for b in range(a + 1, len(latents))]
    return f"{median(pairs):.3f}" if pairs else ""


def matched(a: Floats, b: Floats) -> float:
    """Return the mean |Pearson correlation| of latents (bin, latent) after the best matching."""
    n = a.shape[1]
    correlation = np.abs(np.nan_to_num(np.corrcoef(a.T, b.T)[:n, n:]))
    return float(correlation[linear_sum_assignment(-correlation)].mean())


class TrueRates:
    """Rates of a Lorenz recording: its readout is log-linear, so a regression on the true latents finds it."""

    def __init__(self, data: Dataset) -> None:
        counts = data.counts()
        truth = data.truth_latents
        assert truth is not None
        self.data, self.counts, self.test = data, counts, data.split == TEST
        readout = fit_readout(truth, counts, np.flatnonzero(data.split >= 0))
        z = (truth[self.test] - readout.offset) / readout.scale
        self.rates = np.exp(readout.intercept + z @ readout.weights)

    def of_smoothing(self) -> float:
        """R² of counts smoothed within their segment."""
        smooth = np.empty(self.counts.shape)
        for segment in np.unique(self.data.segment):
            at = self.data.segment == segment
            smooth[at] = gaussian_filter1d(self.counts[at].astype(float), SMOOTHING / self.data.bin_size, axis=0)
        return self._r2(smooth[self.test])

    def of_model(self, folder: Path, latents: Floats) -> str:
        """R² of a decoder's rates at the posterior mean; nothing for a method without one."""
        fitted = load_model(folder / "model.pt")
        if fitted.method != "vae":
            return ""
        network = load_network(fitted, fitted.seeds[0], torch.device("cpu"))
        assert isinstance(network, Vae)
        with torch.inference_mode():
            return f"{self._r2(network.rates(torch.from_numpy(latents[self.test])).numpy()):.3f}"

    def _r2(self, rates: Floats) -> float:
        """Weigh units by their variance."""
        error = np.square(rates - self.rates).sum()
        return float(1 - error / np.square(self.rates - self.rates.mean(0)).sum())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
