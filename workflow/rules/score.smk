# Latents to scores, and datasets to the scores that need no model.


rule score:
    input:
        dataset=f"{RESULTS}/{{dataset}}/{{session}}/dataset.json",
        latents=f"{RESULTS}/{{dataset}}/{{session}}/{{model}}/latents.json",
    output:
        scores=f"{RESULTS}/{{dataset}}/{{session}}/{{model}}/scores.csv",
    log:
        "logs/score/{dataset}/{session}/{model}.log",
    benchmark:
        "benchmarks/score/{dataset}/{session}/{model}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("score"),
        runtime=minutes("score"),
        attempt=attempts,
    params:
        settings=settings("score"),
        code=code("score"),
        work="work/{dataset}/{session}/{model}",
    shell:
        "alveus score {input.dataset} {input.latents} {output.scores} --settings {params.settings:q}"
        " --code {params.code:q} --work {params.work} --threads {threads}"
        " --attempt {resources.attempt} --log {log}"


rule score_session:
    input:
        dataset=f"{RESULTS}/{{dataset}}/{{session}}/dataset.json",
        events=events,
    output:
        scores=f"{RESULTS}/{{dataset}}/{{session}}/scores.csv",
    log:
        "logs/score_session/{dataset}/{session}.log",
    benchmark:
        "benchmarks/score_session/{dataset}/{session}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("score_session"),
        runtime=minutes("score_session"),
        attempt=attempts,
    params:
        settings=settings("score_session"),
        code=code("score_session"),
        work="work/{dataset}/{session}",
    shell:
        "alveus score-session {input.dataset} {output.scores} {input.events} --settings {params.settings:q}"
        " --code {params.code:q} --work {params.work} --threads {threads}"
        " --attempt {resources.attempt} --log {log}"
