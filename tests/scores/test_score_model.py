from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from alveus.errors import ArtefactError
from alveus.recording.population import N_DRAWS, Predictive, RunningStatistics, place_probe
from alveus.recording.reliance import Reliance
from alveus.scores import Covariate, ModelScoreInputs, ScoreSettings, rows_to_csv, score_model


def draws_of_mean_rates(counts, split):
    probe = place_probe(split == 2, counts.shape[1])
    running = RunningStatistics(N_DRAWS, counts.shape[1], probe)
    rng = np.random.default_rng(0)
    running.add(0, rng.poisson(counts.mean(0), (N_DRAWS, probe.bins.size, counts.shape[1])))
    return Predictive(probe, running.statistics())


@pytest.fixture(scope="module")
def inputs(counts, latents, split):
    rng = np.random.default_rng(0)
    stacked = np.stack([latents, latents[:, ::-1]]).astype(np.float32)
    return ModelScoreInputs(
        counts=counts,
        split=split,
        held_out=np.arange(30) % 5 == 0,
        mean=stacked,
        held_in_mean=latents.astype(np.float32),
        log_likelihood=rng.normal(-40, 1, (2, 4000)).astype(np.float32),
        kl=(0.5 * stacked**2).astype(np.float32),
        scale=np.ones((2, 4000, 4), np.float32),
        prior_variance=np.ones((2, 4)),
        log_evidence=rng.normal(-38, 1, (2, 200)).astype(np.float32),
        evidence_bin=np.flatnonzero(split == 2)[::4],
        predictive=draws_of_mean_rates(counts, split),
        reliance=Reliance(
            np.flatnonzero(split == 2)[::4],
            *(rng.normal(1, 1, (2, n, 5)).astype(np.float32) for n in (200, 8)),
            rng.normal(1, 1, (2, 200)).astype(np.float32),
        ),
        gate=np.array([0.2, 0.7], np.float32),
        behavior={"x": Covariate(latents[:, 0].astype(np.float32))},
        truth_latents=latents,
        settings=ScoreSettings(shifts=5, resamples=50),
    )


def by_score(rows):
    table = {}
    for row in rows:
        table.setdefault(row.score, []).append(row)
    return table


def test_a_model_with_everything_gets_every_score(inputs):
    table = by_score(score_model(inputs))
    assert set(table) == {
        "co_smoothing",
        "bits_per_spike",
        "log_likelihood",
        "log_evidence",
        "elbo",
        "kl",
        "kl_per_latent",
        "active_latents",
        "decoder_reliance",
        "skip_reliance",
        "gate",
        "collapse_verdict",
        "predictive_check",
        "decoding_r2",
        "truth_r2",
        "truth_mcc",
        "mutual_information",
        "mutual_information_upper",
        "total_correlation",
        "dimension_kl",
        "mig",
        "dci_disentanglement",
        "dci_completeness",
        "dci_informativeness",
        "sap",
        "modularity",
        "explicitness",
        "covariate_information",
        "mcc_strong",
        "mcc_spearman",
        "mcc_weak",
        "affine_r2",
        "procrustes_r2",
        "udr",
        "verdict",
    }
    missing = {(row.score, row.target) for rows in table.values() for row in rows if row.status != "ok"}
    # of 30 busy units one always fires; of one covariate every latent is a module
    assert missing == {("predictive_check", "silent_bins"), ("dci_disentanglement", ""), ("modularity", "")}
    assert [row.seed for row in table["co_smoothing"]] == [None]
    assert [row.seed for row in table["truth_mcc"]] == [0, 1]
    assert [row.target for row in table["kl_per_latent"][:4]] == ["z1", "z2", "z3", "z4"]
    assert [row.value for row in table["verdict"]] == ["unique"]


def test_log_evidence_has_the_mean_rate_on_its_own_bins_as_floor(inputs, counts, split):
    rows = by_score(score_model(inputs))["log_evidence"]
    mean_rate = scipy.stats.poisson(counts[split == 0].mean(0)).logpmf(counts[inputs.evidence_bin]).sum(1).mean()
    assert [row.seed for row in rows] == [0, 1]
    for row in rows:
        assert row.value == pytest.approx(inputs.log_evidence[row.seed].mean(), rel=1e-5)
        assert row.floor == pytest.approx(mean_rate)
        assert "given" not in row.note
    conditional = replace(inputs, prior_mean=np.zeros_like(inputs.mean))
    assert all(
        "given what the prior is told" in r.note for r in by_score(score_model(conditional))["log_evidence"]
    )


def test_where_log_evidence_is_not_defined_the_row_says_why(inputs):
    without = replace(inputs, log_evidence=None, evidence_bin=None, no_evidence="the prior joins bins")
    (row,) = by_score(score_model(without))["log_evidence"]
    assert (row.status, row.note, row.value) == ("not defined", "the prior joins bins", None)


def test_a_density_is_not_held_against_probabilities_of_counts(inputs):
    table = by_score(score_model(replace(inputs, likelihood="gaussian")))
    assert {row.floor for row in table["log_evidence"]} == {None}
    for score in ("bits_per_spike", "log_likelihood"):
        assert {row.target: row.status for row in table[score]} == {"readout": "ok", "decoder": "not defined"}


def test_a_decoder_that_hears_the_activity_has_no_bound(inputs):
    rows = by_score(score_model(replace(inputs, bypassed=True)))
    assert [(row.status, row.value) for row in rows["elbo"]] == [("not defined", None)]
    assert "past the latents" in rows["elbo"][0].note
    assert all(row.status == "ok" for row in rows["kl"])


