# Raw optical recordings to events at their frame rate: another bin size does not deconvolve again.


rule deconvolve:
    output:
        manifest=f"{RESULTS}/{{dataset}}/{{session}}/events.json",
    log:
        "logs/deconvolve/{dataset}/{session}.log",
    benchmark:
        "benchmarks/deconvolve/{dataset}/{session}.tsv"
    conda:
        ENVIRONMENT
    threads: 4
    resources:
        mem_mb=memory("deconvolve"),
        runtime=minutes("deconvolve"),
        attempt=attempts,
    params:
        settings=settings("deconvolve"),
        tuning=tuning("deconvolve"),
        code=code("deconvolve"),
        work="work/{dataset}/{session}",
    shell:
        "alveus deconvolve {output.manifest} --settings {params.settings:q} --tuning {params.tuning:q}"
        " --code {params.code:q} --work {params.work} --threads {threads}"
        " --attempt {resources.attempt} --log {log}"
