"""Names of scores to what a reader needs to judge them: a label, a unit, a meaning."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ScoreWords:
    """How a score is called on a page.

    Parameters
    ----------
    label, unit
        Heading of its column.
    meaning
        One sentence: what it measures, what is good.
    per_target
        Whether every target (covariate) is a column of its own.
    from_zero
        Whether drawings of it show its distance from 0.
    """

    label: str
    unit: str
    meaning: str
    per_target: bool = False
    from_zero: bool = False


SCORES: dict[str, ScoreWords] = {
    "co_smoothing": ScoreWords(
        "co-smoothing",
        "bits per spike",
        "How well units that the encoder never saw are predicted from the latents of the others, "
        "beyond their mean rates. Higher is better; this is what chooses a model.",
        from_zero=True,
    ),
    "co_smoothing_r2": ScoreWords(
        "co-smoothing R²",
        "",
        "How much of the variance of units that the encoder never saw follows linearly from the latents of the "
        "others, in held-out bins. 1 is perfect; this is what chooses a model of activity that is no count.",
        from_zero=True,
    ),
    "log_evidence": ScoreWords(
        "log evidence",
        "nats per bin",
        "Importance-weighted bound on the log-probability of held-out bins. Higher is better; chooses a model. "
        "Of events and ΔF/F it is a density: to compare among models with the same kind of likelihood alone.",
    ),
    "bits_per_spike": ScoreWords(
        "bits per spike (reconstruction)",
        "bits per spike",
        "How well the model gives back bins that it was shown. Copying wins it: it never chooses a model.",
    ),
    "log_likelihood": ScoreWords(
        "log-likelihood",
        "nats per bin",
        "Log-probability of held-out bins given their own latents. Higher is better; of events and ΔF/F it is a "
        "density, to compare with its floor and with the same kind of likelihood alone.",
    ),
    "elbo": ScoreWords(
        "ELBO", "nats per bin", "Lower bound on the log-probability of held-out bins. Higher is better."
    ),
    "kl": ScoreWords("KL", "nats per bin", "What the latents say about a bin; 0 is collapse."),
    "reconstruction": ScoreWords(
        "reconstruction", "nats per bin", "The part of the ELBO that rewards giving back what was shown."
    ),
    "r2": ScoreWords(
        "R² (reconstruction)",
        "",
        "Variance of held-out activity that follows from its own latents; 1 is perfect. Copying wins it: it never "
        "chooses a model.",
        from_zero=True,
    ),
    "active_latents": ScoreWords(
        "active latents",
        "latents",
        "Latents whose posterior mean varies by more than 0.01 of the prior's variance; 0 is collapse.",
        from_zero=True,
    ),
    "kl_per_latent": ScoreWords(
        "KL per latent", "nats per bin", "What each latent says about a bin, or costs; 0 is collapse."
    ),
    "decoder_reliance": ScoreWords(
        "decoder reliance",
        "nats per bin",
        "Log-likelihood of held-out bins that the decoder loses with latents of other bins; 0: it ignores them.",
    ),
    "skip_reliance": ScoreWords(
        "skip reliance",
        "nats per bin",
        "Log-likelihood of held-out bins that the decoder loses with the side channel of other bins: what passes "
        "the latents by, and can hide their collapse.",
    ),
    "gate": ScoreWords("gate", "", "How far the side channel past the latents is open; 0 shut, 1 open."),
    "predictive_check": ScoreWords(
        "predictive check",
        "share inside",
        "Share of the units (pairs, stretches) whose recorded statistic lies within those of 39 recordings drawn "
        "from the model. A true model has 0.95; more is no better.",
        from_zero=True,
    ),
    "decoding_r2": ScoreWords(
        "decoding R²",
        "",
        "Variance of a behavioural variable explained by a decoder of the latents in held-out blocks; "
        "1 is perfect, below 0 is worse than its mean.",
        per_target=True,
        from_zero=True,
    ),
    "decoding_accuracy": ScoreWords(
        "decoding accuracy",
        "",
        "Share of held-out bins whose label is decoded rightly from the latents; 1 is perfect.",
        per_target=True,
        from_zero=True,
    ),
    "truth_r2": ScoreWords(
        "truth R²",
        "",
        "Variance of the simulation's true latents that the latents explain; 1 is perfect.",
        from_zero=True,
    ),
    "truth_mcc": ScoreWords(
        "truth MCC",
        "",
        "Correlation of each latent with its true counterpart, matched one to one; 1 is perfect.",
        from_zero=True,
    ),
    "mcc_strong": ScoreWords(
        "MCC across seeds", "", "Correlation of matched latents between seeds; 1: the axes are reproducible."
    ),
    "mcc_spearman": ScoreWords(
        "rank MCC across seeds", "", "The same of ranks, which one wild bin cannot move; 1 is perfect."
    ),
    "mcc_weak": ScoreWords(
        "MCC across seeds after an affine map",
        "",
        "Correlation of latents between seeds once a map fitted on other bins has brought them together.",
    ),
    "procrustes_r2": ScoreWords(
        "R² across seeds after a rotation", "", "How well one seed's latents are a rotation of another's."
    ),
    "udr": ScoreWords(
        "UDR", "", "Whether each latent of a seed has one partner in another and no more; 1 is perfect."
    ),
    "affine_r2": ScoreWords(
        "affine R² across seeds", "", "How well one seed's latents follow linearly from another's; 1 is perfect."
    ),
    "verdict": ScoreWords("verdict", "", "What the latents of different seeds have in common."),
    "collapse_verdict": ScoreWords(
        "collapse", "", "Whether the latents tell of the activity, and whether the decoder makes use of them."
    ),
    "mutual_information": ScoreWords(
        "information, at least", "nats per bin", "What the latents of a bin tell of it; a lower estimate."
    ),
    "mutual_information_upper": ScoreWords(
        "information, at most", "nats per bin", "What the latents of a bin tell of it; an upper estimate."
    ),
    "total_correlation": ScoreWords(
        "total correlation", "nats per bin", "How far latents are from independent of each other; 0: they are."
    ),
    "dimension_kl": ScoreWords(
        "latent against its prior",
        "nats per bin",
        "How far the distribution of a latent over all bins is from its prior; 0: it is the same.",
    ),
    "mig": ScoreWords(
        "MIG",
        "",
        "By how much one latent is ahead of the next in telling of a covariate; 1: each has its own.",
        from_zero=True,
    ),
    "sap": ScoreWords(
        "SAP",
        "",
        "The same gap as MIG, in the covariate's variance or accuracy that a latent explains.",
        from_zero=True,
    ),
    "modularity": ScoreWords(
        "modularity", "", "Whether a latent tells of one covariate alone; 1 is perfect.", from_zero=True
    ),
    "dci_disentanglement": ScoreWords(
        "DCI disentanglement",
        "",
        "Whether a latent matters for one covariate alone; 1 is perfect.",
        from_zero=True,
    ),
    "dci_completeness": ScoreWords(
        "DCI completeness", "", "Whether one latent alone matters for a covariate; 1 is perfect.", from_zero=True
    ),
    "dci_informativeness": ScoreWords(
        "DCI informativeness",
        "",
        "Variance of the covariates that all latents together explain; without it the other two mean nothing.",
        from_zero=True,
    ),
    "explicitness": ScoreWords(
        "explicitness",
        "",
        "Whether straight lines through the latents tell covariates; 1 is perfect.",
        from_zero=True,
    ),
    "fano_factor": ScoreWords(
        "Fano factor", "", "Variance of a unit's counts over their mean; 1 for Poisson counts of constant rate."
    ),
}

MAIN_SCORES = (
    "co_smoothing",
    "co_smoothing_r2",
    "log_evidence",
    "active_latents",
    "verdict",
    "truth_r2",
    "truth_mcc",
    "decoding_r2",
    "decoding_accuracy",
    "elbo",
    "log_likelihood",
    "bits_per_spike",
    "r2",
)
"""Columns of the table of models, where any model has them."""

OF_COUNTS = frozenset({"co_smoothing", "bits_per_spike"})
"""Main scores that are not defined for events and ΔF/F."""


def score_words(score: str) -> ScoreWords:
    """Words for any score; one without an entry is called by its own name."""
    return SCORES.get(score) or ScoreWords(score.replace("_", " "), "", "")


def heading(score: str, target: str = "") -> str:
    """Name of a score, with its target where each target stands alone.

    >>> heading("decoding_r2", "heading"), heading("co_smoothing", "held-out units")
    ('decoding R²: heading', 'co-smoothing')
    """
    entry = score_words(score)
    return f"{entry.label}: {target}" if entry.per_target and target else entry.label
