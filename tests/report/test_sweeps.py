"""Sweeps to tables: rate, distortion, and the choice of the fewest latents that do as well."""

import csv
import io
import json
from dataclasses import replace

import pytest

from alveus.report.figures.sweeps import rate_distortion
from alveus.report.score_rows import ScoreRow
from alveus.report.sweeps import COLUMNS, Member, sweep_members, sweeps_csv

SWEEPS = {"v": {f"v-latents{n}": {"latents": n} for n in (2, 4, 8)}}
LATENTS = {f"v-latents{n}": n for n in (2, 4, 8)}


def rows(model, co_smoothing, half, kls, log_likelihoods):
    yield ScoreRow(
        "co_smoothing", model, value=co_smoothing, low=co_smoothing - half, high=co_smoothing + half,
        target="held-out units",
    )  # fmt: skip
    for seed, (kl, log_likelihood) in enumerate(zip(kls, log_likelihoods, strict=True)):
        yield ScoreRow("kl", model, seed=str(seed), value=kl)
        yield ScoreRow("log_likelihood", model, seed=str(seed), target="decoder", value=log_likelihood)
        yield ScoreRow("log_likelihood", model, seed=str(seed), target="readout", value=-1e9)


def scored(values):
    return {
        "one": {
            f"v-latents{n}": list(rows(f"v-latents{n}", value, half, (n, n + 1, 9 * n), (-10.0, -12.0, -11.0)))
            for n, (value, half) in values.items()
        }
    }


@pytest.mark.parametrize(
    ("values", "chosen"),
    [
        ({2: (0.1, 0.01), 4: (0.5, 0.1), 8: (0.55, 0.1)}, "v-latents4"),  # 8 is not shown to be better than 4
        ({2: (0.1, 0.01), 4: (0.3, 0.1), 8: (0.55, 0.1)}, "v-latents8"),
        ({2: (0.5, 0.1), 4: (0.5, 0.1), 8: (0.5, 0.1)}, "v-latents2"),
        ({2: (-0.5, 0.1), 4: (-0.1, 0.01), 8: (-0.9, 0.1)}, "v-latents4"),
    ],
)
def test_the_fewest_latents_that_reach_the_best_are_chosen(values, chosen):
    members = sweep_members(SWEEPS, LATENTS, scored(values))
    assert [member.model for member in members if member.chosen] == [chosen]


def test_rate_and_distortion_are_medians_over_seeds():
    members = sweep_members(SWEEPS, LATENTS, scored({2: (0.1, 0.01)}))
    assert [(m.model, m.rate, m.distortion) for m in members] == [("v-latents2", 3.0, 11.0)]


def test_of_events_the_choice_is_by_co_smoothing_in_r2():
    events = {"one": {}}
    for model, of_model in scored({2: (0.1, 0.01), 4: (0.5, 0.1), 8: (0.55, 0.1)})["one"].items():
        lacking = ScoreRow("co_smoothing", model, target="held-out units", status="not defined", note="no counts")
        events["one"][model] = [lacking, replace(of_model[0], score="co_smoothing_r2"), *of_model[1:]]
    members = sweep_members(SWEEPS, LATENTS, events)
    assert [(m.model, m.co_smoothing.score) for m in members if m.chosen] == [("v-latents4", "co_smoothing_r2")]


def test_the_table_can_be_read_back():
    table = list(csv.DictReader(io.StringIO(sweeps_csv(sweep_members(SWEEPS, LATENTS, scored({4: (0.5, 0.1)}))))))
    assert list(table[0]) == list(COLUMNS)
    assert json.loads(table[0]["values"]) == {"latents": 4}
    assert float(table[0]["co_smoothing_high"]) == pytest.approx(0.6)
    assert table[0]["score"] == "co_smoothing"
    assert sweeps_csv([]) == ",".join(COLUMNS) + "\n"
    without = sweep_members(SWEEPS, LATENTS, {"one": {"v-latents2": [ScoreRow("kl", status="not defined")]}})
    assert [(m.rate, m.co_smoothing, m.chosen) for m in without] == [(None, None, False)]


def test_of_sweeps_of_beta_the_curve_is_drawn_with_rising_beta():
    members = [
        Member(session, "v", f"v-{beta}", {"beta": beta}, 9 / beta, 10.0 + beta, None)
        for session in ("one", "two")
        for beta in (4, 0.5, 1)
    ]
    svg = str(rate_distortion(members).svg)
    assert [svg.count(f">{beta}</text>") >= 2 for beta in ("0.5", "1", "4")] == [True] * 3
    assert ">one</text>" in svg
    assert ">two</text>" in svg


def test_without_two_values_of_beta_there_is_no_curve():
    one = Member("one", "v", "v-1", {"beta": 1}, 3.0, 10.0, None)
    scheduled = [replace(one, values={"beta": {"kind": "warm_up"}}, model=f"v-{i}") for i in range(2)]
    of_latents = [replace(one, values={"latents": n}, model=f"v-{n}") for n in (2, 4)]
    unscored = replace(one, values={"beta": 2}, rate=None)
    for members in ([], [one], scheduled, of_latents, [one, unscored]):
        assert rate_distortion(members) is None
