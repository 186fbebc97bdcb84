"""Settings of a study: pydantic models, the single source of truth, and how they are read and checked."""

from alveus.config.load import CONFIG_FILE, DatasetSettings, SessionSettings, StudySettings, load_study
from alveus.config.models import Model, Pca, Training, Vae
from alveus.config.preprocess import BehaviorKinds, Preprocess, Split
from alveus.config.section import settings_and_tuning
from alveus.config.study import Config, Report, Scores

__all__ = [
    "CONFIG_FILE",
    "BehaviorKinds",
    "Config",
    "DatasetSettings",
    "Model",
    "Pca",
    "Preprocess",
    "Report",
    "Scores",
    "SessionSettings",
    "Split",
    "StudySettings",
    "Training",
    "Vae",
    "load_study",
    "settings_and_tuning",
]
