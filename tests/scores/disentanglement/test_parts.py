import numpy as np
import pytest
import scipy.stats
from scipy.interpolate import BSpline
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    adjusted_mutual_info_score,
    balanced_accuracy_score,
    mutual_info_score,
    r2_score,
    roc_auc_score,
)
from sklearn.tree import DecisionTreeClassifier

from alveus.scores.covariate import Covariate
from alveus.scores.disentanglement.dci import dci_completeness, dci_disentanglement, importance
from alveus.scores.disentanglement.discretise import n_levels, quantile_codes, winsorise
from alveus.scores.disentanglement.explicitness import auc, auc_influence, explicitness
from alveus.scores.disentanglement.factors import canonical_correlation
from alveus.scores.disentanglement.hats import hats
from alveus.scores.disentanglement.information import information
from alveus.scores.disentanglement.mig import mig
from alveus.scores.disentanglement.modularity import modularity
from alveus.scores.disentanglement.mutual_information import histograms, mutual_information
from alveus.scores.disentanglement.relation import shares_of
from alveus.scores.disentanglement.sap import predictability

N = 8000


def white(seed, shape):
    return np.random.default_rng(seed).standard_normal(shape)


def test_mutual_information_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 7, (500, 3)), rng.integers(0, 4, 500)
    a[:, 0] = b + rng.integers(0, 2, 500)
    found = mutual_information(histograms(a, b, 7, 4))
    np.testing.assert_allclose(found, [mutual_info_score(column, b) for column in a.T], atol=1e-12)


def test_adjusted_information_of_independent_bins_is_that_of_permutations(factors_of):
    f, z = white(0, (N, 2)), white(1, (N, 2))
    z[:, 0] += f[:, 0]
    factors = factors_of(x=f[:, 0], y=f[:, 1])
    found = information(z, factors).values
    levels = n_levels(factors.test.size)
    for j in range(2):
        for k in range(2):
            a, b = (quantile_codes(v[factors.test], levels, v[factors.test]) for v in (z[:, j], f[:, k]))
            theirs = adjusted_mutual_info_score(
                a, b, average_method="min"
            )  # equal levels: every method is the same
            assert found[j, k] == pytest.approx(max(0, theirs), abs=0.005)


def test_plug_in_information_of_gaussians_nears_the_closed_form():
    rho, n = 0.8, 200_000
    x = white(0, (n, 2))
    x[:, 1] = rho * x[:, 0] + np.sqrt(1 - rho**2) * x[:, 1]
    a, b = (quantile_codes(column, 20, column) for column in x.T)
    found = mutual_information(histograms(a[:, None], b, 20, 20))[0]
    closed = -0.5 * np.log(1 - rho**2)
    assert closed - 0.04 < found < closed + 400 / (2 * n)  # levels lose a little, few bins add (levels - 1)² / 2n


def test_bins_of_equal_width_lose_to_an_outlier_what_quantiles_keep(factors_of):
    f = white(0, (N, 2))
    z = f.copy()
    z[0] = 50.0
    wide = [np.clip(np.digitize(v, np.linspace(v.min(), v.max(), 21)[1:-1]), 0, 19) for v in (z[:, 0], f[:, 0])]
    share = mutual_info_score(*wide) / scipy.stats.entropy(np.bincount(wide[1]))
    assert share < 0.5
    assert mig(information(z, factors_of(x=f[:, 0], y=f[:, 1])).values) > 0.99


def test_winsorising_draws_in_what_scipy_draws_in():
    x = scipy.stats.t(2).rvs((3000, 1), random_state=0)
    theirs = np.asarray(scipy.stats.mstats.winsorize(x[:, 0], limits=(1e-3, 1e-3)))
    found = winsorise(x, np.arange(3000))[:, 0]
    np.testing.assert_allclose(found, (theirs - theirs.mean()) / theirs.std(), atol=1e-12)
    assert not winsorise(np.full((50, 1), 1e5), np.arange(50)).any()


def test_hats_are_linear_b_splines():
    knots = np.array([-1.0, 0.0, 0.5, 3.0])
    x = np.linspace(-1, 3, 101)
    spline = BSpline.design_matrix(x, np.r_[knots[0], knots, knots[-1]], 1).toarray()
    np.testing.assert_allclose(hats(x, knots), spline, atol=1e-12)
    np.testing.assert_array_equal(hats(np.array([-9.0, 9.0]), knots), np.eye(4)[[0, 3]])


@pytest.mark.parametrize(("a", "b"), [([[1.0], [0.5]], [[1.0], [-2.0]]), ([[0.3], [0.3]], [[0.0], [1.0]])])
def test_canonical_correlation_of_single_numbers_is_pearsons(a, b):
    x = white(0, (400, 2))
    left, right = x @ a, x @ b
    expected = abs(np.corrcoef(left[:, 0], right[:, 0])[0, 1])
    assert canonical_correlation(left, right) == pytest.approx(expected, abs=1e-10)
    assert canonical_correlation(left, np.zeros((400, 1))) == 0


def test_modularity_of_a_known_table():
    table = np.array([[0.9, 0.3, 0.0], [0.0, 0.5, 0.5]])
    expected = np.mean([1 - (0.3**2) / (0.9**2 * 2), 1 - 0.5**2 / (0.5**2 * 2)])
    assert modularity(table) == pytest.approx(expected)
    assert modularity(np.zeros((2, 3))) == 0


