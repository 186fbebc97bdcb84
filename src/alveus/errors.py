"""What went wrong, as a tree of errors that each know their exit status.

AlveusError                     1, a bug
├── SettingError                2, the config or a session table says something impossible
├── RecordingError              2, a raw file is missing, broken or contradicts itself
├── ArtefactError               2, a published store or model is missing, damaged or undescribed
├── QualityError                3, the recording is readable but refused by a quality rule
└── TemporaryError             75, try again: interrupted, locked, or changed while it was read
"""


class AlveusError(Exception):
    """Base of every error alveus raises on purpose.

    Not a ``ValueError``: argument parsers swallow those.
    """

    exit_status = 1


class SettingError(AlveusError):
    """A setting or a row of a session table that cannot be used.

    Parameters
    ----------
    *problems
        One sentence each; all of them are shown.
    """

    exit_status = 2

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class RecordingError(AlveusError):
    """A raw recording that is missing, broken or contradicts itself."""

    exit_status = 2


class ArtefactError(AlveusError):
    """A published artefact that is missing, damaged or not the one its manifest describes."""

    exit_status = 2


class QualityError(AlveusError):
    """A readable recording that a quality rule refuses."""

    exit_status = 3


class TemporaryError(AlveusError):
    """Something that may well succeed when tried again."""

    exit_status = 75
