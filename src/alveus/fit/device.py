"""Turns the setting `device` into a torch device, or says why not."""

import torch

from alveus.errors import SettingError


def choose_device(setting: str) -> tuple[torch.device, str | None]:
    """Choose where to compute.

    Parameters
    ----------
    setting
        auto, cpu or cuda.

    Returns
    -------
    The device, and a note for log and page when it is not what one would wish for.

    Raises
    ------
    SettingError
        When a GPU is demanded and torch cannot use one.
    """
    usable = torch.cuda.is_available()
    if setting == "cpu":
        return torch.device("cpu"), None
    if usable:
        return torch.device("cuda"), None
    reason = (
        "the installed torch is built without CUDA"
        if torch.version.cuda is None
        else "torch finds no GPU on this machine"
    )
    if setting == "cuda":
        raise SettingError(
            f"training.device is cuda, but {reason}: set it to auto or cpu, "
            "install a CUDA build of torch, or run on a machine with a GPU"
        )
    return torch.device("cpu"), f"computed on the CPU: {reason}"


def set_threads(threads: int) -> None:
    """Tie torch to the threads it was given; more of them than cores made a measured run five times slower."""
    torch.set_num_threads(max(1, threads))
