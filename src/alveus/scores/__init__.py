"""Latents, counts, behaviour and truth, as arrays, to scores with their floors and intervals."""

from alveus.scores.covariate import Covariate
from alveus.scores.model_inputs import ModelScoreInputs
from alveus.scores.rows import COLUMNS, Row, rows_to_csv
from alveus.scores.score_model import score_model
from alveus.scores.score_session import SessionScoreInputs, score_session
from alveus.scores.settings import ScoreSettings

__all__ = [
    "COLUMNS",
    "Covariate",
    "ModelScoreInputs",
    "Row",
    "ScoreSettings",
    "SessionScoreInputs",
    "rows_to_csv",
    "score_model",
    "score_session",
]
