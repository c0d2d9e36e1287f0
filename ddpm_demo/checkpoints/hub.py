"""Checkpoints from the Hugging Face Hub: cached ones first, then the network, safetensors only."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..errors import UserError
from .safety import GUIDE_FOLDER, MAX_PARAMETERS, WEIGHTS_NAME, refuse_missing_weights

TIMEOUT_SECONDS = 10
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_-])?"
_HUB_ID = re.compile(rf"({_PART}/{_PART})(?:@({_PART}(?:/{_PART})*))?")
# Old repositories keep everything at the top, newer ones in folders.
_OWN_FILES = (
    "README.md",
    "model_index.json",
    "config.json",
    "scheduler_config.json",
    WEIGHTS_NAME,
    "unet/config.json",
    f"unet/{WEIGHTS_NAME}",
    "scheduler/scheduler_config.json",
)
_FILES = _OWN_FILES + tuple(f"{GUIDE_FOLDER}/{name}" for name in _OWN_FILES)
_MAX_BYTES = 4 * MAX_PARAMETERS + 2**20


def parse_hub_id(name: str) -> tuple[str, str | None] | None:
    """("owner/name", revision or None) of a Hub id, None if it is not one."""
    found = _HUB_ID.fullmatch(name)
    if found is None or ".." in name or "--" in name:
        return None
    return found.group(1), found.group(2)


def fetch(repo_id: str, revision: str | None, *, anonymous: bool = False) -> Path:
    """The folder of a Hub checkpoint, from the local cache if it is whole there, else downloaded.

    Args:
        repo_id, revision: of the repository; None for its newest.
        anonymous: as somebody without a token would get it: what may lie in the cache because of
            the token of this machine is given only when the Hub says that it is public.

    Raises:
        UserError: no network, no such repository or revision, no safetensors weights, too large.
    """
    os.environ.setdefault("DIFFUSERS_DISABLE_REMOTE_CODE", "1")
    from huggingface_hub import get_token

    cached = None
    if not (anonymous and get_token()):
        cached = _from_cache(repo_id, revision)
    return cached or _from_network(repo_id, revision, False if anonymous else None)


def _from_cache(repo_id: str, revision: str | None) -> Path | None:
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(
            repo_id, revision=revision, allow_patterns=list(_FILES), local_files_only=True
        )
    except (OSError, ValueError):
        return None
    # A snapshot may hold only the files that some other program asked for.
    present = {name for name in _FILES if (Path(folder) / name).is_file()}
    whole = any(
        {f"{unet}config.json", f"{unet}{WEIGHTS_NAME}"} <= present
        and {"scheduler_config.json", "scheduler/scheduler_config.json"} & present
        for unet in ("", "unet/")
    )
    return Path(folder) if whole else None


def _from_network(repo_id: str, revision: str | None, token: bool | None = None) -> Path:
    from httpx2 import HTTPError
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import (
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
        XetDownloadError,
    )

    try:
        info = HfApi(token=token).model_info(
            repo_id, revision=revision, files_metadata=True, timeout=TIMEOUT_SECONDS
        )
        _check_listing(repo_id, {f.rfilename: f.size or 0 for f in info.siblings or ()})
        folder = snapshot_download(
            repo_id,
            revision=info.sha,
            allow_patterns=list(_FILES),
            etag_timeout=TIMEOUT_SECONDS,
            token=token,
        )
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        raise UserError(
            "hub_not_found",
            "The Hugging Face Hub has no public repository “{name}” with that revision; "
            "check the spelling.",
            field="checkpoint",
            name=f"{repo_id}@{revision}" if revision else repo_id,
        ) from error
    except (HTTPError, OSError, XetDownloadError) as error:
        raise UserError(
            "hub_unreachable",
            "“{name}” is not stored on this machine and the Hugging Face Hub cannot be reached; "
            "choose a bundled checkpoint, or try again with a network connection.",
            field="checkpoint",
            name=repo_id,
        ) from error
    return Path(folder)


def _check_listing(repo_id: str, sizes: dict[str, int]) -> None:
    """Refuse a repository from its list of files, before anything large is downloaded."""
    wanted = {name: size for name, size in sizes.items() if name in _FILES}
    if not any(name.endswith(WEIGHTS_NAME) for name in wanted.keys() & set(_OWN_FILES)):
        refuse_missing_weights(repo_id, list(sizes))
    if sum(wanted.values()) > _MAX_BYTES:
        raise UserError(
            "hub_too_large",
            "The files of “{name}” are {gigabytes} GB; at most {limit} GB are downloaded.",
            field="checkpoint",
            name=repo_id,
            gigabytes=round(sum(wanted.values()) / 1e9, 1),
            limit=round(_MAX_BYTES / 1e9, 1),
        )
