"""What constructed scores lead to."""

from dataclasses import replace

import pytest

from alveus.config.document import METHODS
from alveus.report.inputs import ModelReport
from alveus.report.score_rows import ScoreRow
from alveus.report.session import session_page
from alveus.report.verdict import SIMPLEST_FIRST, judge, standing

PCA, VAE = ModelReport("pca", "pca", 8), ModelReport("vae", "vae", 8, 5)


def co_smoothing(model, value, low, high, floor=0.01):
    return ScoreRow("co_smoothing", model, value=value, low=low, high=high, floor=floor, floor_name="shifts")


def active(model, *values):
    return [ScoreRow("active_latents", model, seed=str(i), value=float(v)) for i, v in enumerate(values)]


def verdict_of(pca, vae, *more):
    rows = {"pca": [co_smoothing("pca", *pca)], "vae": [co_smoothing("vae", *vae), *more]}
    return judge((PCA, VAE), rows)


def headlines(verdict):
    return [statement.headline for statement in verdict.statements]


@pytest.mark.parametrize(
    ("value", "low", "floor", "expected"),
    [
        (0.2, 0.15, 0.1, "above"),
        (0.2, 0.05, 0.1, "unclear"),
        (0.2, 0.1, 0.1, "unclear"),
        (0.1, 0.05, 0.1, "below"),
        (0.2, None, 0.1, "unclear"),
        (0.2, 0.15, None, "unknown"),
    ],
)
def test_a_score_is_above_its_floor_only_with_its_whole_interval(value, low, floor, expected):
    assert standing(ScoreRow("co_smoothing", value=value, low=low, high=0.3, floor=floor)) == expected


def test_a_score_without_a_value_stands_nowhere():
    assert standing(ScoreRow("co_smoothing", status="not estimable", note="too short", floor=0.1)) == "unknown"


def test_a_vae_whose_interval_lies_above_that_of_pca_is_recommended():
    verdict = verdict_of((0.10, 0.08, 0.12), (0.20, 0.18, 0.22), *active("vae", 6, 6, 5))
    assert verdict.recommended == "vae"
    assert verdict.summary.headline == "use vae"
    assert headlines(verdict) == [
        "vae predicts units it never saw better than chance",
        "vae is better than PCA",
        "6 of 8 latents of vae are active",
    ]


def test_a_model_of_events_is_chosen_by_co_smoothing_in_r2():
    rows = {
        name: [
            ScoreRow("co_smoothing", name, target="held-out units", status="not defined", note="no counts"),
            replace(co_smoothing(name, *values), score="co_smoothing_r2", target="held-out units"),
        ]
        for name, values in {"pca": (0.1, 0.08, 0.12), "vae": (0.2, 0.18, 0.22)}.items()
    }
    verdict = judge((PCA, VAE), rows)
    assert verdict.recommended == "vae"
    assert all("bits" not in statement.text for statement in verdict.statements)
    assert verdict.statements[0].text.startswith("Co-smoothing R² 0.20")


def test_overlapping_intervals_mean_use_pca():
    verdict = verdict_of((0.10, 0.08, 0.12), (0.13, 0.11, 0.15))
    assert verdict.recommended == "pca"
    assert verdict.summary.headline == "use PCA"
    assert "intervals overlap" in verdict.statements[1].text


def test_a_vae_worse_than_pca_means_use_pca():
    verdict = verdict_of((0.20, 0.18, 0.22), (0.10, 0.08, 0.12))
    assert verdict.recommended == "pca"
    assert verdict.statements[1].headline == "Use PCA: it is better than vae"


def test_a_difference_without_intervals_is_no_difference():
    verdict = verdict_of((0.10, None, None), (0.30, 0.28, 0.32))
    assert verdict.statements[1].headline == "Use PCA: vae is not shown to be better"


def test_scores_at_the_floor_recommend_nothing():
    verdict = verdict_of((0.005, -0.01, 0.02), (0.009, -0.01, 0.03))
    assert verdict.recommended == ""
    assert verdict.summary.headline == "no model beats chance"
    assert verdict.summary.tone == "bad"


def test_scores_whose_interval_reaches_the_floor_are_not_clearly_above_chance():
    verdict = verdict_of((0.02, 0.0, 0.04), (0.03, 0.005, 0.05))
    assert verdict.summary.headline == "not clearly above chance"


def test_a_vae_without_an_active_latent_has_collapsed_and_is_not_recommended():
    verdict = verdict_of((0.10, 0.08, 0.12), (0.20, 0.18, 0.22), *active("vae", 0, 0, 0))
    assert verdict.recommended == ""
    assert verdict.summary.headline == "vae collapsed"
    assert "vae has collapsed: none of its 8 latents is active" in headlines(verdict)


@pytest.mark.parametrize(
    ("word", "tone", "recommended"),
    [("bypassed", "bad", ""), ("collapsed", "bad", ""), ("ignored", "caution", "vae"), ("active", "good", "vae")],
)
def test_what_became_of_the_latents_is_said_with_its_reason(word, tone, recommended):
    fate = ScoreRow("collapse_verdict", "vae", value=word, note="of 8 latents, so many")
    other = ScoreRow("collapse_verdict", "vae", seed="0", target="z1", value="collapsed", note="no")
    verdict = verdict_of((0.10, 0.08, 0.12), (0.20, 0.18, 0.22), *active("vae", 6), fate, other)
    assert verdict.recommended == recommended
    (said,) = [s for s in verdict.statements if "atents of vae" in s.headline]
    assert said.tone == tone
    if word != "active":
        assert (said.headline, said.text) == (f"Latents of vae: {word}", "Of 8 latents, so many.")