def test_dci_of_a_known_table_is_its_entropies():
    table = np.array([[3.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
    weight = table.sum(axis=1) / table.sum()
    d = [1 - scipy.stats.entropy(row, base=3) for row in table[[0, 1, 3]]]
    assert dci_disentanglement(table) == pytest.approx(float(np.dot(weight[[0, 1, 3]], d)))
    c = [1 - scipy.stats.entropy(column, base=4) for column in table.T]
    assert dci_completeness(table) == pytest.approx(float(np.dot(table.sum(axis=0) / table.sum(), c)))


def test_importance_of_a_straight_line_is_twice_the_variance_it_explains(factors_of):
    z = white(0, (40_000, 3))
    y = z @ [2.0, 1.0, 0.0] + white(1, 40_000)
    found = importance(z, factors_of(y=y))
    np.testing.assert_allclose(found.relation.values[:, 0], [2 * 4 / 6, 2 * 1 / 6, 0], atol=0.03)
    assert found.r2[0] == pytest.approx(5 / 6, abs=0.01)


def test_importance_is_the_mean_over_replacements(factors_of):
    z = white(0, (N, 2))
    y = np.abs(z[:, 0]) + 0.5 * z[:, 1]  # a straight line through z1 would see nothing
    factors = factors_of(y=y)
    forest = RandomForestRegressor(50, min_samples_leaf=20, random_state=0).fit(z[factors.train], y[factors.train])
    test, gained = z[factors.test], []
    for j in range(2):
        other = test.copy()
        other[:, j] = np.random.default_rng(j).permutation(other[:, j])
        error = [((y[factors.test] - forest.predict(x)) ** 2).mean() for x in (test, other)]
        gained.append((error[1] - error[0]) / y[factors.test].var())
    found = importance(z, factors)
    np.testing.assert_allclose(found.relation.values[:, 0], gained, rtol=0.15)
    assert found.r2[0] > r2_score(y[factors.test], forest.predict(test))


def test_sap_of_continuous_factors_is_the_squared_correlation(factors_of):
    f, z = white(0, (N, 1)), white(1, (N, 2))
    z[:, 0] += f[:, 0]
    factors = factors_of(x=f[:, 0])
    found = predictability(z, factors).values[:, 0]
    t = factors.test
    np.testing.assert_allclose(found, [np.corrcoef(f[t, 0], z[t, j])[0, 1] ** 2 for j in range(2)], atol=0.005)


def test_sap_of_categories_is_the_balanced_accuracy_of_thresholds(factors_of):
    rng = np.random.default_rng(0)
    labels = rng.choice(3, N, p=[0.6, 0.3, 0.1])
    z = (labels + 0.5 * rng.standard_normal(N))[:, None]
    factors = factors_of(arm=Covariate(labels, "categorical", labels=("a", "b", "c")))
    found = predictability(z, factors).values[0, 0]
    tree = DecisionTreeClassifier(max_leaf_nodes=3, class_weight="balanced", random_state=0)
    tree.fit(z[factors.train], labels[factors.train])
    theirs = balanced_accuracy_score(labels[factors.test], tree.predict(z[factors.test]), adjusted=True)
    assert found == pytest.approx(theirs, abs=0.03)


def test_the_area_under_the_curve_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    answers = rng.random(300) < 0.3
    scores = np.round(rng.standard_normal(300) + answers, 1)  # with ties
    assert auc(scores, answers) == pytest.approx(roc_auc_score(answers, scores), abs=1e-12)
    influence = auc_influence(scores, answers)
    assert influence.mean() == pytest.approx(0, abs=1e-12)
    redrawn = [rng.integers(0, 300, 300) for _ in range(400)]
    spread = np.std([roc_auc_score(answers[d], scores[d]) for d in redrawn])
    assert influence.std() / np.sqrt(300) == pytest.approx(spread, rel=0.15)


def test_explicitness_of_categories_is_that_of_logistic_regression(factors_of):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, N)
    z = np.eye(3)[labels][:, :2] * 1.5 + rng.standard_normal((N, 2))
    factors = factors_of(arm=Covariate(labels, "categorical", labels=("a", "b", "c")))
    areas = []
    for label in range(3):
        model = LogisticRegression().fit(z[factors.train], labels[factors.train] == label)
        areas.append(roc_auc_score(labels[factors.test] == label, model.decision_function(z[factors.test])))
    assert explicitness(z, factors).values[0] == pytest.approx(2 * np.mean(areas) - 1, abs=0.01)


@pytest.mark.parametrize("relate", [information, predictability, lambda z, f: importance(z, f).relation])
def test_shares_of_bins_predict_how_a_score_varies(factors_of, relate):
    values, spreads = [], []
    for seed in range(40):
        f = white(seed, (5000, 2))
        z = f @ np.array([[1.0, 0.4], [0.1, 1.0]]) + 0.5 * white(seed + 500, (5000, 2))
        factors = factors_of(shifts=5, x=f[:, 0], y=f[:, 1])
        relation = relate(z, factors)
        shares = shares_of(mig, relation, factors.test.size)
        assert shares.mean() == pytest.approx(mig(relation.values), abs=1e-9)
        values.append(mig(relation.values))
        spreads.append(shares.std() / np.sqrt(shares.size))
    assert np.std(values) == pytest.approx(np.mean(spreads), rel=0.4)
