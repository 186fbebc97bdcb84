"""A sweep stands for one model per combination of its values, in names a folder can have."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveus.config.identifiers import identifier_problem
from alveus.config.models import Vae
from alveus.config.sweep import MOST_MODELS, expand_sweeps
from alveus.errors import SettingError


def expanded(sweep, **settings):
    return expand_sweeps({"v": {"method": "vae", **settings, "sweep": sweep}})


@given(
    st.lists(st.floats(0.01, 50), min_size=1, max_size=4, unique=True),
    st.lists(st.integers(1, 60), min_size=1, max_size=4, unique=True),
)
def test_every_combination_becomes_a_model_of_its_own_with_a_name_for_a_folder(betas, latents):
    models, members = expanded({"beta": betas, "latents": latents}, free_bits=0.1)
    assert list(models) == list(members["v"])
    assert [tuple(chosen.values()) for chosen in members["v"].values()] == list(itertools.product(betas, latents))
    assert [(m["beta"], m["latents"]) for m in models.values()] == list(itertools.product(betas, latents))
    for name, model in models.items():
        assert identifier_problem(name) is None
        assert "sweep" not in model
        assert Vae.model_validate(model).free_bits == 0.1


def test_a_key_with_dots_reaches_below_a_choice_given_by_name():
    models, _ = expanded(
        {"prior.time_constant": [0.1, 0.5], "encoder.hidden": [[8], [8, 4]]}, prior="autoregressive"
    )
    assert list(models) == [
        "v-time_constant0.1-hidden8",
        "v-time_constant0.1-hidden8_4",
        "v-time_constant0.5-hidden8",
        "v-time_constant0.5-hidden8_4",
    ]
    last = Vae.model_validate(models["v-time_constant0.5-hidden8_4"])
    assert (last.prior.kind, last.prior.time_constant) == ("autoregressive", 0.5)
    assert (last.encoder.kind, last.encoder.hidden) == ("mlp", (8, 4))


def test_a_choice_can_be_swept_by_name_or_as_a_mapping():
    models, members = expanded({"prior": ["standard", {"kind": "autoregressive", "time_constant": 1}]})
    assert list(members["v"]) == ["v-priorstandard", "v-priorautoregressive"]
    assert Vae.model_validate(models["v-priorautoregressive"]).prior.time_constant == 1


CONDITIONAL = {"kind": "conditional", "covariates": ["heading"]}


@pytest.mark.parametrize(
    ("sweep", "names"),
    [
        (
            {"prior": [CONDITIONAL, {**CONDITIONAL, "covariates": ["heading", "speed"]}]},
            ["priorconditional-covariates_heading", "priorconditional-covariates_heading_speed"],
        ),
        (
            {"prior": ["standard", CONDITIONAL, {"kind": "conditional", "time_segments": 20}]},
            ["priorstandard", "priorconditional-covariates_heading", "priorconditional-time_segments20"],
        ),
        ({"prior": [CONDITIONAL, {**CONDITIONAL, "posterior": "product"}]},
         ["priorconditional", "priorconditional-posterior_product"]),
        ({"prior": ["autoregressive", {"kind": "autoregressive", "learned": False}]},
         ["priorautoregressive", "priorautoregressive-learned_False"]),
        ({"encoder": [{"kind": "mlp", "hidden": [8]}, {"kind": "mlp", "hidden": [8, 4]}]},
         ["encodermlp-hidden8", "encodermlp-hidden8_4"]),
        (
            {"decoder": [{"kind": "skip", "gate": gate} for gate in (0.5, {"kind": "warm_up", "steps": 9})]},
            ["decoderskip-gate0.5", "decoderskip-gate_warm_up-steps9"],
        ),
        (
            {"beta": [{"kind": "warm_up", "steps": n, "value": 2} for n in (5, 9)], "latents": [3, 4]},
            [f"betawarm_up-steps{n}-latents{d}" for n in (5, 9) for d in (3, 4)],
        ),
    ],
)  # fmt: skip
def test_choices_of_one_kind_are_told_apart_by_the_settings_in_which_they_differ(sweep, names):
    models, members = expanded(sweep)
    assert list(models) == [f"v-{name}" for name in names]
    assert all(identifier_problem(name) is None for name in models)
    assert [tuple(chosen.values()) for chosen in members["v"].values()] == list(itertools.product(*sweep.values()))
    assert len({str(Vae.model_validate(model)) for model in models.values()}) == len(names)


values = st.one_of(st.integers(-3, 3), st.floats(-2, 2), st.booleans(), st.sampled_from(["a", "b c", "d.e"]))


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["steps", "value", "at"]), st.one_of(values, st.lists(values, max_size=2))
        ),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.sampled_from(["x", "y"]), max_size=2, unique=True),
)
def test_names_that_were_distinct_before_stay_and_others_begin_as_they_did(choices, plain):
    kinds = [{"kind": f"k{i % 2}", **choice} for i, choice in enumerate(choices)] + plain
    before = [f"v-beta{kind if isinstance(kind, str) else kind['kind']}" for kind in kinds]
    try:
        found = list(expanded({"beta": kinds})[0])
    except SettingError as error:
        assert "two models would be called" in str(error)  # noqa: PT017
        return
    for one, now in zip(before, found, strict=True):
        assert now == one if before.count(one) == 1 else now.startswith(one)


def test_models_without_a_sweep_stay_as_they_are():
    plain = {"method": "pca", "latents": 3}
    models, members = expand_sweeps({"p": plain, "q": {**plain, "sweep": {}}})
    assert models["p"] == plain
    assert members == {}


@pytest.mark.parametrize(
    ("sweep", "settings", "words"),
    [
        ({"beta": 4}, {}, "a list of values is wanted for each setting"),
        ({"beta": []}, {}, "a list of values is wanted for each setting"),
        ([1, 4], {}, "a list of values is wanted for each setting"),
        ({1: [1, 4]}, {}, "a list of values is wanted for each setting"),
        ({"beta": list(range(MOST_MODELS + 1))}, {}, f"{MOST_MODELS + 1} models, where at most {MOST_MODELS} are"),
        ({"beta": list(range(20)), "latents": list(range(20))}, {}, "400 models, where at most"),
        ({"beta": [1, 1]}, {}, "two models would be called 'v-beta1'"),
        ({"beta": [{"kind": "warm_up", "steps": 5}] * 2}, {}, "would be called 'v-betawarm_up'"),
        ({"prior": ["standard", {"kind": "standard"}]}, {}, "would be called 'v-priorstandard'"),
        ({"beta.steps": [10, 20]}, {"beta": 1}, "beta is 1, which has no setting 'steps': write it as a mapping"),
    ],
)
def test_sweeps_that_cannot_be_are_refused(sweep, settings, words):
    with pytest.raises(SettingError, match=words):
        expanded(sweep, **settings)


@pytest.mark.parametrize("order", [1, -1])
def test_a_member_may_not_have_the_name_of_another_model(order):
    models = [("v", {"method": "vae", "sweep": {"beta": [1]}}), ("v-beta1", {"method": "pca"})]
    with pytest.raises(SettingError, match="two models would be called 'v-beta1'"):
        expand_sweeps(dict(models[::order]))
