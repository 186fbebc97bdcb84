# The study's config and tables to what the rules ask of it. No science here: every answer comes from alveus.study.

import atexit
import json
from pathlib import Path

from alveus.config.identifiers import IDENTIFIER
from alveus.study.plan import Study

STUDY = Study(Path.cwd(), config)
RESULTS = STUDY.results
OVERRIDES = json.dumps(config, sort_keys=True)
# Snakemake expands this for every job of every plan: a quarter of planning time, so only where conda is asked for.
ENVIRONMENT = (
    "../../envs/alveus.yaml"
    if "conda" in map(str, workflow.deployment_settings.deployment_method)
    else None
)

atexit.register(STUDY.save_caches)

if workflow.is_main_process and STUDY.missing:
    logger.warning(
        f"{len(STUDY.missing)} raw paths are missing; their sessions will fail, all others run:\n"
        + "\n".join(
            f"  {dataset}/{session}: {path}" for dataset, session, path in STUDY.missing
        )
    )


wildcard_constraints:
    dataset=IDENTIFIER,
    session=IDENTIFIER,
    model=IDENTIFIER,


def everything():
    """Every page, and every manifest too: a session that failed stays due."""
    targets = []
    for dataset, group in STUDY.datasets.items():
        targets += [
            f"{RESULTS}/{dataset}/report.html",
            f"{RESULTS}/{dataset}/scores.csv",
        ]
        targets += [
            path for session in group.sessions for path in artefacts(dataset, session)
        ]
    return targets


def artefacts(dataset, session):
    """All declared outputs of one session."""
    folder = f"{RESULTS}/{dataset}/{session}"
    own = [*STUDY.session_results(dataset, session), "report.html"]
    return [f"{folder}/{name}" for name in own] + [
        f"{folder}/{model}/{name}"
        for model in STUDY.datasets[dataset].models
        for name in STUDY.model_results(dataset, model)
    ]


def events(wildcards):
    """The events of an optical recording, which it is binned and scored from; nothing for spikes."""
    if not STUDY.is_optical(wildcards.dataset, wildcards.session):
        return []
    return [f"{RESULTS}/{wildcards.dataset}/{wildcards.session}/events.json"]


def of_session(wildcards):
    """What the page of a session is made from."""
    return [
        path
        for path in artefacts(wildcards.dataset, wildcards.session)
        if Path(path).name not in ("report.html", "rates.json")
    ]


def of_dataset(wildcards):
    """What the page of a dataset is made from: sizes, scores, and pages to link to."""
    return [
        path
        for session in STUDY.datasets[wildcards.dataset].sessions
        for path in artefacts(wildcards.dataset, session)
        if path.endswith(("dataset.json", ".csv", ".html"))
    ]


def settings(stage):
    """What a stage's result depends on: recorded, and a change makes the stage due."""
    return lambda wildcards: STUDY.stage_settings(stage, **wildcards)


def tuning(stage):
    """What only tunes a run. A function of the output counts as derived: Snakemake records no value of it."""
    return lambda wildcards, output: STUDY.stage_tuning(stage, **wildcards)


def code(stage):
    """What stands for the code of a stage."""
    return STUDY.stage_code(stage)


def memory(stage):
    return lambda wildcards, attempt: STUDY.memory_mb(
        stage, **wildcards, attempt=attempt
    )


def minutes(stage):
    return lambda wildcards, attempt: STUDY.minutes(stage, **wildcards, attempt=attempt)


def gpus(wildcards):
    return STUDY.needs_gpu(wildcards.dataset, wildcards.model)


def attempts(wildcards, attempt):
    return attempt


# A run with failures still leaves the dataset's page, which names each session that failed and why.
onerror:
    shell("alveus report-failures --overrides {OVERRIDES:q}")
