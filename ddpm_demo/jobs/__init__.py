"""Training runs as processes of their own: take in pictures, start, watch, stop, resume, delete.

No torch here. A run is a folder of `checkpoints.RUNS_FOLDER`; all that is known of it is in files
there, so that a restarted app, or a second one, finds everything again.
"""

from .estimate import Estimates
from .intake import Intake, take_in
from .progress import Progress, Watcher
from .records import Job, Phase, check_allowed, training_allowed
from .store import Jobs

__all__ = [
    "Estimates",
    "Intake",
    "Job",
    "Jobs",
    "Phase",
    "Progress",
    "Watcher",
    "check_allowed",
    "take_in",
    "training_allowed",
]