def test_a_collapsed_model_does_not_stand_for_the_other_complex_models():
    rows = {
        "pca": [co_smoothing("pca", 0.1, 0.08, 0.12)],
        "vae": [co_smoothing("vae", 0.30, 0.28, 0.32), *active("vae", 0)],
        "deep": [co_smoothing("deep", 0.20, 0.18, 0.22), *active("deep", 4)],
    }
    assert judge((PCA, VAE, ModelReport("deep", "vae", 8)), rows).recommended == "deep"


@pytest.mark.parametrize(
    ("factors", "vae", "recommended", "summary", "compared"),
    [
        (0.10, 0.10, "pca", "use PCA", ["Use PCA: fa is not shown to be better", "Use PCA: vae is not shown"]),
        (0.20, 0.21, "fa", "use fa", ["fa is better than PCA", "Use fa: vae is not shown to be better"]),
        (0.20, 0.30, "vae", "use vae", ["fa is better than PCA", "vae is better than fa"]),
        (0.30, 0.20, "fa", "use fa", ["fa is better than PCA", "Use fa: it is better than vae"]),
        (0.10, 0.30, "vae", "use vae", ["Use PCA: fa is not shown to be better", "vae is better than PCA"]),
    ],
)
def test_each_rung_of_complexity_must_be_better_than_what_is_simpler(factors, vae, recommended, summary, compared):
    values = {"pca": 0.1, "fa": factors, "vae": vae}
    rows = {name: [co_smoothing(name, x, x - 0.02, x + 0.02)] for name, x in values.items()}
    verdict = judge((VAE, ModelReport("fa", "factor_analysis", 8), PCA), rows)
    assert verdict.recommended == recommended
    assert verdict.summary.headline == summary
    assert all(found.startswith(text) for found, text in zip(headlines(verdict)[1:3], compared, strict=True))


def test_of_methods_of_one_rung_the_best_stands_for_it():
    rows = {
        name: [co_smoothing(name, x, x - 0.02, x + 0.02)] for name, x in {"pca": 0.1, "n": 0.3, "i": 0.2}.items()
    }
    verdict = judge((PCA, ModelReport("i", "ica", 8), ModelReport("n", "nmf", 8)), rows)
    assert headlines(verdict)[1:] == ["n is better than PCA"]


def test_without_pca_the_next_simplest_takes_its_place():
    rows = {name: [co_smoothing(name, x, x - 0.02, x + 0.02)] for name, x in {"nmf": 0.2, "vae": 0.21}.items()}
    verdict = judge((ModelReport("nmf", "nmf", 8), VAE), rows)
    assert verdict.summary.headline == "use nmf"
    verdict = judge((ModelReport("nmf", "nmf", 8),), rows)
    assert "There is no PCA to compare with" in headlines(verdict)


def test_every_method_has_its_place_among_the_simpler_and_the_more_complex():
    assert set(METHODS) <= {method for rung in SIMPLEST_FIRST for method in rung}


def test_of_a_simulation_the_verdict_names_what_could_have_been_recovered():
    rows = {
        "": [ScoreRow("truth_r2", target="ceiling (exact posterior mean)", value=0.92, low=0.91, high=0.93)],
        "vae": [
            co_smoothing("vae", 0.20, 0.18, 0.22),
            ScoreRow("truth_r2", "vae", value=0.81, low=0.79, high=0.83, floor=0.1),
        ],
    }
    told = judge((VAE,), rows).statements[-1]
    assert told.headline == "vae recovers 0.810 of the variance of the true latents"
    assert "0.920 [0.910, 0.930] is the ceiling (exact posterior mean)" in told.text


def test_without_pca_the_verdict_says_that_it_is_missing():
    verdict = judge((VAE,), {"vae": [co_smoothing("vae", 0.20, 0.18, 0.22)]})
    assert "There is no PCA to compare with" in headlines(verdict)


def test_a_missing_score_gives_its_reason_and_no_verdict():
    row = ScoreRow("co_smoothing", "pca", status="not estimable", note="2 units are too few to hold any out")
    verdict = judge((PCA,), {"pca": [row]})
    assert verdict.summary.headline == "no verdict"
    assert "not estimable: 2 units are too few to hold any out" in verdict.summary.text


def test_no_models_are_a_legal_study():
    assert judge((), {}).summary.headline == "no models"


def test_numbers_and_thresholds_stand_behind_every_word():
    verdict = verdict_of((0.10, 0.08, 0.12), (0.20, 0.18, 0.22), *active("vae", 6))
    chance, compared, alive = (statement.text for statement in verdict.statements)
    assert "0.200 [0.180, 0.220] bits per spike, floor 0.010 (shifts)" in chance
    assert "pca 0.100 [0.080, 0.120]" in compared
    assert "0.01 of the prior's variance" in alive


def test_the_page_opens_with_the_verdict(with_scores):
    def row(model, value, low, high):
        return {"model": model, "score": "co_smoothing", "value": value, "low": low, "high": high, "floor": 0.01}

    def page(rows):
        return session_page(with_scores(rows))

    assert '<p class="headline">use vae</p>' in page([row("pca", 0.1, 0.08, 0.12), row("vae", 0.2, 0.18, 0.22)])
    assert '<p class="headline">use PCA</p>' in page([row("pca", 0.1, 0.08, 0.12), row("vae", 0.1, 0.08, 0.12)])
    assert "no model beats chance" in page([row("pca", 0.0, -0.1, 0.1), row("vae", 0.0, -0.1, 0.1)])
