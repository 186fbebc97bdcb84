"""A fit of scikit-learn to whether it converged, which scikit-learn tells by a warning only."""

import warnings
from collections.abc import Callable


def converges(fit: Callable[[], object]) -> bool:
    """Run a fit and return whether it converged; any other warning goes its way."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        fit()
    others = [one for one in caught if not issubclass(one.category, ConvergenceWarning)]
    for one in others:
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return len(others) == len(caught)
