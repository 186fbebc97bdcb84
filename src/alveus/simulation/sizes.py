"""Sizes that a user asked of a simulator to the same sizes, or an error that names the impossible one."""

from alveus.errors import SettingError


def check_sizes(simulation: str, **sizes: tuple[int, int]) -> None:
    """Refuse sizes below their least useful value.

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
        for name, (value, least) in sizes.items()
        if value < least
    ]
    if problems:
        raise SettingError(*problems)
