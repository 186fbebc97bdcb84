"""Predictive checks go from `encode` by `score` to the page of a session."""

import csv

import numpy as np

import alveus
from alveus.cli.drawn import Recorded
from alveus.recording.population import N_DRAWS, statistics_of


def test_draws_are_stored_scored_and_shown(fitted):
    for name in ("pca", "vae", "skip"):
        latents = fitted.model(name, "latents.json")
        fitted.stage("encode", fitted.dataset, fitted.model(name), latents, model=name)
        fitted.stage("score", fitted.dataset, latents, fitted.model(name, "scores.csv"), model=name)
    page = fitted.results / "report.html"
    fitted.stage("report", fitted.results, page)

    data, latents = alveus.open_dataset(fitted.dataset), alveus.open_latents(fitted.model("vae", "latents.json"))
    probe, drawn = latents.predictive.probe, latents.predictive.drawn
    assert (data.split[probe.bins] == 2).all()
    assert drawn.rate.shape == (N_DRAWS, 8)

    shown = {one.statistic: one for one in Recorded(data).beside(latents.predictive)}
    recorded = statistics_of(data.counts()[probe.bins], probe)
    np.testing.assert_allclose(shown["rate"].recorded, recorded.rate / 0.05)
    np.testing.assert_allclose(shown["rate"].drawn, drawn.rate / 0.05)
    np.testing.assert_array_equal(shown["correlation"].recorded, recorded.correlation)

    tables = {name: fitted.model(name, "scores.csv").read_text().splitlines() for name in ("pca", "vae", "skip")}
    checks = {
        name: [row for row in csv.DictReader(lines) if row["score"] == "predictive_check"]
        for name, lines in tables.items()
    }
    assert [row["target"] for row in checks["vae"]] == ["rate", "fano_factor", "correlation", "silent_bins"]
    inside = (drawn.rate.min(0) <= recorded.rate) & (recorded.rate <= drawn.rate.max(0))
    assert float(checks["vae"][0]["value"]) == inside.mean()
    for name in ("pca", "skip"):
        assert [row["status"] for row in checks[name]] == ["not defined"]

    text = page.read_text()
    assert "Does the model make data like these?" in text
    assert "Recordings drawn from vae" in text
    assert "Recordings drawn from skip" not in text
