"""What was dropped, masked, sorted or found odd in a recording, counted and with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that a reader or a later stage handled, for the log and the report.

    Parameters
    ----------
    what
        Short name in snake_case: ``duplicate_spikes``, ``unlabelled_units``.
    count
        How many were affected.
    message
        A sentence with the count, the place, the reason and what was done.
    """

    what: str
    count: int
    message: str
