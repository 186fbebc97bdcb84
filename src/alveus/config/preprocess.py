"""The sections that say how a recording becomes bins."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from alveus.config.calcium import (
    Baseline,
    Deconvolution,
    MaximinBaseline,
    MaxMissing,
    Neuropil,
    Oasis,
    Signal,
)
from alveus.config.section import NO_EFFECT_ON_RESULTS, Count, Number, Section


class Split(Section):
    """How bins are divided into training, validation and test: contiguous blocks, never shuffled bins."""

    train: Annotated[Number, Field(gt=0, lt=1, description="part of the bins that models are fitted on")] = 0.7
    validation: Annotated[Number, Field(gt=0, lt=1, description="part that decides when training stops")] = 0.1
    test: Annotated[Number, Field(gt=0, lt=1, description="part that scores are computed on")] = 0.2
    cycle: Annotated[
        Number | None,
        Field(gt=0, description="the three parts follow each other once per cycle of this length [s]; "
              "null: a tenth of the recording, so that each part is spread over the session"),
    ] = None  # fmt: skip
    gap: Annotated[
        Number,
        Field(ge=0, description="bins this close [s] to another part belong to none; "
              "at most a twentieth of a cycle is spent on each gap"),
    ] = 1.0  # fmt: skip
    seed: Annotated[Count, Field(ge=0, description="seed of the order of the parts within each cycle")] = 0

    @model_validator(mode="after")
    def _parts_add_up(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + validation + test must be 1, not {total:g}")
        return self


class BehaviorKinds(Section):
    """How behavioural variables are to be read; what is not named here is guessed from its type."""

    circular: Annotated[
        dict[str, Number],
        Field(description="variables on a circle with their period, such as {heading: 360}"),
    ] = Field(default_factory=dict)
    categorical: Annotated[tuple[str, ...], Field(description="variables whose values are labels")] = ()
    continuous: Annotated[tuple[str, ...], Field(description="variables whose values are quantities")] = ()
    ignore: Annotated[tuple[str, ...], Field(description="variables to leave out")] = ()
    max_gap: Annotated[
        Number,
        Field(gt=0, description="never interpolate between samples further apart than this [s]"),
    ] = 1.0

    @model_validator(mode="after")
    def _one_kind_each(self) -> Self:
        seen: dict[str, str] = {}
        for kind in ("circular", "categorical", "continuous", "ignore"):
            for name in getattr(self, kind):
                if name in seen:
                    raise ValueError(f"{name!r} is named under both {seen[name]} and {kind}")
                seen[name] = kind
        return self


def _without_noise() -> dict[str, str | tuple[str, ...]]:
    return {"group": "!= noise", "iscell": "!= 0"}


class Preprocess(Section):
    """How events become bins."""

    bin_size: Annotated[Number, Field(gt=0, le=60, description="width of a time bin [s]")] = 0.02
    start: Annotated[
        Number | None,
        Field(description="where the recording starts [s]; null: as the file says, else the first spike"),
    ] = None
    duration: Annotated[
        Number | None,
        Field(gt=0, description="length of the recording from its start [s]; "
              "null: as the file says, else up to the last spike"),
    ] = None  # fmt: skip
    unit_filter: Annotated[
        dict[str, str | tuple[str, ...]],
        Field(description="which units to keep, by any column of theirs: a list of allowed values "
              "({group: [good, mua]}) or a comparison ({group: '!= noise', isi_violations: '< 0.5'})"),
    ] = Field(default_factory=_without_noise)  # fmt: skip
    min_rate: Annotated[Number, Field(ge=0, description="units below this mean rate [Hz] are dropped")] = 0.0
    silent_units: Annotated[
        Literal["keep", "drop"], Field(description="units without a single spike in the recording")
    ] = "drop"
    duplicates: Annotated[
        Literal["drop", "keep"],
        Field(description="a unit's spikes that repeat the sample of the one before"),
    ] = "drop"
    out_of_range: Annotated[
        Literal["drop", "refuse"],
        Field(description="spikes before the start or after the end of the recording"),
    ] = "drop"
    min_units: Annotated[Count, Field(ge=1, description="a session with fewer units is refused")] = 1
    min_bins: Annotated[Count, Field(ge=10, description="a session with fewer bins is refused")] = 100
    clock_tolerance: Annotated[
        Number,
        Field(gt=0, description="a session whose behaviour is shifted against its spikes "
              "by more than this [s] is refused"),
    ] = 60.0  # fmt: skip
    held_out_units: Annotated[
        Number,
        Field(
            ge=0,
            lt=1,
            description="part of the units that co-smoothing predicts from the others (0: none)",
        ),
    ] = 0.2
    held_out_seed: Annotated[Count, Field(ge=0, description="seed of the choice of held-out units")] = 0
    split: Annotated[Split, Field(description="training, validation and test")] = Split()
    behavior: Annotated[BehaviorKinds, Field(description="kinds of behavioural variables")] = BehaviorKinds()
    signal: Signal = "auto"
    neuropil: Neuropil = 0.7
    baseline: Annotated[Baseline, Field(description="fluorescence at rest: maximin, percentile, constant")] = (
        MaximinBaseline()
    )
    max_missing: MaxMissing = 2
    deconvolution: Annotated[
        Deconvolution, Field(description="from ΔF/F to events: oasis, or none to keep ΔF/F")
    ] = Oasis()
    keep_dff: Annotated[bool, Field(description="keep ΔF/F beside the events, as large as they are")] = False
    max_input_gb: Annotated[
        Number,
        Field(
            gt=0,
            description="refuse a file that declares more data than this [GB] once unpacked",
            json_schema_extra=NO_EFFECT_ON_RESULTS,
        ),
    ] = 64.0
    traces_mb: Annotated[
        Number,
        Field(
            ge=64,
            description="memory for whole traces that are deconvolved at the same time [MB]: with more of it more "
            "threads have work",
            json_schema_extra=NO_EFFECT_ON_RESULTS,
        ),
    ] = 1024.0
    memory_mb: Annotated[
        Number,
        Field(
            ge=16,
            description="size of a block of bins in memory [MB]",
            json_schema_extra=NO_EFFECT_ON_RESULTS,
        ),
    ] = 32.0
