"""The result of a run to the Hub, for a user who is logged in there. The only upload there is."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import UserError

NAME = re.compile(r"(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9][\w.-]{0,95}")


def own_token() -> str | None:
    """The token of whoever runs this app and has logged in with `hf auth login`, None without."""
    from huggingface_hub import get_token

    return get_token()


def push(folder: Path, name: str, token: str) -> str:
    """Upload a result folder as a private model repository; returns the repository's address.

    Args:
        folder: a diffusers pipeline folder with its model card.
        name: "my-model" or "owner/my-model"; made if it does not exist.
        token: of the user.

    Raises:
        UserError: no such name can be, or the Hub refuses or cannot be reached.
    """
    if not NAME.fullmatch(name) or ".." in name or "--" in name:
        raise UserError(
            "hub_name",
            "A repository is named like my-model or owner/my-model: letters, digits, - and _.",
            field="hub_name",
        )
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    api = HfApi(token=token)
    try:
        repository = api.create_repo(name, private=True, exist_ok=True)
        api.upload_folder(
            repo_id=repository.repo_id,
            folder_path=folder,
            commit_message="Upload from ddpm_demo",
        )
    except (HfHubHTTPError, OfflineModeIsEnabled, httpx.HTTPError, OSError, ValueError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[-1].rstrip(".") if lines else type(error).__name__
        raise UserError(
            "hub_push_failed",
            "The Hub did not take the upload: {reason}.",
            field="hub_name",
            reason=reason[:200],
        ) from error
    return str(repository)
