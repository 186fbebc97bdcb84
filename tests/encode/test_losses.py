"""Validation losses of seeds of different lengths, as they are kept beside the latents."""

import numpy as np

from alveus.encode.losses import validation_losses
from alveus.fit.fitted import FittedModel


def model(*history):
    rows = [{"seed": s, "validation_loss": loss, "best": best} for s, loss, best in history]
    return FittedModel("vae", {}, 2, 1, ({}, {}), {}, history=rows)


def test_losses_begin_where_schedules_settled_and_leave_the_twin_out():
    found = validation_losses(
        model(
            ("0", 9.0, False), ("0", 5.0, True), ("0", 4.0, True), ("0", 4.5, False),
            ("1", 6.0, True), ("1", 3.0, True),
            ("twin", 1.0, True),
        )
    )  # fmt: skip
    np.testing.assert_array_equal(found, [[5.0, 4.0, 4.5], [6.0, 3.0, np.nan]])


def test_a_method_without_training_has_none():
    assert validation_losses(model()) is None
