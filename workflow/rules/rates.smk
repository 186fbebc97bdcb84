# Models to denoised rates of every bin and unit: only of models that ask for them with `rates: true`.


rule rates:
    input:
        dataset=f"{RESULTS}/{{dataset}}/{{session}}/dataset.json",
        model=f"{RESULTS}/{{dataset}}/{{session}}/{{model}}/fit.json",
    output:
        manifest=f"{RESULTS}/{{dataset}}/{{session}}/{{model}}/rates.json",
    log:
        "logs/rates/{dataset}/{session}/{model}.log",
    benchmark:
        "benchmarks/rates/{dataset}/{session}/{model}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("rates"),
        runtime=minutes("rates"),
        attempt=attempts,
    params:
        tuning=tuning("rates"),
        code=code("rates"),
        work="work/{dataset}/{session}/{model}",
    shell:
        "alveus rates {input.dataset} {input.model} {output.manifest} --tuning {params.tuning:q}"
        " --code {params.code:q} --work {params.work} --threads {threads}"
        " --attempt {resources.attempt} --log {log}"
