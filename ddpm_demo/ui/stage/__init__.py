"""The stage: the one viewer of the page, for uploads, masks, running previews and results."""

from .component import Stage
from .said import Said, read_said
from .script import CSS_PATH, head

__all__ = ["CSS_PATH", "Said", "Stage", "head", "read_said"]
