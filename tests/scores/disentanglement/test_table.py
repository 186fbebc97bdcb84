import numpy as np
import pytest

from alveus.scores.covariate import Covariate
from alveus.scores.disentanglement.table import PER_FACTOR, SCORES
from alveus.scores.settings import ScoreSettings

N = 6000
TURN = np.array([[1, -1], [1, 1]]) / np.sqrt(2)  # by 45°
TABLE = ("mig", "dci_disentanglement", "dci_completeness", "sap", "modularity")


@pytest.fixture(scope="module")
def f(signals):
    return signals(0, (N, 2))


@pytest.fixture(scope="module")
def noise(signals):
    return signals(1, (N, 3))


@pytest.fixture(scope="module")
def behavior(f):
    return {"x": Covariate(f[:, 0]), "y": Covariate(f[:, 1])}


def values(rows):
    return {score: row.value for score, row in rows.items()}


def test_the_factors_themselves_score_one(score, f, behavior):
    found = score(f, behavior)
    assert set(found) == set(SCORES)
    for name, row in found.items():
        assert row.value == pytest.approx(1, abs=0.02), name
        assert row.floor < 0.15, name
        assert row.low is not None, name


def test_useless_latents_score_zero(score, noise, behavior):
    for name, row in score(noise, behavior).items():
        assert row.value == pytest.approx(0, abs=0.06), name


def test_duplicated_latents_leave_no_gap_but_stay_modular(score, f, behavior):
    found = values(score(np.column_stack([f, f]), behavior))
    assert found["mig"] == pytest.approx(0, abs=1e-9)
    assert found["sap"] == pytest.approx(0, abs=1e-9)
    assert found["modularity"] == pytest.approx(1, abs=0.01)
    assert found["dci_disentanglement"] == pytest.approx(1, abs=0.01)
    assert found["dci_completeness"] == pytest.approx(1 - np.log(2) / np.log(4), abs=0.01)  # two of four, evenly
    assert found["explicitness"] > 0.98


def test_factors_turned_by_45_degrees_are_read_but_not_disentangled(score, f, behavior):
    found = values(score(f @ TURN, behavior))
    for name in TABLE:
        assert found[name] < 0.15, name
    assert found["explicitness"] > 0.98
    assert found["dci_informativeness"] > 0.98


@pytest.mark.parametrize("size", [50.0, -50.0, 1e6])
def test_one_outlier_changes_nothing(score, f, behavior, size):
    broken = f.copy()
    broken[np.flatnonzero(np.arange(N) * 5 / N % 1 > 0.9)[0], 0] = size
    for name, value in values(score(broken, behavior)).items():
        assert value == pytest.approx(1, abs=0.02), name


def test_slow_unrelated_signals_stay_below_the_floor(score, signals):
    above = dict.fromkeys(SCORES, 0)
    for seed in range(20):
        f, z = signals(2 * seed + 10, (N, 2), 0.99), signals(2 * seed + 11, (N, 3), 0.99)
        found = score(z, {"x": Covariate(f[:, 0]), "y": Covariate(f[:, 1])}, settings=ScoreSettings(seed=seed))
        for name, row in found.items():
            above[name] += row.value > row.floor
    assert max(above.values()) <= 4, above  # 5 % of 20 is 1


def test_one_latent_has_no_gap_and_no_completeness(score, f, behavior):
    found = score(f[:, :1], behavior)
    for name in ("mig", "sap", "dci_completeness"):
        assert (found[name].status, found[name].value) == ("not defined", None)
    assert found["modularity"].value == pytest.approx(1, abs=0.01)
    assert found["dci_informativeness"].value == pytest.approx(0.5, abs=0.1)  # one factor of two


def test_a_dead_latent_and_latents_of_other_things_cost_nothing(score, f, noise, behavior):
    for z in (np.column_stack([f, np.zeros(N)]), np.column_stack([f, noise])):
        found = values(score(z, behavior))
        for name in TABLE:
            assert found[name] == pytest.approx(1, abs=0.05), name


def test_an_inactive_latent_counts_as_constant_however_well_its_ranks_agree(score, f, behavior):
    z = np.column_stack([f, 1e-4 * f[:, 0]])
    assert score(z, behavior)["mig"].value == pytest.approx(0.5, abs=0.02)
    active = np.array([[True, True, False]])
    assert score(z, behavior, active=active)["mig"].value == pytest.approx(1, abs=0.02)


def test_one_factor_has_no_modularity_and_no_disentanglement(score, f):
    found = score(f, {"x": Covariate(f[:, 0])})
    for name in ("modularity", "dci_disentanglement"):
        assert found[name].status == "not defined"
        assert "x alone" in found[name].note
    for name in PER_FACTOR:
        assert found[name].value == pytest.approx(1, abs=0.02)


def test_constant_and_missing_covariates_are_named_and_left_out(score, f, behavior):
    more = {
        **behavior,
        "still": Covariate(np.full(N, 3.3, np.float32)),
        "gone": Covariate(np.full(N, np.nan)),
        "count": Covariate(np.arange(N), "categorical"),
    }
    rows = score(f, more, every=True)
    status = {(row.score, row.target): (row.status, row.note) for row in rows}
    for name in PER_FACTOR:
        assert status[name, "still"] == ("not defined", "constant over the test bins")
        assert status[name, "gone"][0] == "not estimable"
        assert status[name, "count"][0] == "not defined"
    assert {r.score: r.value for r in rows if not r.target} == values(score(f, behavior))
    only = score(f, {"still": more["still"]})
    assert {row.status for row in only.values()} == {"not defined"}
    assert set(only) == set(SCORES)


