"""What decoders rely on goes from `encode` by `score` to the table of scores."""

import csv

import numpy as np

import alveus


def test_reliance_and_verdict_reach_the_table_of_scores(fitted):
    tables = {}
    for name in ("pca", "skip", "slow", "parts"):
        latents, scores = fitted.model(name, "latents.json"), fitted.model(name, "scores.csv")
        fitted.stage("encode", fitted.dataset, fitted.model(name), latents, model=name)
        fitted.stage("score", fitted.dataset, latents, scores, model=name)
        tables[name] = list(csv.DictReader(scores.read_text().splitlines()))

    found = alveus.open_latents(fitted.model("skip", "latents.json"))
    split = alveus.open_dataset(fitted.dataset).split
    assert np.array_equal(found.reliance.bins, np.flatnonzero(split == 2))
    assert found.gate.shape == (2,)
    assert ((found.gate > 0) & (found.gate < 1)).all()

    def rows(name, score):
        return [row for row in tables[name] if row["score"] == score]

    for name in ("skip", "slow", "parts"):
        lost = alveus.open_latents(fitted.model(name, "latents.json")).reliance.lost.astype(float).mean(1)
        table = {(row["seed"], row["target"]): float(row["value"]) for row in rows(name, "decoder_reliance")}
        for seed in range(2):
            for j, target in enumerate(("z1", "z2", "all")):
                np.testing.assert_allclose(table[str(seed), target], lost[seed, j], rtol=1e-6)
        verdicts = rows(name, "collapse_verdict")
        assert [row["target"] for row in verdicts] == ["", "z1", "z2", "z1", "z2"]
        assert all(row["value"] and row["note"] for row in verdicts)
    side = [float(row["value"]) for row in rows("skip", "skip_reliance")]
    np.testing.assert_allclose(side, found.reliance.side_lost.astype(float).mean(1), rtol=1e-6)
    assert {row["status"] for row in rows("slow", "skip_reliance") + rows("slow", "gate")} == {"not defined"}
    for score in ("decoder_reliance", "skip_reliance", "gate", "collapse_verdict"):
        assert [row["status"] for row in rows("pca", score)] == ["not defined"]
