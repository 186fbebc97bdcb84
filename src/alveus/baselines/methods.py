"""The names of baselines in the config to what fits and projects them."""

from typing import Any

from alveus.baselines.baseline import Baseline
from alveus.baselines.factor_analysis import fit_factor_analysis, project_factor_analysis
from alveus.baselines.ica import fit_ica, project_ica
from alveus.baselines.nmf import fit_nmf, project_nmf
from alveus.baselines.pca import fit_pca, project_pca

BASELINES: dict[str, Baseline[Any]] = {
    "pca": Baseline(fit_pca, project_pca),
    "factor_analysis": Baseline(fit_factor_analysis, project_factor_analysis),
    "ica": Baseline(fit_ica, project_ica),
    "nmf": Baseline(fit_nmf, project_nmf),
}
"""`method` in the config → baseline. A further one is a module here, an entry in this table, and a section in
`alveus.config.models`."""