def test_a_covariate_that_repeats_or_drifts_has_no_null(score, f, behavior):
    more = {**behavior, "time": Covariate(np.arange(N) / 50.0), "beat": Covariate(np.sin(np.arange(N) / 40.0))}
    rows = score(f, more, every=True)
    found = {row.target: row.status for row in rows if row.score == "mig"}
    assert found == {"time": "not estimable", "beat": "not estimable", "": "ok", "x": "ok", "y": "ok"}


def test_missing_values_are_left_out(score, f, noise, behavior):
    x = f[:, 0].copy()
    x[1000:1800] = np.nan
    found = score(f, {**behavior, "x": Covariate(x)})
    for name in SCORES:
        assert found[name].value == pytest.approx(1, abs=0.02), name


def test_correlated_factors_come_with_what_perfect_latents_would_score(score, f):
    related = {"x": Covariate(f[:, 0]), "y": Covariate(f @ [0.8, 0.6])}
    z = np.column_stack([f[:, 0], f @ [0.8, 0.6]])
    found = score(z, related)
    r = np.corrcoef(z.T)[0, 1]
    assert found["mig"].value < 0.95
    assert f"would score mig {found['mig'].value:.2f}, sap {found['sap'].value:.2f}" in found["mig"].note
    assert float(found["mig"].note.split("x and y (")[1][:4]) == pytest.approx(r, abs=0.06)
    assert "would score" not in score(f, {"x": Covariate(f[:, 0]), "y": Covariate(f[:, 1])})["mig"].note


def test_angles_and_categories_are_factors_too(score, noise):
    rng = np.random.default_rng(0)
    angle = np.cumsum(rng.standard_normal(N)) * 10 % 360
    arm = np.repeat(rng.integers(0, 4, N // 20), 20)
    behavior = {
        "heading": Covariate(angle, "circular", 360.0),
        "arm": Covariate(arm, "categorical", labels=("a", "b", "c", "d")),
    }
    z = np.column_stack([np.cos(np.radians(angle)), np.sin(np.radians(angle)), arm + 0.05 * noise[:, 0]])
    rows = score(z, behavior, every=True)
    found = {(row.score, row.target): row.value for row in rows}
    for name in ("mig", "sap", "dci_completeness", "dci_informativeness", "covariate_information"):
        target = "z3: arm" if name == "covariate_information" else "arm"
        # quantiles of z3 straddle two arms, and a slow angle goes with arms by chance
        assert found[name, target] == pytest.approx(1, abs=0.1), name
    assert found["dci_informativeness", "heading"] == pytest.approx(1, abs=0.02)
    assert found["explicitness", "heading"] == pytest.approx(1, abs=0.02)
    assert found["mig", "heading"] < 0.1  # an angle takes two latents: no gap, and nothing wrong
    assert found["modularity", ""] == pytest.approx(1, abs=0.02)
    assert found["dci_disentanglement", ""] == pytest.approx(1, abs=0.02)


def test_components_of_a_position_are_factors_of_their_own(score, f):
    rows = score(f, {"position": Covariate(f)}, every=True)
    assert {row.target for row in rows if row.score == "mig"} == {"", "position 1", "position 2"}


def test_rows_are_the_same_again_and_few(score, f, noise, behavior):
    z = np.stack([np.column_stack([f, noise] * 5)] * 2)
    rows = score(z, behavior, every=True)
    assert rows == score(z, behavior, every=True)
    for seed in (0, 1):
        assert sum(row.score == "covariate_information" and row.seed == seed for row in rows) == 16


def test_no_behaviour_has_no_rows_and_no_shifts_no_number(score, f, behavior):
    assert score(f, {}) == {}
    found = score(f, behavior, settings=ScoreSettings(shifts=2))
    assert {row.status for row in found.values()} == {"not estimable"}
    assert {row.status for row in score(f, behavior, split=np.zeros(N, np.int8)).values()} == {"not estimable"}


@pytest.mark.parametrize("name", ["mig", "sap", "dci_informativeness", "explicitness", "modularity"])
def test_intervals_hold_the_value_of_a_long_recording(score, signals, name):
    def draw(seed, n):
        f = signals(seed, (n, 2), 0.8)
        z = f @ np.array([[1.0, 0.4], [0.1, 1.0]]) + 0.5 * signals(seed + 1000, (n, 2), 0.8)
        return z, {"x": Covariate(f[:, 0]), "y": Covariate(f[:, 1])}

    # as many levels of the histograms in long and short recordings: 20
    truth = score(*draw(1, 150_000), settings=ScoreSettings(shifts=5, resamples=2))[name].value
    held = []
    for seed in range(2, 32):
        row = score(*draw(seed, 20_000), settings=ScoreSettings(shifts=5, resamples=100))[name]
        held.append(row.low <= truth <= row.high)
    assert sum(held) >= 25  # 95 % of 30 is 28.5; 25 or fewer has a chance of 2 %
