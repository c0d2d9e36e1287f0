"""Forward process: the closed form and the chain held against each other over many draws."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from ....texts import text
from .subject import Subject

if TYPE_CHECKING:
    from ....process.forward import Agreement

CHECKED = (1, 10, 50, 100, 250, 500, 750, 1000)


def agreement_html(subject: Subject, language: str) -> str:
    """Mean and standard deviation of one value's x_t: exact, by the jump, by the chain."""
    x_0 = subject.x_0
    value = float(x_0[0, 0, x_0.shape[-2] // 2, x_0.shape[-1] // 2])
    schedule = subject.ddpm.schedule
    rows = _agreement(schedule.betas.numpy().tobytes(), round(value, 3), subject.seed)
    heads = [
        text(language, f"process.{key}")
        for key in ("table_t", "table_mean", "table_closed", "table_chain")
    ]
    heads += [text(language, "process.table_std"), *heads[2:]]
    head = "".join(f"<th>{html.escape(words)}</th>" for words in heads)
    cells_of_rows = ["".join(f"<td>{cell}</td>" for cell in _cells(row)) for row in rows]
    body = "".join(f"<tr>{cells}</tr>" for cells in cells_of_rows)
    title = html.escape(
        text(language, "process.agreement", value=f"{value:.3f}", count=f"{rows[0].num_draws:,}")
    )
    return (
        f'<p class="list-title">{title}</p><div class="scroll"><table class="figures">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(row: Agreement) -> Sequence[str]:
    means = (row.mean, row.closed_mean, row.chain_mean)
    stds = (row.std, row.closed_std, row.chain_std)
    return [str(row.t + 1), *(_figure(number) for number in (*means, *stds))]


def _figure(number: float) -> str:
    # Nothing is "-0.0000".
    words = f"{number:.4f}"
    return words.lstrip("-") if float(words) == 0 else words


@lru_cache(maxsize=32)
def _agreement(betas: bytes, x_0: float, seed: int) -> list[Agreement]:
    import numpy as np
    import torch

    from ....core.schedule import Schedule
    from ....process.forward import closed_form_and_chain

    schedule = Schedule(torch.from_numpy(np.frombuffer(betas).copy()))
    timesteps = [t - 1 for t in CHECKED if t <= schedule.num_timesteps]
    return closed_form_and_chain(schedule, x_0, timesteps, seed=seed % (2**32 - 1))
