"""Turns validation losses into a learning rate, and into the decision to stop."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Plateau:
    """Learning rate that decays when the validation loss stalls; training stops when decaying no longer helps.

    Early stopping and the learning rate are one decision: the first stall may mean steps too large as well as
    too many, the last one after several decays means there is nothing left to learn.

    Parameters
    ----------
    learning_rate
        At the start.
    decay
        Factor on the learning rate when the loss stalls.
    patience
        Evaluations in a row without improvement that are a stall.
    decays
        Decays before the next stall stops training.

    >>> plateau = Plateau(learning_rate=1.0, decay=0.5, patience=2, decays=1)
    >>> for loss in (3.0, 2.0, 2.5, 2.5, 2.5, 2.5):
    ...     _ = plateau.see(loss, step=1)
    >>> plateau.learning_rate, plateau.best, plateau.stopped
    (0.5, 2.0, True)
    """

    learning_rate: float
    decay: float
    patience: int
    decays: int
    best: float = float("inf")
    best_step: int = 0
    stale: int = 0
    decayed: int = 0
    stopped: bool = False

    def see(self, loss: float, step: int) -> bool:
        """Take note of a validation loss; return whether it is the best so far."""
        if loss < self.best:
            self.best, self.best_step, self.stale = loss, step, 0
            return True
        self.stale += 1
        if self.stale >= self.patience:
            if self.decayed >= self.decays:
                self.stopped = True
            else:
                self.decayed += 1
                self.slow_down()
        return False

    def slow_down(self) -> None:
        """Decay the learning rate and start counting anew."""
        self.learning_rate *= self.decay
        self.stale = 0

    def state(self) -> dict[str, Any]:
        """Return all fields as numbers."""
        return asdict(self)
