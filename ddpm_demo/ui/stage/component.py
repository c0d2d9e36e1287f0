"""`Stage`: the two components of one viewer and the values that its handlers return."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import gradio as gr
from gradio.events import Dependency
from PIL import Image

from . import scene
from .renditions import Rendition, file_rendition, moving_rendition, preview, rendition
from .said import Said, read_said
from .scene import Caption, Scene
from .script import TEMPLATE, begun, on_load, on_load_said, settled

Accepts = Literal["picture", "picture+mask"]
Listener = Callable[..., Dependency]
Pictures = Image.Image | Sequence[Image.Image]


class Stage:
    """One viewer; make it where it is to stand.

    `component` is given scenes: an output of handlers. `said` holds what the visitor has put on
    the stage and chosen there: an input of handlers, read with `Stage.read`.

    Args:
        name: of the tab; one stage a name.
        accepts: what visitors may put on it; None for a stage that only shows.
        words: the line on the empty stage; the stage's own by default.
        moving: an animation that stands there above the line.
    """

    def __init__(
        self,
        name: str,
        accepts: Accepts | None = None,
        words: Caption = "",
        moving: Path | None = None,
    ):
        self.name, self.accepts = name, accepts
        self.component = gr.HTML(
            scene.empty(words, moving_rendition(moving) if moving else None),
            html_template=TEMPLATE,
            js_on_load=on_load(name, accepts),
            apply_default_css=False,
            elem_id=f"stage-{name}",
            elem_classes=["stage-block"],
        )
        self.said = gr.HTML(
            {},
            html_template='<div class="stage-said"></div>',
            js_on_load=on_load_said(name),
            apply_default_css=False,
            visible="hidden",
            elem_id=f"stage-said-{name}",
        )

    def read(self, said: Any) -> Said:  # noqa: ANN401  any JSON
        """`read_said`, for handlers that get `said` as an input."""
        return read_said(said, [self.component.GRADIO_CACHE])

    def run_js(self, said_at: int) -> str:
        """The `js` of the event that runs: a first sign at once, and the mask as it is now.

        Args:
            said_at: which of the event's inputs is `said`.
        """
        return settled(self.name, said_at)

    def begin_js(self) -> str:
        """The `js` of the event that runs, where nothing that it is given is `said`."""
        return begun(self.name)

    # Events, as any component's: `stage.on_upload(handler, stage.said, ...)`.

    @property
    def on_upload(self) -> Listener:
        """The visitor has put a picture on the stage."""
        return self.said.upload

    @property
    def on_clear(self) -> Listener:
        """The visitor has taken the picture away."""
        return self.said.clear

    @property
    def on_mask(self) -> Listener:
        """The mask has changed and is on the server."""
        return self.said.input

    @property
    def on_select(self) -> Listener:
        """The visitor has chosen another sample or layer."""
        return self.said.select

    @property
    def on_step(self) -> Listener:
        """The visitor asks for a step whose picture the page does not have: answer `step`."""
        return self.said.release

    # Scenes, for `component`.

    def empty(
        self, words: Caption = "", moving: str | None = None, size: tuple[int, int] = (0, 0)
    ) -> Scene:
        """An empty stage; `moving` is an animation's file in the cache, `size` its pixels."""
        return scene.empty(words, file_rendition(moving, *size) if moving else None)

    def show(
        self,
        picture: Image.Image | None,
        *,
        path: str | None = None,
        name: str = "",
        mask: Image.Image | None = None,
        clear_mask: bool = False,
        turn: int = 0,
    ) -> Scene:
        """A picture to work on.

        Args:
            picture: upright, 8-bit; None takes it away.
            path: of the upload itself, which the next run reads; by default a PNG of `picture`.
            name: of the visitor's file.
            mask: "L", white where it is to be filled; None leaves the mask alone.
            clear_mask: take the mask away.
            turn: of the upload that this answers, as it was said.
        """
        shown = None
        if picture is not None:  # where there is no file of it, the next run reads this one
            shown = self._rendition(picture, name, at_once=not path)
        file = {"path": path} if path else None
        painted = self._mask(mask) if mask is not None else None
        return scene.upload(
            shown, file=file, name=name, mask=painted, clear_mask=clear_mask, turn=turn
        )

    def mask(self, mask: Image.Image | None) -> Scene:
        """Another mask, "L", white where it is to be filled; None clears it."""
        return scene.mask(self._mask(mask) if mask is not None else None)

    def progress(
        self,
        x0_hat: Image.Image | None = None,
        x_t: Image.Image | None = None,
        **told: Any,  # noqa: ANN401  as `scene.progress`
    ) -> Scene:
        """A run that goes on; `told` as in `scene.progress`."""
        shown = {
            name: preview(image) for name, image in (("x0_hat", x0_hat), ("x_t", x_t)) if image
        }
        return scene.progress(**shown, **told)

    def result(
        self,
        pictures: Pictures,
        *,
        before: Pictures | None = None,
        layers: Mapping[str, tuple[Caption, Pictures]] | None = None,
        names: Sequence[str] = (),
        recipes: Sequence[Mapping[str, Any]] = (),
        steps: Sequence[Image.Image] = (),
        **told: Any,  # noqa: ANN401  as `scene.result`
    ) -> Scene:
        """What a run has given, at its true size; `told` as in `scene.result`.

        Args:
            pictures: one or more.
            before: what they are compared with: one for all, or one a sample.
            layers: {name: (caption, pictures)}: one for all samples, or one a sample.
            names: of the samples' files, as they are saved from the page.
            recipes: what each sample's file says of how it was made.
            steps: pictures of the steps, where they are at hand.
        """
        samples = [pictures] if isinstance(pictures, Image.Image) else list(pictures)
        named = [*names, *(f"sample-{n + 1}.png" for n in range(len(names), len(samples)))]
        told_of = [*recipes, *[None] * (len(samples) - len(recipes))]
        return scene.result(
            [
                self._rendition(image, name, recipe)
                for image, name, recipe in zip(samples, named, told_of, strict=True)
            ],
            before=self._all(before, "before") if before is not None else None,
            layers={
                name: (caption, self._all(shown, name))
                for name, (caption, shown) in (layers or {}).items()
            },
            steps=[preview(image) for image in steps],
            **told,
        )

    def step(self, index: int, picture: Image.Image, x_t: Image.Image | None = None) -> Scene:
        """The answer to `on_step`: the estimate at that step, and the noisy picture."""
        return scene.step(index, preview(picture), preview(x_t) if x_t is not None else None)

    def idle(self, words: Caption = "") -> Scene:
        """The run has ended without anything new."""
        return scene.idle(words)

    def _mask(self, mask: Image.Image) -> Rendition:
        """The brush draws on it pixel by pixel."""
        return self._rendition(mask, "mask.png", at_once=True)

    def _rendition(
        self,
        image: Image.Image,
        name: str,
        recipe: Mapping[str, Any] | None = None,
        *,
        at_once: bool = False,
    ) -> Rendition:
        file = f"{Path(name).stem or 'picture'}.png"
        return rendition(image, self.component.GRADIO_CACHE, file, recipe, at_once=at_once)

    def _all(self, pictures: Pictures, name: str) -> list[Rendition]:
        images = [pictures] if isinstance(pictures, Image.Image) else list(pictures)
        return [self._rendition(image, f"{name}.png") for image in images]
