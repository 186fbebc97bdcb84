from dataclasses import replace

import numpy as np
import pytest

from alveus.scores import Covariate, SessionScoreInputs, score_session


def test_a_simulation_gets_count_statistics_competitors_and_ceilings(simulated, counts, latents, split):
    rows = score_session(
        SessionScoreInputs(
            counts,
            split,
            np.zeros(4000, np.int32),
            bin_size=0.02,
            behavior={"x": Covariate(latents[:, 0])},
            truth_latents=latents,
            truth_ceiling=simulated.truth.ceiling,
            truth_ceiling_name=simulated.truth.ceiling_name,
        )
    )
    found = {(row.score, row.target): row for row in rows}
    map_r2 = found["truth_r2", "ceiling (MAP under the true readout and prior)"]
    assert map_r2.value > found["truth_r2", "ceiling (supervised ridge on a ±0.25 s window)"].value
    assert found["truth_mcc", map_r2.target].value > 0.8
    for competitor in ("raw counts", "8 principal components of counts"):
        assert 0.7 < found["decoding_r2", f"x from {competitor}"].value < 1
    assert sum(row.score == "fano_factor" for row in rows) == 4  # three of constant rates, one given components
    assert all(row.seed is None and row.status == "ok" for row in rows)


def test_poisson_units_are_called_poisson_by_what_others_tell_of_them(split):
    counts, held_out = np.random.default_rng(0).poisson(1.0, (4000, 15)), np.arange(15) % 3 == 0
    inputs = SessionScoreInputs(counts, split, np.zeros(4000, np.int32), bin_size=0.02, held_out=held_out)
    apart, together = (
        next(row for row in score_session(case) if row.score == "fano_factor" and "given" in row.target)
        for case in (inputs, replace(inputs, held_out=None))
    )
    assert apart.target == "given 8 principal components of held-in units"
    assert apart.value == pytest.approx(1, abs=0.08)
    assert together.target == "given 8 principal components of these very counts"
    assert together.value < 0.8  # half of a unit's own noise is in them


def test_events_have_no_fano_factor(counts, split):
    rows = score_session(SessionScoreInputs(counts * 0.3, split, np.zeros(4000), 0.02, quantity="events"))
    assert {(row.score, row.status) for row in rows} == {("fano_factor", "not defined")}


def test_behaviour_of_a_session_without_test_bins_is_not_estimable(counts, latents):
    rows = score_session(
        SessionScoreInputs(
            counts, np.zeros(4000, np.int8), np.zeros(4000), 0.02, behavior={"x": Covariate(latents[:, 0])}
        )
    )
    assert [row.status for row in rows if row.score == "decoding_r2"] == ["not estimable"]
