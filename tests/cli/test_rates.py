"""`alveus rates` publishes what the model expects, in Hz, and only once."""

import numpy as np
from click.testing import CliRunner

import alveus
from alveus.cli import main
from alveus.encode.rates import rates
from alveus.fit.conditions import fit_data
from alveus.fit.model_file import load_model


def test_rates_are_published_in_hertz(fitted):
    assert fitted.plan.model_results("d", "vae") == ["fit.json", "latents.json", "rates.json", "scores.csv"]
    assert "rates.json" not in fitted.plan.model_results("d", "slow")
    manifest = fitted.model("vae", "rates.json")
    fitted.stage("rates", fitted.dataset, fitted.model("vae"), manifest, model="vae")
    found, data = alveus.open_rates(manifest), alveus.open_dataset(fitted.dataset)
    model = load_model(fitted.model("vae", "model.pt"))
    blocks = rates(model, fit_data(data, fitted.plan.datasets["d"].models["vae"]), device="cpu")
    np.testing.assert_allclose(found.rate[:], np.concatenate(list(blocks)) / 0.05, rtol=1e-6)
    assert np.array_equal(found.time, data.time)
    assert np.array_equal(found.unit_ids, data.unit_ids)
    assert found.manifest["inputs"]["dataset"] == data.digest
    np.testing.assert_allclose(found.rate[:].mean(0), data.counts().mean(0) / 0.05, rtol=0.5)


def test_intact_rates_are_published_again_without_computing(fitted, monkeypatch):
    manifest = fitted.model("slow", "rates.json")
    arguments = ("rates", fitted.dataset, fitted.model("slow"), manifest)
    fitted.stage(*arguments, model="slow")
    before = manifest.read_bytes()
    manifest.unlink()
    monkeypatch.setattr("alveus.cli.rates._rates", lambda *_: 1 / 0)
    fitted.stage(*arguments, model="slow")
    assert manifest.read_bytes() == before


def test_a_method_without_rates_is_refused(fitted, tmp_path):
    ran = CliRunner().invoke(
        main, ["rates", *map(str, (fitted.dataset, fitted.model("pca"), tmp_path / "rates.json"))]
    )
    assert ran.exit_code == 2
    assert "pca gives no rates" in ran.output
    assert list(tmp_path.iterdir()) == []
