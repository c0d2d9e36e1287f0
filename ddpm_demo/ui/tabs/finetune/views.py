"""What the tab shows of pictures and runs, as HTML and plot data."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from ....jobs import Jobs, Phase, Progress
from ....texts import LANGUAGES, text
from ....texts.durations import format_seconds
from ....training.config import TrainConfig
from ...components.live_view import picture_html, status_html
from .drafts import Draft

MAX_SKIPPED_SHOWN = 12
MAX_LOG_LINES = 60
# Of the distance between training pictures, see `training.gauge.Reading`.
COPIES_BELOW = 0.3
CLOSE_BELOW = 0.6
EARLY_ABOVE = 1.4  # of `unlike`; pictures of the same kind seldom have more than 1
BUSY: tuple[Phase, ...] = ("queued", "starting", "training", "stopping")


def duration(language: str, seconds: float) -> str:
    """ "2 h 5 min", "3 min 20 s" or "12 s"."""
    whole = int(seconds)
    if whole >= 3600:
        return format_seconds(language, whole)
    minutes, rest = divmod(whole, 60)
    if minutes:
        return text(language, "common.minutes", minutes=minutes, seconds=rest)
    return text(language, "common.seconds", seconds=rest)


def report_html(draft: Draft | None, language: str) -> str:
    """The report on an upload with its contact sheet; a hint before there is one."""
    if draft is None or draft.report is None:
        hint = html.escape(text(language, "finetune.report_hint"))
        return f'<div class="stage low"><p class="live-hint">{hint}</p></div>'
    report, intake = draft.report, draft.intake
    rows = {
        "report_images": f"{report.num_images:,}",
        "report_sizes": _counts(report.sizes),
        "report_modes": _counts(report.modes),
    }
    if report.num_duplicates:
        rows["report_duplicates"] = f"{report.num_duplicates:,}"
    items = "".join(
        f"<dt>{html.escape(text(language, f'finetune.{key}'))}</dt><dd>{html.escape(value)}</dd>"
        for key, value in rows.items()
    )
    advice = "".join(
        f"<li>{html.escape(text(language, f'finetune.advice_{key}'))}</li>"
        for key in report.advice
    )
    skipped = [(name, reason) for name, reason in report.skipped]
    for name, reason in intake.ignored:
        skipped.append((name, text(language, f"finetune.ignored_{reason}")))
    count = report.num_skipped + intake.num_ignored
    alt = text(language, "finetune.contact_sheet")
    sheet = picture_html(draft.sheet, alt, smooth=False) if draft.sheet else ""
    return (
        f'<div class="upload-report"><div class="stage">{sheet}</div><div>'
        f"<dl>{items}</dl>{f'<ul>{advice}</ul>' if advice else ''}"
        f"{_skipped_html(skipped, count, language)}</div></div>"
    )


def _counts(counts: dict[str, int]) -> str:
    shown = [f"{name.replace('x', ' × ')} ({count:,})" for name, count in counts.items()]
    return ", ".join(shown[:4]) + (" …" if len(shown) > 4 else "")


def _skipped_html(skipped: list[tuple[str, str]], count: int, language: str) -> str:
    if not count:
        return ""
    summary = html.escape(text(language, "finetune.skipped", count=count))
    items = "".join(
        f"<li><b>{html.escape(name)}</b>: {html.escape(reason)}</li>"
        for name, reason in skipped[:MAX_SKIPPED_SHOWN]
    )
    more = "<li>…</li>" if count > MAX_SKIPPED_SHOWN else ""
    return f"<details><summary>{summary}</summary><ul>{items}{more}</ul></details>"


def run_status_html(
    phase: Phase, progress: Progress, config: TrainConfig, place: int, language: str
) -> str:
    """One line: how things stand, step, speed, time left."""
    reason = progress.last.get("reason")
    by_hand = phase == "finished" and reason in ("stop file", "signal")
    parts = [text(language, f"finetune.phase_{'stopped' if by_hand else phase}", place=place)]
    if phase == "failed":
        parts.append(str(progress.last.get("message", "")))
    if progress.step or phase == "training":
        step, total = f"{progress.step:,}", f"{config.max_steps or 0:,}"
        parts.append(text(language, "common.status_step", index=step, total=total))
    if phase == "training" and progress.steps_per_s:
        speed = f"{progress.images_per_s:.1f}"
        parts.append(text(language, "finetune.speed", count=speed))
        left = progress.seconds_left(config.max_steps, config.max_hours)
        if left is not None:
            time_left = duration(language, left)
            parts.append(text(language, "common.status_left", seconds=time_left))
    elif progress.elapsed_s:
        parts.append(
            text(language, "finetune.trained_for", time=duration(language, progress.elapsed_s))
        )
    if progress.curve:
        parts.append(text(language, "finetune.loss_now", loss=f"{progress.smoothed()[-1][1]:.4f}"))
    if phase == "finished" and reason in ("hours", "steps"):
        parts.append(text(language, f"finetune.ended_{reason}"))
    line = text(language, "common.status_join").join(parts)
    return status_html(line[:1].upper() + line[1:], busy=phase in BUSY)


def curve_colours() -> dict[str, str]:
    """The colours of the curves by their names in every language, in light and dark."""
    colours = {"raw": "#8a8f98", "smooth": "#0d9488"}
    return {
        text(language, f"finetune.curve_{kind}"): colour
        for language in LANGUAGES
        for kind, colour in colours.items()
    }


def plot_value(progress: Progress, language: str) -> dict[str, Any] | None:
    """The curves as `gr.LinePlot` takes them, without pandas."""
    raw, smooth = (text(language, f"finetune.curve_{kind}") for kind in ("raw", "smooth"))
    rows = [[step, round(loss, 6), raw] for step, loss in progress.curve]
    rows += [[step, round(loss, 6), smooth] for step, loss in progress.smoothed()]
    if not rows:
        return None
    kinds = {"step": "quantitative", "loss": "quantitative", "curve": "nominal"}
    return {"columns": list(kinds), "data": rows, "datatypes": kinds, "mark": "line"}


def sheet_html(run: Path, progress: Progress, index: int, language: str) -> str:
    """Sample sheet `index` (from 0), a hint while there is none."""
    if progress.sheets:
        step, path = progress.sheets[max(0, min(index, len(progress.sheets) - 1))]
        caption = text(language, "finetune.sheet_at", step=f"{step:,}")
        if content := _picture(run / path, caption):
            return _figure(caption, content)
    hint = html.escape(text(language, "finetune.sheet_hint"))
    caption = text(language, "finetune.sheets")
    return _figure(caption, f'<p class="live-hint">{hint}</p>')


def gauge_html(run: Path, progress: Progress, index: int, language: str) -> str:
    """The samples of sheet `index` above the training pictures nearest to them, and what the
    memorisation gauge reads; empty where there is nothing to compare with.
    """
    if not progress.sheets:
        return ""
    step, _ = progress.sheets[max(0, min(index, len(progress.sheets) - 1))]
    path, ratio, unlike = progress.nearest.get(step, ("", 0.0, 0.0))
    caption = text(language, "finetune.nearest")
    content = _picture(run / path, caption) if path else ""
    if not content:
        return ""
    kind = gauge_kind(ratio, unlike)
    said = text(language, f"finetune.gauge_{kind}", ratio=f"{ratio:.2f}")
    share = 0.0 if kind == "early" else min(100.0, 100 * ratio)
    meter = f'<div class="gauge {kind}"><i style="width:{share:.0f}%"></i></div>'
    return f"{_figure(caption, content)}{meter}<p>{html.escape(said)}</p>"


def gauge_kind(ratio: float, unlike: float) -> str:
    """What the gauge's reading means: "copies", "early", "close" or "new".

    Args:
        ratio, unlike: of `training.gauge.Reading`.
    """
    if ratio < COPIES_BELOW:
        return "copies"
    if unlike > EARLY_ABOVE:
        return "early"  # noise and blurs are far from every training picture, or near to all
    return "close" if ratio < CLOSE_BELOW else "new"


def _picture(path: Path, alt: str) -> str:
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG"]) as image:
            image.load()
            return picture_html(image, alt, smooth=False)
    except OSError:
        return ""


def _figure(caption: str, content: str) -> str:
    return (
        f'<figure class="pane"><figcaption>{html.escape(caption)}</figcaption>'
        f'<div class="stage">{content}</div></figure>'
    )


def log_html(jobs: Jobs, name: str, progress: Progress) -> str:
    """The warnings and the end of the trainer's output, without where things lie."""
    lines = [f"! {warning}" for warning in progress.warnings[-10:]]
    lines += jobs.log(name).splitlines()[-MAX_LOG_LINES:]
    plain = "\n".join(lines).replace(str(jobs.folder / name), ".")
    root = str(Path(__file__).resolve().parents[4])
    return f'<pre class="log">{html.escape(plain.replace(root, "."))}</pre>'
