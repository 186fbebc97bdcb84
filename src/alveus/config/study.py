"""The whole config of a study: sections, datasets, and what each dataset lays over them."""

from typing import Annotated, Any, Literal

from pydantic import Field

from alveus.config.models import Model, Training
from alveus.config.preprocess import Preprocess
from alveus.config.section import Count, Number, Section


class Scores(Section):
    """How scores get their floors and intervals."""

    shifts: Annotated[
        Count, Field(ge=5, le=1000, description="circular shifts behind each floor (its 95th percentile)")
    ] = 20
    resamples: Annotated[
        Count, Field(ge=50, le=10000, description="moving-block bootstrap samples behind each 95 % interval")
    ] = 200
    seed: Annotated[Count, Field(ge=0, description="seed of shifts and resamples")] = 0


class Report(Section):
    """What the pages show."""

    raster_seconds: Annotated[Number, Field(gt=0, description="length of the example raster [s]")] = 30.0
    max_points: Annotated[Count, Field(ge=100, description="points in a scatter plot at the most")] = 5000


class Dataset(Section):
    """One group of sessions with settings of its own."""

    sessions: Annotated[
        str | tuple[dict[str, Any], ...],
        Field(description="path of a session table (TSV or CSV), or its rows as a list of mappings"),
    ]
    preprocess: Annotated[dict[str, Any], Field(description="laid over the section preprocess")] = Field(
        default_factory=dict
    )
    training: Annotated[dict[str, Any], Field(description="laid over the section training")] = Field(
        default_factory=dict
    )
    scores: Annotated[dict[str, Any], Field(description="laid over the section scores")] = Field(
        default_factory=dict
    )
    report: Annotated[dict[str, Any], Field(description="laid over the section report")] = Field(
        default_factory=dict
    )
    models: Annotated[
        tuple[str, ...] | None,
        Field(description="names of the models to fit; null: all; []: none, dataset and report only"),
    ] = None
    seeds: Annotated[Count | None, Field(ge=1, le=100, description="instead of the study's seeds")] = None


class Config(Section):
    """The settings of a study."""

    results: Annotated[str, Field(min_length=1, description="folder of all results, relative to the study")] = (
        "results"
    )
    seeds: Annotated[
        Count, Field(ge=1, le=100, description="fits of each model, one per seed, all in one job")
    ] = 5
    code_tracking: Annotated[
        Literal["version", "strict", "off"],
        Field(description="what of alveus itself makes results stale: the number of each stage (version), "
              "any change of its code (strict, for developers), or nothing (off)"),
    ] = "version"  # fmt: skip
    gpus: Annotated[
        Count,
        Field(
            ge=0,
            le=1,
            description="GPUs that a job asks for when its model trains with torch; 0 on CPU-only sites",
        ),
    ] = 0
    datasets: Annotated[dict[str, Dataset], Field(min_length=1, description="the datasets, by name")]
    preprocess: Annotated[Preprocess, Field(description="how events become bins")] = Preprocess()
    models: Annotated[dict[str, Model], Field(description="the models, by name")] = Field(default_factory=dict)
    training: Annotated[Training, Field(description="how models with gradients are trained")] = Training()
    scores: Annotated[Scores, Field(description="how scores get floors and intervals")] = Scores()
    report: Annotated[Report, Field(description="what the pages show")] = Report()
