"""The sections that say how fluorescence becomes events."""

from typing import Annotated, Literal

from pydantic import Field

from alveus.config.section import ByName, Count, Number, Section

# Baselines: the fluorescence F0 of a cell at rest, in every frame.


class MaximinBaseline(Section):
    """Smooth, then the rolling minimum, then the rolling maximum of it (as in suite2p): follows bleaching."""

    kind: Literal["maximin"] = "maximin"
    smoothing: Annotated[Number, Field(gt=0, description="standard deviation of the Gaussian [s]")] = 0.33
    window: Annotated[Number, Field(gt=0, description="of minimum and maximum [s]")] = 60.0


class PercentileBaseline(Section):
    """A rolling percentile: for cells that are seldom silent as long as the window."""

    kind: Literal["percentile"] = "percentile"
    percentile: Annotated[Number, Field(gt=0, lt=100, description="of the frames in the window")] = 8.0
    window: Annotated[Number, Field(gt=0, description="around each frame [s]")] = 60.0


class ConstantBaseline(Section):
    """One value for the whole recording: where nothing bleaches or drifts."""

    kind: Literal["constant"] = "constant"
    percentile: Annotated[Number, Field(gt=0, lt=100, description="of all frames")] = 8.0


Baseline = Annotated[MaximinBaseline | PercentileBaseline | ConstantBaseline, Field(discriminator="kind"), ByName]


# Deconvolution: from ΔF/F to events.


class NoDeconvolution(Section):
    """ΔF/F as it is, averaged in bins."""

    kind: Literal["none"] = "none"


class Oasis(Section):
    """Non-negative deconvolution with an autoregressive model of calcium (Friedrich et al., 2017)."""

    kind: Literal["oasis"] = "oasis"
    order: Annotated[
        Literal[1, 2], Field(description="1: calcium jumps and decays; 2: it also takes time to rise")
    ] = 2
    tau: Annotated[
        Number | None,
        Field(gt=0, lt=60, description="time constant of the indicator's decay [s]; null: found for each unit"),
    ] = None
    tau_rise: Annotated[
        Number | None,
        Field(gt=0, lt=10, description="time constant of the rise [s], for order 2; null: found for each unit"),
    ] = None
    s_min: Annotated[
        Number | None,
        Field(
            ge=0,
            description="smallest event, in standard deviations of what the noise alone would give for one; "
            "null: none, but a penalty on the sum of events that keeps the residual at the noise level",
        ),
    ] = None
    baseline: Annotated[
        Literal["running", "joint", "none"],
        Field(
            description="what is left of it in ΔF/F. running: a slow low quantile is taken off first; joint: a "
            "constant, fitted together with the events; none: ΔF/F is 0 at rest"
        ),
    ] = "running"


Deconvolution = Annotated[Oasis | NoDeconvolution, Field(discriminator="kind"), ByName]


OPTICAL = ("signal", "neuropil", "baseline", "max_missing", "deconvolution", "keep_dff")
"""Settings of the section preprocess that only optical recordings have, and that act before there are bins."""

Signal = Annotated[
    Literal["auto", "fluorescence", "dff", "events"],
    Field(
        description="which signal of an optical recording to use; auto: the rawest that the file holds, so that "
        "all sessions are treated alike; events: those that another program deconvolved"
    ),
]
Neuropil = Annotated[
    Number, Field(ge=0, le=2, description="part of the surrounding fluorescence that is subtracted from a cell's")
]
MaxMissing = Annotated[
    Count,
    Field(ge=0, description="frames in a row without a signal that are interpolated; more of them are a gap"),
]
