# Datasets to models: all seeds and the held-in twin in one job.


rule fit:
    input:
        dataset=f"{RESULTS}/{{dataset}}/{{session}}/dataset.json",
    output:
        manifest=f"{RESULTS}/{{dataset}}/{{session}}/{{model}}/fit.json",
    log:
        "logs/fit/{dataset}/{session}/{model}.log",
    benchmark:
        "benchmarks/fit/{dataset}/{session}/{model}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=memory("fit"),
        runtime=minutes("fit"),
        attempt=attempts,
    params:
        settings=settings("fit"),
        tuning=tuning("fit"),
        code=code("fit"),
        work="work/{dataset}/{session}/{model}",
    shell:
        "alveus fit {input.dataset} {output.manifest} --settings {params.settings:q} --tuning {params.tuning:q}"
        " --code {params.code:q} --work {params.work} --threads {threads}"
        " --attempt {resources.attempt} --log {log}"
