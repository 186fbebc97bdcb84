"""Words for what became of latents, where it is known."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.signal
import scipy.stats

from alveus.errors import ArtefactError
from alveus.recording.reliance import Reliance
from alveus.scores import Row, ScoreSettings
from alveus.scores.active_latents import is_active
from alveus.scores.collapse import collapse_rows
from alveus.scores.collapse_verdict import verdict_of_model, weigh_latent, word_of, word_of_fit
from alveus.scores.decoder_reliance import decoder_reliance
from alveus.scores.skip_reliance import skip_reliance

N_BINS = 2000
SETTINGS = ScoreSettings(resamples=200)
EVERY = np.full(N_BINS, 2, np.int8)
EVERY[:500] = 0
TEST = np.flatnonzero(EVERY == 2)


def reliance_of(*means, side=None, n_seeds=1, n_bins=1500):
    """What is lost, with these means and a standard deviation of 1; the last is of all latents."""
    rng = np.random.default_rng(0)
    spread = np.array([0.0 if m == 0 else 1.0 for m in means])  # an ignored latent loses exactly 0
    lost = np.array(means) + spread * rng.normal(size=(n_seeds, n_bins, len(means)))
    redrawn = spread * 0.03 * rng.normal(size=(n_seeds, 8, len(means)))
    side_lost = None if side is None else np.full((n_seeds, n_bins), side, np.float32)
    return Reliance(TEST[:n_bins], lost.astype(np.float32), redrawn.astype(np.float32), side_lost)


def posterior(kinds, n_seeds=1, variance=1.0):
    """Means (seed, bin, latent) and divergences from N(0, variance) of latents of these kinds."""
    rng = np.random.default_rng(1)
    mean, scale = np.zeros((2, n_seeds, N_BINS, len(kinds)))
    for j, kind in enumerate(kinds):
        scale[..., j] = 1.0
        if kind == "moves":
            mean[..., j], scale[..., j] = rng.normal(size=(n_seeds, N_BINS)), 0.3
        if kind == "outlier":
            mean[:, TEST[700], j] = 50.0
        if kind == "mismatch":
            mean[..., j], scale[..., j] = 2.0, 0.5
        if kind == "slow":
            noise = rng.normal(size=(n_seeds, N_BINS)) * np.sqrt(1 - 0.998**2)
            mean[..., j], scale[..., j] = scipy.signal.lfilter([1], [1, -0.998], noise), 0.3
    kl = 0.5 * ((scale**2 + mean**2) / variance - 1 - np.log(scale**2 / variance))
    return mean, kl


def rows_of(kinds, reliance=None, n_seeds=1, split=EVERY, **more):
    mean, kl = posterior(kinds, n_seeds)
    names = [f"z{j + 1}" for j in range(len(kinds))]
    variance = np.ones((n_seeds, len(kinds)))
    return collapse_rows(mean, kl, variance, split, SETTINGS, names=names, reliance=reliance, **more)


def words(rows):
    return {row.target: row.value for row in rows if row.score == "collapse_verdict"}


def verdict(rows):
    return next(row for row in rows if row.score == "collapse_verdict" and not row.target)


@pytest.mark.parametrize(
    ("kinds", "lost", "expected"),
    [
        (("moves",), (1.0, 1.0), {"": "active", "z1": "active"}),
        (("slow",), (1.0, 1.0), {"": "active", "z1": "active"}),
        (("still",), (0.0, 0.0), {"": "collapsed", "z1": "collapsed"}),
        (("moves",), (0.0, 0.0), {"": "ignored", "z1": "ignored"}),
        (("outlier",), (0.0, 0.0), {"": "collapsed", "z1": "collapsed"}),
        (("mismatch",), (0.0, 0.0), {"": "collapsed", "z1": "collapsed"}),
        (("moves", "still"), (1.0, 0.0, 1.0), {"": "partly collapsed", "z1": "active", "z2": "collapsed"}),
        (("still", "moves"), (0.0, 0.0, 0.0), {"": "ignored", "z1": "collapsed", "z2": "ignored"}),
        (("moves", "moves"), (1.0, 1.0, 1.5), {"": "active", "z1": "active", "z2": "active"}),
    ],
)
def test_every_fate_has_its_word(kinds, lost, expected):
    assert words(rows_of(kinds, reliance_of(*lost))) == expected


def test_a_loss_that_is_sure_but_a_trifle_beside_the_divergence_is_ignored():
    sure = reliance_of(0.0, 0.0)
    sure = replace(sure, lost=sure.lost + np.float32(0.005))  # of a divergence of about 1.3 nats
    rows = rows_of(("moves",), sure)
    row = next(r for r in rows if r.score == "decoder_reliance" and r.target == "z1")
    assert row.low > row.floor
    assert words(rows)["z1"] == "ignored"


def test_a_mean_that_stands_still_can_hide_a_spread_that_tells_of_the_activity():
    mean, kl = posterior(["still"])
    kl[...] = np.where(np.arange(N_BINS) % 2, 0.0, 0.3)[:, None]
    rows = collapse_rows(mean, kl, np.ones((1, 1)), EVERY, SETTINGS, names=["z1"], reliance=reliance_of(0.5, 0.5))
    assert words(rows)["z1"] == "active"
    assert "though its mean hardly moves" in rows[-1].note


def test_a_latent_that_hardly_moves_and_is_not_used_has_collapsed_and_is_not_called_ignored():
    mean, kl = posterior(["moves"])
    rows = collapse_rows(
        0.15 * mean, 0.005 + 0 * kl, np.ones((1, 1)), EVERY, SETTINGS, names=["z1"], reliance=reliance_of(0.0, 0.0)
    )
    assert words(rows)["z1"] == "collapsed"


def test_where_the_divergence_is_negligible_no_loss_makes_a_latent_active():
    assert words(rows_of(("still",), reliance_of(0.2, 0.2)))["z1"] == "collapsed"


@pytest.mark.parametrize("variance", [0.01, 1.0, 100.0])
def test_movement_counts_in_units_of_the_prior(variance):
    mean, kl = posterior(["moves", "moves"], variance=variance)
    mean *= np.sqrt(variance) * np.array([1.0, 0.05])  # variances of 1 and 0.0025 of the prior's
    rows = collapse_rows(mean, kl, np.full((1, 2), variance), EVERY, SETTINGS, names=["a", "b"])
    assert words(rows) == {"": "partly collapsed", "a": "active", "b": "collapsed"}
    assert is_active(mean[0, TEST], np.full(2, variance)).tolist() == [True, False]


def test_a_posterior_that_only_repeats_what_the_prior_is_told_has_collapsed_onto_the_covariates():
    rng = np.random.default_rng(0)
    told = rng.normal(size=(1, N_BINS, 2))
    mean = told + np.array([0.0, 0.3]) * rng.normal(size=told.shape)
    kl = 0.5 * (mean - told) ** 2 / 0.25
    variance = np.full((1, 2), 0.25)
    rows = collapse_rows(
        mean, kl, variance, EVERY, SETTINGS, names=["a", "b"], prior_mean=told, reliance=reliance_of(2.0, 2.0, 3.0)
    )
    assert words(rows) == {"": "partly collapsed", "a": "conditionally collapsed", "b": "active"}
    both = collapse_rows(
        told, np.zeros_like(kl), variance, EVERY, SETTINGS, names=["a", "b"], prior_mean=told,
        reliance=reliance_of(2.0, 2.0, 3.0),
    )  # fmt: skip
    assert verdict(both).value == "conditionally collapsed"
    assert "beyond the covariates" in verdict(both).note
    still = collapse_rows(
        np.zeros_like(told), np.zeros_like(kl), variance, EVERY, SETTINGS, names=["a", "b"],
        prior_mean=np.zeros_like(told),
    )  # fmt: skip
    assert verdict(still).value == "collapsed"


def test_a_side_channel_that_carries_everything_is_named_even_where_latents_move():
    rows = rows_of(("moves", "still"), reliance_of(0.3, 0.0, 0.3, side=90.0), openings=np.array([1.0]))
    assert words(rows) == {"": "bypassed", "z1": "active", "z2": "collapsed"}
    assert "0.3" in verdict(rows).note
    assert "90 without its side channel" in verdict(rows).note
    shut = rows_of(("still",), reliance_of(0.0, 0.0, side=0.0), openings=np.array([0.0]))
    assert verdict(shut).value == "collapsed"
    shared = rows_of(("moves",), reliance_of(5.0, 5.0, side=5.0), openings=np.array([0.4]))
    assert verdict(shared).value == "active"


def test_fits_that_disagree_are_not_spoken_for_by_one_word():
    reliance = reliance_of(1.0, 1.0, n_seeds=2)
    reliance.lost[1] = reliance.redrawn[1] = 0.0
    mean, kl = posterior(["moves"], 2)
    mean[1] = kl[1] = 0.0
    rows = collapse_rows(mean, kl, np.ones((2, 1)), EVERY, SETTINGS, names=["z1"], reliance=reliance)
    assert verdict(rows).value == "seeds disagree"
    assert "0 to 1 of 1 latents active in 2 fits" in verdict(rows).note
    assert "active in 1 of 2" in verdict(rows).note
    assert [(r.seed, r.value) for r in rows if r.score == "collapse_verdict" and r.target] == [
        (0, "active"),
        (1, "collapsed"),
    ]
    assert verdict_of_model([["active"], ["active"]], [None, None], [None, None], kl=1.0).value == "active"
    assert word_of_fit(["collapsed", "ignored"]) == "ignored"


def test_reliance_is_the_mean_loss_with_an_interval_and_the_floor_of_other_draws():
    reliance = reliance_of(0.5, 0.0, 0.7)
    rows = decoder_reliance(reliance, SETTINGS, names=["a", "b"], seed=0)
    assert [row.target for row in rows] == ["all", "a", "b"]
    for row, j in zip(rows, (2, 0, 1), strict=True):
        assert row.value == pytest.approx(reliance.lost[0, :, j].mean(dtype=float))
        assert row.floor == pytest.approx(max(0.0, np.percentile(reliance.redrawn[0, :, j], 95, method="higher")))
    expected = scipy.stats.t.interval(0.95, 1499, rows[1].value, scipy.stats.sem(reliance.lost[0, :, 0]))
    np.testing.assert_allclose((rows[1].low, rows[1].high), expected, atol=0.02)
    assert (rows[2].value, rows[2].low, rows[2].high, rows[2].floor) == (0.0, 0.0, 0.0, 0.0)


def test_intervals_of_slow_losses_are_wider():
    rng = np.random.default_rng(0)
    fast = reliance_of(0.5, 0.5)
    slow = scipy.signal.lfilter([1], [1, -0.95], rng.normal(size=1500)) * np.sqrt(1 - 0.95**2) + 0.5
    lost = np.stack([slow, slow], -1)[None].astype(np.float32)
    widths = [
        decoder_reliance(r, SETTINGS, names=["a"], seed=0)[1].high
        - decoder_reliance(r, SETTINGS, names=["a"], seed=0)[1].low
        for r in (fast, replace(fast, lost=lost))
    ]
    assert widths[1] > 3 * widths[0]  # 6.2 for infinitely many bins


def test_without_a_side_channel_its_scores_are_not_defined():
    rows = rows_of(("moves",), reliance_of(1.0, 1.0))
    missing = {row.score: row.note for row in rows if row.status != "ok"}
    assert set(missing) == {"skip_reliance", "gate"}
    assert skip_reliance(reliance_of(1.0, 1.0), SETTINGS, seed=0).status == "not defined"


def test_methods_without_a_posterior_have_no_collapse_and_say_so():
    mean, _ = posterior(["moves"])
    rows = collapse_rows(mean, None, None, EVERY, SETTINGS, names=["z1"])
    assert {row.score: row.status for row in rows} == dict.fromkeys(
        ("decoder_reliance", "skip_reliance", "gate", "collapse_verdict"), "not defined"
    )
    assert all(row.note for row in rows)


def test_without_knowing_the_decoder_the_verdict_says_what_it_is_not_told():
    rows = rows_of(("moves", "still"))
    assert words(rows) == {"": "partly collapsed", "z1": "active", "z2": "collapsed"}
    assert "whether the decoder uses it is not known" in rows[-1].note
    assert next(row for row in rows if row.score == "decoder_reliance").status == "not defined"


def test_too_few_test_bins_are_no_ground_for_a_verdict():
    split = np.zeros(N_BINS, np.int8)
    split[:10] = 2
    rows = rows_of(("moves",), reliance_of(1.0, 1.0, n_bins=10), split=split)
    assert [r.status for r in rows if r.score == "collapse_verdict"] == ["not estimable"]


def test_too_few_bins_for_an_interval_leave_the_floor_to_judge_by():
    row = Row("decoder_reliance", "z1", 0, 0.5, floor=0.1)
    mean, kl = posterior(["moves"])
    found = weigh_latent(mean[0, :, 0], kl[0, :, 0], 1.0, SETTINGS, reliance=row)
    assert word_of(found) == "active"
    assert word_of(replace(found, reliance=replace(row, value=0.05))) == "ignored"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(bad):
    good = reliance_of(1.0, 1.0)
    lost = good.lost.copy()
    lost[0, 7, 1] = bad
    with pytest.raises(ArtefactError, match="1 of 3000 values of lost are not finite"):
        replace(good, lost=lost)
    with pytest.raises(ArtefactError, match="lost has shape"):
        replace(good, bins=good.bins[1:])
