# Everything of a session to its page; all sessions of a dataset to its page and its table of scores.


rule report:
    input:
        of_session,
    output:
        page=report(
            f"{RESULTS}/{{dataset}}/{{session}}/report.html",
            caption="../report/session.rst",
            category="{dataset}",
            labels={"session": "{session}"},
        ),
    log:
        "logs/report/{dataset}/{session}.log",
    benchmark:
        "benchmarks/report/{dataset}/{session}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("report"),
        runtime=minutes("report"),
        attempt=attempts,
    params:
        settings=settings("report"),
        code=code("report"),
        folder=f"{RESULTS}/{{dataset}}/{{session}}",
        work="work/{dataset}/{session}",
    shell:
        "alveus report {params.folder} {output.page} --settings {params.settings:q}"
        " --code {params.code:q} --work {params.work} --threads {threads}"
        " --attempt {resources.attempt} --log {log}"


rule report_dataset:
    input:
        of_dataset,
    output:
        page=report(
            f"{RESULTS}/{{dataset}}/report.html",
            caption="../report/dataset.rst",
            category="{dataset}",
            labels={"session": "all"},
        ),
        scores=f"{RESULTS}/{{dataset}}/scores.csv",
        sweeps=f"{RESULTS}/{{dataset}}/sweeps.csv",
    log:
        "logs/report_dataset/{dataset}.log",
    benchmark:
        "benchmarks/report_dataset/{dataset}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1500,
        runtime=20,
        attempt=attempts,
    params:
        overrides=OVERRIDES,
        code=code("report_dataset"),
        work="work/{dataset}",
    shell:
        "alveus report-dataset {wildcards.dataset} {output.page} {output.scores} {output.sweeps}"
        " --overrides {params.overrides:q} --code {params.code:q} --work {params.work} --threads {threads}"
        " --attempt {resources.attempt} --log {log}"
