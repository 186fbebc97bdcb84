"""Agreement across seeds, activity, convergence and audit to one word, with the sentence that explains it."""

from collections.abc import Mapping, Sequence

from alveus.scores.rows import Row, not_estimable

AGREES = 0.9  # the low end of an interval must be above it; weaker agreement would not let one seed stand for all
NO_GAP = 0.01  # nats per bin: a rotation that costs less is not prevented by anything

SCORE = "verdict"


def verdict(
    rows: Mapping[str, Row],
    *,
    n_active: Sequence[int],
    not_converged: str = "",
    symmetry_gap: float | None = None,
) -> Row:
    """Name what the seeds of a model have in common.

    Parameters
    ----------
    rows
        Of `mcc_strong`, `procrustes_r2` and `affine_r2` across seeds.
    n_active
        Active latents of each seed.
    not_converged
        Why training had not come to an end; empty where it had, or where there was none.
    symmetry_gap
        What the ELBO loses by a rotation that the prior does not see [nats per bin], at most 0; None: not known.

    Returns
    -------
    Row
        `unique`, `rotation`, `affine`, `not reproducible`, `collapsed` or `not converged`; without a word where
        the data do not suffice.
    """
    if not_converged:
        return Row(SCORE, value="not converged", note=f"{not_converged}: seeds may disagree for that alone")
    if n_active and max(n_active) == 0:
        return Row(SCORE, value="collapsed", note="no latent of any seed is active: there are no axes to compare")
    if n_active and min(n_active) == 0:
        dead = sum(n == 0 for n in n_active)
        return Row(SCORE, value="not reproducible", note=f"{dead} of {len(n_active)} seeds have no active latent")
    strong = rows["mcc_strong"]
    if strong.status != "ok":
        return not_estimable(SCORE, strong.note)
    if strong.low is None:
        return not_estimable(SCORE, strong.note)
    if _agrees(strong):
        if symmetry_gap is not None and symmetry_gap > -NO_GAP:
            return Row(
                SCORE,
                value="rotation",
                note=f"seeds agree in their axes (MCC {strong.value:.2f}), but a rotation costs only "
                f"{-symmetry_gap:.3f} nats per bin: nothing in the model pins them",
            )
        return Row(
            SCORE,
            value="unique",
            note=f"axes agree up to order, sign and scale (MCC {_numbers(strong)}): reproducible in these data, "
            "no proof of identifiability",
        )
    for score, word, what in (
        ("procrustes_r2", "rotation", "seeds agree up to a rotation, and are not shown to agree in their axes"),
        ("affine_r2", "affine", "seeds agree up to an affine map, and are not shown to agree up to a rotation"),
    ):
        row = rows[score]
        if _agrees(row):
            note = f"{what} (MCC {_numbers(strong)}; {score} {_numbers(row)}): do not interpret single latents"
            return Row(SCORE, value=word, note=note)
    return Row(
        SCORE,
        value="not reproducible",
        note=f"seeds do not even agree up to an affine map (R² {_numbers(rows['affine_r2'])})",
    )


def _agrees(row: Row) -> bool:
    return row.low is not None and row.low > max(AGREES, row.floor or 0.0)


def _numbers(row: Row) -> str:
    if not isinstance(row.value, float):
        return row.status
    return f"{row.value:.2f}, at least {row.low:.2f}" if row.low is not None else f"{row.value:.2f}"
