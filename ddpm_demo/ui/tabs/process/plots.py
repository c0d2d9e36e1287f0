"""Plots as Gradio draws them itself, in the colours of the theme, and the values they take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from ...context import Context

# Readable on white and on near-black.
TEAL, ORANGE, GREY, VIOLET = "#0d9488", "#e07a1f", "#8a8f98", "#8b6cf0"
MARKER = "t"


def line_plot(ctx: Context, key: str, colours: Mapping[str, str], **props: object) -> gr.LinePlot:
    """A plot of columns x, y and name here; titles from "process.<key>" and "process.<key>_x"."""
    texts = {"label": f"process.{key}", "x_title": f"process.{key}_x"}
    return ctx.make(
        gr.LinePlot,
        texts,
        x="x",
        y="y",
        y_title=" ",
        color="name",
        color_title=" ",
        color_map=dict(colours),
        buttons=[],
        elem_classes=["plot"],
        **{"height": 220, "tooltip": "all", **props},
    )


def bar_plot(ctx: Context, key: str, **props: object) -> gr.BarPlot:
    """The same with bars, without names; the bars stay in the order of their values."""
    return ctx.make(
        gr.BarPlot,
        {
            "label": f"process.{key}",
            "x_title": f"process.{key}_x",
            "y_title": f"process.{key}_y",
        },
        x="x",
        y="y",
        buttons=[],
        **{"height": 260, "tooltip": "all", **props},
    )


def lines(series: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> dict[str, Any]:
    """The value of a `line_plot`: (x, y) by the name of each line. No pandas is needed."""
    rows = [
        [float(x), float(f"{y:.5g}"), name]
        for name, (xs, ys) in series.items()
        for x, y in zip(xs, ys, strict=True)
    ]
    kinds = {"x": "quantitative", "y": "quantitative", "name": "nominal"}
    return {"columns": list(kinds), "data": rows, "datatypes": kinds, "mark": "line"}


def bars(values: Mapping[str, float]) -> dict[str, Any]:
    """The value of a `bar_plot`: heights by what stands under each bar."""
    rows = [[name, float(f"{value:.5g}")] for name, value in values.items()]
    kinds = {"x": "nominal", "y": "quantitative"}
    return {"columns": list(kinds), "data": rows, "datatypes": kinds, "mark": "bar"}


def log10_of(value: float) -> float:
    """For an axis that spans many powers of ten; less than 1e-5 is drawn as that."""
    return math.log10(max(value, 1e-5))


def upright(x: float, low: float, high: float) -> tuple[list[float], list[float]]:
    """A line from (x, low) to (x, high)."""
    return [x, x], [low, high]
