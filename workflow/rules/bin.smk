# Raw recordings, or the events made of them, to datasets in bins. The raw path is a param, not an input: its fingerprint
# stands in the settings, so a touched file changes nothing and a changed one is binned again.


rule bin:
    input:
        events=events,
    output:
        manifest=f"{RESULTS}/{{dataset}}/{{session}}/dataset.json",
    log:
        "logs/bin/{dataset}/{session}.log",
    benchmark:
        "benchmarks/bin/{dataset}/{session}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("bin"),
        runtime=minutes("bin"),
        attempt=attempts,
    params:
        settings=settings("bin"),
        tuning=tuning("bin"),
        code=code("bin"),
        work="work/{dataset}/{session}",
    shell:
        "alveus bin {output.manifest} {input.events} --settings {params.settings:q} --tuning {params.tuning:q}"
        " --code {params.code:q} --work {params.work} --threads {threads}"
        " --attempt {resources.attempt} --log {log}"
