"""Sizes that a user asked of a simulator to the same sizes, or an error that names the impossible one."""

import math

from alveus.errors import SettingError


def check_sizes(simulation: str, **sizes: tuple[float, float]) -> None:
    """Refuse sizes below their least useful value, and those that are not finite.

    Parameters
    ----------
    simulation
        Name of the simulator, for the message.
    **sizes
        For each option its value and the least one that makes a recording.

    Raises
    ------
    SettingError
        Naming every size that is too small.
    """
    problems = [
        f"simulation {simulation}: {name} is {value}, give at least {least}"
        + ("" if math.isfinite(value) else ", and a finite number")
        for name, (value, least) in sizes.items()
        if not least <= value < math.inf
    ]
    if problems:
        raise SettingError(*problems)
