# Models to latents: mean and scale of every bin and seed.


rule encode:
    input:
        dataset=f"{RESULTS}/{{dataset}}/{{session}}/dataset.json",
        model=f"{RESULTS}/{{dataset}}/{{session}}/{{model}}/fit.json",
    output:
        manifest=f"{RESULTS}/{{dataset}}/{{session}}/{{model}}/latents.json",
    log:
        "logs/encode/{dataset}/{session}/{model}.log",
    benchmark:
        "benchmarks/encode/{dataset}/{session}/{model}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("encode"),
        runtime=minutes("encode"),
        attempt=attempts,
    params:
        tuning=tuning("encode"),
        code=code("encode"),
        work="work/{dataset}/{session}/{model}",
    shell:
        "alveus encode {input.dataset} {input.model} {output.manifest} --tuning {params.tuning:q}"
        " --code {params.code:q} --work {params.work} --threads {threads}"
        " --attempt {resources.attempt} --log {log}"