def test_a_latent_that_the_prior_calls_inactive_tells_of_no_covariate(inputs):
    rows = score_model(inputs)
    pairs = {row.target: row.value for row in rows if row.score == "covariate_information" and row.seed == 0}
    assert pairs["z1: x"] > 0.9
    wide = np.array([1e6, 1.0, 1.0, 1.0])  # z1 varies by less than 0.01 of that
    rows = score_model(replace(inputs, prior_variance=np.stack([wide, wide])))
    pairs = {row.target: row.value for row in rows if row.score == "covariate_information" and row.seed == 0}
    assert pairs["z1: x"] == 0


def test_log_evidence_of_other_bins_is_refused(inputs):
    with pytest.raises(ArtefactError, match="no test bins"):
        replace(inputs, evidence_bin=inputs.evidence_bin - 2000)
    with pytest.raises(ArtefactError, match="log_evidence has 200 bins but the dataset 199"):
        replace(inputs, evidence_bin=inputs.evidence_bin[1:])


def test_a_method_without_posterior_and_decoder_has_neither_score(inputs):
    table = by_score(score_model(replace(inputs, log_likelihood=None, kl=None, prior_variance=None)))
    for score in ("elbo", "kl", "kl_per_latent", "active_latents"):
        assert [row.status for row in table[score]] == ["not defined"]
    assert {row.target: row.status for row in table["bits_per_spike"]} == {
        "readout": "ok",
        "decoder": "not defined",
    }


def test_what_has_no_posterior_has_no_information_and_no_numbers(inputs):
    scores = ("mutual_information", "mutual_information_upper", "total_correlation", "dimension_kl")
    for without, told in (
        ({"kl": None}, "no posterior"),
        ({"prior_variance": None}, "no posterior"),
        ({"scale": None}, "without the standard deviations"),
        ({"posterior": "full"}, "full covariance"),
    ):
        table = by_score(score_model(replace(inputs, **without)))
        for score in scores:
            assert {row.status for row in table[score]} == {"not defined"}
            assert told in table[score][0].note
    over_time = by_score(score_model(replace(inputs, over_time=True)))
    assert [{row.status for row in over_time[score]} for score in scores] == [{"ok"}] * 2 + [{"not defined"}] * 2


def test_a_method_that_cannot_be_drawn_from_is_not_checked(inputs):
    rows = by_score(score_model(replace(inputs, predictive=None)))["predictive_check"]
    assert [(row.status, row.target) for row in rows] == [("not defined", "")]


def test_events_are_not_scored_as_counts(inputs):
    events = replace(
        inputs,
        counts=(inputs.counts * 0.37).astype(np.float32),
        quantity="events",
        likelihood="zero_inflated_gamma",
        squared_error=np.full((2, 4000), 12.0, np.float32),
    )
    table = by_score(score_model(events))
    for score in ("co_smoothing", "bits_per_spike"):
        assert {row.status for row in table[score]} == {"not defined"}
    for score in ("co_smoothing_r2", "r2", "log_likelihood", "log_evidence", "truth_r2"):
        assert {row.status for row in table[score]} == {"ok"}
        assert all(row.floor is not None and row.low is not None for row in table[score])
    for score in ("r2", "log_likelihood"):
        assert [(row.target, row.seed) for row in table[score]] == [
            (target, seed) for target in ("readout", "decoder") for seed in (0, 1)
        ]


def test_a_method_without_a_decoder_is_scored_on_events_by_the_readout_alone(inputs):
    events = replace(
        inputs, counts=inputs.counts * 0.37, quantity="events", log_likelihood=None, kl=None, prior_variance=None
    )
    table = by_score(score_model(events))
    for score in ("r2", "log_likelihood"):
        assert [(row.target, row.status) for row in table[score]] == [
            ("readout", "ok"),
            ("readout", "ok"),
            ("decoder", "not defined"),
        ]


def test_a_session_without_test_bins_is_not_estimable_anywhere(inputs):
    rows = score_model(replace(inputs, split=np.zeros(4000, np.int8), log_evidence=None, evidence_bin=None))
    of_data = [row for row in rows if row.score != "gate"]  # which is read off the model
    assert {row.status for row in of_data} == {"not estimable"}


def test_without_held_out_units_co_smoothing_is_not_defined(inputs):
    table = by_score(score_model(replace(inputs, held_out=np.zeros(30, bool))))
    assert table["co_smoothing"][0].status == "not defined"


def test_latents_that_are_not_finite_or_of_another_dataset_are_refused(inputs):
    broken = inputs.mean.copy()
    broken[1, 7, 2] = np.nan
    with pytest.raises(ArtefactError, match="1 of 32000 numbers of mean are not finite"):
        replace(inputs, mean=broken)
    with pytest.raises(ArtefactError, match="held_in_mean has 10 bins but the dataset 4000"):
        replace(inputs, held_in_mean=inputs.held_in_mean[:10])


def test_scoring_twice_gives_the_same_text(inputs):
    texts = [rows_to_csv(score_model(inputs), dataset="d", session="s", model="m") for _ in range(2)]
    assert texts[0] == texts[1]


def test_scores_never_import_torch_or_files():
    import subprocess
    import sys

    code = "import sys, alveus.scores; print(sorted({'torch', 'zarr', 'h5py', 'pydantic'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    )
