"""Training to a verdict, through the files of the stages in between."""

import csv

import pytest


@pytest.mark.parametrize(("model", "verdicts"), [("pca", {"unique", "rotation"}), ("vae", {"not converged"})])
def test_every_model_gets_a_verdict_and_a_few_steps_are_not_converged(fitted, model, verdicts):
    latents, scores = fitted.model(model, "latents.json"), fitted.model(model, "scores.csv")
    fitted.stage("encode", fitted.dataset, fitted.model(model), latents, model=model)
    fitted.stage("score", fitted.dataset, latents, scores, model=model)
    (row,) = [row for row in csv.DictReader(scores.read_text().splitlines()) if row["score"] == "verdict"]
    assert row["value"] in verdicts, row
    assert row["note"]
