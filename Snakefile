# Raw recordings to latents and reports: the table of contents of the workflow.
# One stage is one file below workflow/rules, one rule, one subcommand of alveus, one manifest.

from snakemake.utils import min_version

min_version("9.20")


include: "workflow/rules/common.smk"


rule all:
    default_target: True
    input:
        everything(),


include: "workflow/rules/deconvolve.smk"
include: "workflow/rules/bin.smk"
include: "workflow/rules/fit.smk"
include: "workflow/rules/encode.smk"
include: "workflow/rules/rates.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/report.smk"
