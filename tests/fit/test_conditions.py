"""What a conditional prior is given of every bin, of a session that went through binning and storage."""

from collections.abc import Callable

import numpy as np
import pytest

from alveus.config.models import Pca, Vae
from alveus.config.preprocess import Preprocess
from alveus.errors import SettingError
from alveus.fit.conditions import MOST_CATEGORIES, conditions_of, fit_data
from alveus.preprocessing import prepare
from alveus.recording import Behavior, BinnedCounts, Recording, Trials, Units
from alveus.storage import Dataset, open_dataset, write_dataset

N_BINS, WIDTH = 200, 0.05
CENTRES = (np.arange(N_BINS) + 0.5) * WIDTH
HEADING = 360 * np.arange(N_BINS) / 60 % 360
PLACE = np.stack([np.sin(CENTRES), CENTRES], 1)
LIGHT = np.arange(N_BINS) // 50 % 3 - 1  # -1: missing


@pytest.fixture(scope="module")
def bin_session(tmp_path_factory) -> Callable[..., Dataset]:
    def make(trials: Trials | None) -> Dataset:
        folder = tmp_path_factory.mktemp("session")
        known = slice(20, 160)  # the place is unknown at both ends
        recording = Recording(
            BinnedCounts(np.random.default_rng(0).poisson(2.0, (N_BINS, 4)), WIDTH),
            Units(("a", "b", "c", "d")),
            start=0.0,
            stop=N_BINS * WIDTH,
            behavior=(
                Behavior("head direction", CENTRES, HEADING, "circular", 360.0),
                Behavior("place", CENTRES[known], PLACE[known]),
                Behavior("light", CENTRES, LIGHT, "categorical", labels=("off", "on")),
            ),
            trials=trials,
        )
        settings = Preprocess(bin_size=WIDTH)
        write_dataset(
            prepare(recording, settings, session="s"), folder / "dataset.zarr", folder / "dataset.json",
            session="s", dataset="d", settings={}, fingerprint="",
        )  # fmt: skip
        return open_dataset(folder / "dataset.json")

    return make


@pytest.fixture(scope="module")
def session(bin_session) -> Dataset:
    starts = np.array([1.0, 4.0, 7.0])
    return bin_session(Trials(starts, starts + 2, {"choice": np.array(["left", "right", "left"])}))


def conditional(**prior):
    return Vae(method="vae", latents=2, prior={"kind": "conditional", **prior})


def test_a_circular_covariate_is_cosine_and_sine(session):
    found = conditions_of(session, conditional(covariates=["head direction"]))
    angle = np.radians(HEADING)
    np.testing.assert_allclose(found, np.stack([np.cos(angle), np.sin(angle)], 1), atol=1e-5)
    assert found.dtype == np.float32


def test_a_continuous_covariate_gives_its_components_and_says_where_it_is_missing(session):
    found = conditions_of(session, conditional(covariates=["place"]))
    missing = (np.arange(N_BINS) < 20) | (np.arange(N_BINS) >= 160)
    np.testing.assert_allclose(found[:, :2], np.where(missing[:, None], 0, PLACE), atol=1e-5)
    np.testing.assert_array_equal(found[:, 2], missing)


def test_a_categorical_covariate_is_an_indicator_of_each_label_and_of_none_where_missing(session):
    found = conditions_of(session, conditional(covariates=["light"]))
    np.testing.assert_array_equal(found, np.stack([LIGHT == 0, LIGHT == 1], 1))


def test_a_column_of_the_trials_is_an_indicator_of_each_value_and_of_the_time_between(session):
    found = conditions_of(session, conditional(trial_columns=["choice"]))
    left = ((CENTRES > 1) & (CENTRES < 3)) | ((CENTRES > 7) & (CENTRES < 9))
    right = (CENTRES > 4) & (CENTRES < 6)
    np.testing.assert_array_equal(found, np.stack([left, right, ~(left | right)], 1))


def test_time_segments_are_equal_parts_of_the_session(session):
    found = conditions_of(session, conditional(time_segments=7))
    assert found.shape == (N_BINS, 7)
    assert (found.sum(1) == 1).all()
    assert (np.diff(found.argmax(1)) >= 0).all()
    assert set(found.sum(0)) == {28, 29}


def test_all_that_is_asked_for_stands_side_by_side_in_the_data_a_model_is_fitted_on(session):
    model = conditional(covariates=["light", "place"], trial_columns=["choice"], time_segments=2)
    parts = (
        conditional(covariates=["light"]),
        conditional(covariates=["place"]),
        conditional(trial_columns=["choice"]),
        conditional(time_segments=2),
    )
    together = np.concatenate([conditions_of(session, part) for part in parts], axis=1)
    data = fit_data(session, model)
    np.testing.assert_array_equal(data.conditions, together)
    assert data.n_conditions == 2 + 3 + 3 + 2
    np.testing.assert_array_equal(data.counts, session.counts())


@pytest.mark.parametrize("model", [Pca(method="pca"), Vae(method="vae"), Vae(method="vae", prior="anisotropic")])
def test_a_model_that_asks_for_nothing_is_given_nothing(session, model):
    assert conditions_of(session, model) is None
    assert fit_data(session, model).n_conditions == 0


def test_unknown_names_are_all_named_with_the_nearest_known(session, bin_session):
    with pytest.raises(SettingError) as caught:
        conditions_of(session, conditional(covariates=["head_direction", "speed"], trial_columns=["chioce"]))
    one, two, three = caught.value.problems
    assert "no covariate 'head_direction'; did you mean 'head direction'?" in one
    assert "no covariate 'speed'; known: head direction, light, place" in two
    assert "no column of trials 'chioce'; did you mean 'choice'?" in three
    with pytest.raises(SettingError, match="no column of trials 'choice'; there are none"):
        conditions_of(bin_session(None), conditional(trial_columns=["choice"]))


def test_a_column_of_ids_is_no_category(bin_session):
    starts = np.linspace(0, 9, MOST_CATEGORIES + 1)
    many = bin_session(Trials(starts, starts + 0.01, {"id": np.arange(MOST_CATEGORIES + 1.0)}))
    with pytest.raises(SettingError, match="'id' of the trials has 257 different values"):
        conditions_of(many, conditional(trial_columns=["id"]))
