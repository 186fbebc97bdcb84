"""Figures at the edges of what sessions are like."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from alveus.report.figures import generation, latents, recording, training
from alveus.report.inputs import ActivityWindow, DrawnAgainstRecorded, LatentExcerpt, ModelReport, Snippet

TIMES = np.arange(50) * 0.1


def excerpt(n_latents, **other):
    mean = np.random.default_rng(0).standard_normal((50, n_latents)).astype(np.float32)
    return LatentExcerpt(TIMES, mean, np.zeros(50, np.int8), **other)


@pytest.mark.parametrize("n_units", [1, 2, 700])
def test_a_raster_of_any_number_of_units_can_be_drawn(n_units):
    counts = np.random.default_rng(0).poisson(0.3, (50, n_units))
    plot = recording.raster(ActivityWindow(TIMES, counts), "counts")
    assert plot.alt.startswith(f"Raster of {n_units} unit")


def test_a_silent_recording_can_be_drawn():
    silent = np.zeros((50, 3), np.uint8)
    assert recording.raster(ActivityWindow(TIMES, silent), "counts").svg
    plot = recording.rates_and_fano(np.zeros(3), np.full(3, np.nan), "counts")
    assert "3 units without activity not drawn" in plot.read


def test_one_latent_has_a_time_course_but_no_pair():
    model = ModelReport("vae", "vae", 1, course=excerpt(1), cloud=excerpt(1))
    assert latents.courses(model, "#0072b2") is not None
    assert latents.scatter(model) is None


def test_the_latent_that_varies_most_is_on_top():
    mean = np.random.default_rng(0).standard_normal((200, 3)) * [1.0, 5.0, 2.0]
    assert latents.by_variance(mean).tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    "snippet",
    [
        Snippet("nowhere known", "continuous", TIMES, np.full(50, np.nan)),
        Snippet("never labelled", "categorical", TIMES, np.full(50, -1)),
        Snippet("constant", "continuous", TIMES, np.ones(50)),
        Snippet("three columns", "continuous", TIMES, np.ones((50, 3)) * np.arange(3)),
        Snippet("many labels", "categorical", TIMES, np.arange(50), labels=tuple(map(str, range(50)))),
        Snippet("around", "circular", TIMES, np.linspace(-400, 400, 50), period=360.0),
    ],
)
def test_any_behaviour_can_be_drawn_and_color_points(snippet):
    model = ModelReport(
        "m", "pca", 2, course=excerpt(2, behavior=(snippet,)), cloud=excerpt(2, behavior=(snippet,))
    )
    assert latents.courses(model, "#0072b2") is not None
    assert latents.scatter(model) is not None


def history(**columns):
    steps = np.arange(100, 1100, 100)
    loss = 20 + 10 * np.exp(-steps / 300)
    base = {"step": steps, "epoch": steps / 10, "seed": 0, "train_loss": loss, "validation_loss": loss + 0.1}
    return pd.DataFrame(base | columns)


def test_a_method_without_kl_says_so():
    plot = training.curves(ModelReport("ae", "autoencoder", 4, history=history()))
    assert "this method has no KL" in plot.svg


def test_the_twin_is_not_drawn_among_the_seeds():
    both = pd.concat([history(kl=1.0), history(seed="twin", kl=1.0)])
    assert training.seeds_of(both) == [0]
    assert training.seeds_of(both.assign(seed=both["seed"].replace({"twin": -1}))) == [0]


def test_a_method_without_training_has_no_curves():
    assert training.curves(ModelReport("pca", "pca", 4)) is None
    assert training.curves(ModelReport("pca", "pca", 4, history=history().iloc[:0])) is None


def test_a_loss_that_was_never_evaluated_is_no_error():
    empty = history(validation_loss=np.nan)
    assert training.curves(ModelReport("vae", "vae", 4, history=empty)) is not None


def check(recorded, drawn, statistic="rate"):
    return DrawnAgainstRecorded(statistic, np.asarray(recorded, float), np.asarray(drawn, float))


@pytest.mark.parametrize(
    "drawn",
    [
        check([0.0, 0.0], np.zeros((39, 2))),
        check([1.0, 0.0], [[0.0, 0.0], [2.0, 0.0]]),
        check([1.0], [[np.nan], [1.0]], "fano_factor"),
        check([0.5, np.nan], [[np.nan, 1.0], [np.nan, 2.0]], "fano_factor"),
        check(np.linspace(-1, 1, 3000), np.zeros((39, 3000)), "correlation"),
        check([-3.0, 2.0], [[-3.1, 1.9], [-2.9, 2.1]]),
    ],
    ids=["silent", "half silent", "undefined draw", "no draw", "many", "negative"],
)
def test_draws_of_any_kind_can_be_drawn(drawn):
    plot = generation.draws(ModelReport("vae", "vae", 2, drawn=(drawn,)), "counts")
    assert plot.svg.startswith("<svg")


def test_what_lies_outside_its_band_is_counted():
    drawn = check([1.0, 2.0, 9.0], [[0.5, 2.0, 1.0], [1.5, 2.5, 2.0]])
    plot = generation.draws(ModelReport("vae", "vae", 2, drawn=(drawn,)), "counts")
    assert plot.alt.endswith("outside: mean rate 1 of 3")
    assert "2 draws" in plot.read


def test_a_model_without_draws_has_no_figure_of_them():
    assert generation.draws(ModelReport("pca", "pca", 4), "counts") is None
    nowhere = check([np.nan], [[1.0]], "fano_factor")
    assert generation.draws(ModelReport("vae", "vae", 4, drawn=(nowhere,)), "counts") is None


def test_a_drawing_holds_no_date_and_no_address(session_report):
    svg = recording.raster(replace(session_report.window, behavior=()), "counts").svg
    assert "http" not in svg
    assert "<metadata" not in svg


@pytest.mark.parametrize(("lowest", "highest"), [(200.0, 950.0), (0.011, 0.03), (0.002, 0.3)])
def test_an_axis_of_rates_has_numbers_on_it_however_narrow(lowest, highest):
    rates = np.linspace(lowest, highest, 40)
    svg = str(recording.rates_and_fano(rates, np.ones(40), "counts").svg)
    labels = {float(text) for text in re.findall(r">(\d[\d.]*)<", svg)}
    assert len({label for label in labels if lowest / 2 <= label <= highest * 2} - {1.0}) >= 2
