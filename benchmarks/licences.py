"""The licences of everything that is installed to run the program, as docs/licences.md has them.

python benchmarks/licences.py > docs/licences.md
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

LOCK = Path(__file__).parent.parent / "requirements.lock"
HEAD = """# Licences of what is installed

What `requirements.lock` and PyTorch bring, as the packages themselves say; printed by
`python benchmarks/licences.py`.

| package | version | licence |
|---|---|---|"""


def locked() -> dict[str, str]:
    """{name: version} of the lock, with torch."""
    pins = re.findall(r"(?m)^([A-Za-z0-9._-]+)==([^ ;\\]+)", LOCK.read_text(encoding="utf-8"))
    return dict(pins)


def licence(name: str) -> str:
    """What a package says of its licence, in a few words."""
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return "not installed on this platform"
    kinds = [
        kind.rpartition(" :: ")[2]
        for kind in said.get_all("Classifier", [])
        if kind.startswith("License ::")
    ]
    words = said.get("License-Expression") or ", ".join(kinds) or said.get("License") or "not said"
    return " ".join(words.split())[:60]


def main() -> None:
    print(HEAD)
    for name, version in sorted(
        {**locked(), "torch": "2.13.0"}.items(), key=lambda i: i[0].lower()
    ):
        print(f"| {name} | {version} | {licence(name)} |")


if __name__ == "__main__":
    main()
