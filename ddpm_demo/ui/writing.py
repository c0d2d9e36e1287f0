"""How results of uploads are written, as the endpoints are told."""

from __future__ import annotations

from typing import Any

from ..pictures.saving import Writing


def writing_of(format: Any, quality: Any, strip_metadata: Any) -> Writing:  # noqa: ANN401  as sent
    """Of the parameters; None or "" is what suits the upload.

    Raises:
        UserError: no such format or quality.
    """
    if isinstance(quality, float) and quality.is_integer():
        quality = int(quality)
    # Photographs of a phone say where they were taken: nothing said is not to pass that on.
    how = Writing(format or None, quality, strip_metadata is not False)
    how.check()
    return how
