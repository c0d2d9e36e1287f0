"""What a training run was asked to do: frozen, validated, JSON round trip."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from ..errors import UserError
from .limits import CHOICES, DISTILLING, LEAPS, RANGES
from .settings import coerce, parse_override


@dataclass(frozen=True)
class TrainConfig:
    """All settings of a training run; a recipe file holds the ones that differ from these.

    Args:
        data: a folder of pictures, a zip, `.npy`, `.npz` or IDX file, a folder made by
            `ddpm_demo.training.datasets`, or `hub:NAME` for a `datasets` data set, streamed.
        out: the run folder.
        from_checkpoint: a pipeline folder whose weights to start from; None starts from noise.
        objective: "diffusion", or for a model of one to four evaluations "consistency" or
            "adversarial" (which is both) or "progressive", see the modules of these names.
        teacher: for these three the checkpoint to distil, which is also what they start from where
            `from_checkpoint` names nothing else.
        consistency_path: "data" (Easy Consistency Tuning) or "teacher", see `consistency`.
        gap_halving_steps: the gap between the two noise levels begins at 1/2 of the upper one and
            is halved every so many steps.
        min_gap: where it stays; with the path "teacher" it is this from the start.
        adversary_share: for "adversarial", of its gradient beside the consistency's.
        discriminator_rate: learning rate of the adversary, constant.
        teacher_timesteps: for "progressive", of the teacher's chain, descending; empty for 12 even
            ones.
        leaps: likewise: for each number of steps that the network shall take the places in that
            chain which it steps on.
        unet: arguments of diffusers' `UNet2DModel` for a run from scratch.
        sizes_px: sides of the square training pictures; one is drawn for each step.
        size_batches: pictures a step for each of `sizes_px`; empty means `batch_size` for all.
        fit: "resize" (whole picture, centre square) or "crop" (random places, flat ones mostly
            rejected).
        channels: 1 grey, 3 colour.
        background: RGB hex that transparent pictures are laid over.
        flips: mirror half of the pictures.
        prediction_type: "v_prediction" or "epsilon"; ignored with `from_checkpoint` and `teacher`,
            whose own is gone on with.
        beta_schedule: "squaredcos_cap_v2" or "linear"; ignored likewise.
        batch_size: pictures a step over all processes together.
        learning_rate: after the warm-up.
        optimizer: "adamw", or "muon" on the matrices and AdamW on the rest, see `muon`.
        adam_betas, weight_decay: of AdamW; Muon has the same decay.
        warmup_steps: linear from 0.
        decay_fraction: the last part of the run in which the rate falls on a cosine to near 0.
        decay_start_step: where that fall begins, instead of `decay_fraction`; needs `max_steps`.
        snr_gamma: Min-SNR weighting; None weights all timesteps alike.
        log_sigma: mean and deviation of ln(sigma) of three quarters of the timesteps, the others
            uniform, see `objective.spread`; empty for uniform ones. "diffusion" alone knows it.
        clip_norm: the gradient's norm is clipped to this; None leaves it.
        ema_decay, ema_power: decay at step n is min(ema_decay, 1 - (1 + n) ** -ema_power).
        train_parts: "all", or for small data "norms_and_biases" (DiffFit) or
            "attention_and_norms".
        seed: of everything random.
        max_steps, max_hours: whichever comes first ends the run; None for no such end.
        num_threads: of each process.
        channels_last: memory layout; as fast or faster on GPUs, measure it on a CPU.
        mixed_precision: "bf16" (products in bfloat16, weights and sums in float32), "no", or
            "auto": what `accelerate launch --mixed_precision` says, else bf16 on a CPU with AMX.
        sharding: of several processes each has the whole network ("none", DDP), or a part of it
            ("full", FSDP).
        compile: torch.compile the network; slow to start, worth it on some machines.
        checkpoint_minutes, checkpoint_steps: how often to save; None for never by that clock.
        log_steps: an event of the loss every so many steps.
        sample_steps, sample_minutes: how often to draw a sample sheet; None for never.
        validation_minutes: how often to measure the loss on held-out pictures, where the data
            set has them; None for never.
        num_samples, sample_num_steps: pictures on a sheet and DDIM steps for it.
        title: for the model card.
        prior: "object" or "photo", likewise.
    """

    data: str
    out: str
    from_checkpoint: str | None = None
    objective: str = "diffusion"
    teacher: str | None = None
    consistency_path: str = "data"
    gap_halving_steps: int = 1000
    min_gap: float = 1 / 64
    adversary_share: float = 1.0
    discriminator_rate: float = 5e-4
    teacher_timesteps: tuple[float, ...] = ()
    leaps: dict[str, Any] = field(default_factory=lambda: dict(LEAPS))
    unet: dict[str, Any] = field(default_factory=dict)
    sizes_px: tuple[int, ...] = (64,)
    size_batches: tuple[int, ...] = ()
    fit: str = "resize"
    channels: int = 3
    background: str = "ffffff"
    flips: bool = True
    prediction_type: str = "v_prediction"
    beta_schedule: str = "squaredcos_cap_v2"
    batch_size: int = 32
    learning_rate: float = 1e-3
    optimizer: str = "adamw"
    adam_betas: tuple[float, ...] = (0.9, 0.99)
    weight_decay: float = 0.01
    warmup_steps: int = 200
    decay_fraction: float = 0.3
    decay_start_step: int | None = None
    snr_gamma: float | None = 5.0
    log_sigma: tuple[float, ...] = ()
    clip_norm: float | None = 1.0
    ema_decay: float = 0.9995
    ema_power: float = 0.75
    train_parts: str = "all"
    seed: int = 0
    max_steps: int | None = None
    max_hours: float | None = None
    num_threads: int = 2
    channels_last: bool = True
    mixed_precision: str = "auto"
    sharding: str = "none"
    compile: bool = False
    checkpoint_minutes: float | None = 10.0
    checkpoint_steps: int | None = None
    log_steps: int = 10
    sample_steps: int | None = None
    sample_minutes: float | None = 60.0
    validation_minutes: float | None = 30.0
    num_samples: int = 16
    sample_num_steps: int = 50
    title: str = ""
    prior: str = "object"

    def __post_init__(self) -> None:
        for name, low, high in RANGES:
            value = getattr(self, name)
            values = value if isinstance(value, tuple) else (value,)
            for one in values:
                if one is not None and not (math.isfinite(one) and low <= one <= high):
                    raise UserError(
                        "train_value_range",
                        "The training setting “{name}” must lie between {low} and {high}; "
                        "it is {value}.",
                        field=name,
                        name=name,
                        low=low,
                        high=high,
                        value=one,
                    )
        for name, choices in CHOICES:
            if getattr(self, name) not in choices:
                raise UserError(
                    "train_value_choice",
                    "The training setting “{name}” must be one of {choices}; it is {value}.",
                    field=name,
                    name=name,
                    choices=", ".join(map(str, choices)),
                    value=getattr(self, name),
                )
        if not self.sizes_px:
            raise UserError(
                "train_no_size",
                "“sizes_px” needs at least one size of training pictures.",
                field="sizes_px",
            )
        if not re.fullmatch("[0-9a-fA-F]{6}", self.background):
            raise UserError(
                "train_background",
                "“background” must be six hexadecimal digits, such as ffffff.",
                field="background",
            )
        if self.size_batches and len(self.size_batches) != len(self.sizes_px):
            raise UserError(
                "train_size_batches",
                "“size_batches” needs one number for each of “sizes_px”.",
                field="size_batches",
            )
        if self.optimizer == "muon" and self.sharding == "full":
            raise UserError(
                "train_muon_sharding",
                "Muon needs whole matrices: choose the sharding “none”, or the optimizer “adamw”.",
                field="optimizer",
            )
        if self.log_sigma and not (len(self.log_sigma) == 2 and self.log_sigma[1] > 0):
            raise UserError(
                "train_log_sigma",
                "“log_sigma” needs a mean and a deviation above 0, such as -1.85 and 1.1.",
                field="log_sigma",
            )
        if self.distils and not self.teacher:
            raise UserError(
                "train_no_teacher",
                "Name the checkpoint to distil: the objective “{objective}” needs a teacher.",
                field="teacher",
                objective=self.objective,
            )
        if not self.start and not self.unet:
            raise UserError(
                "train_no_network",
                "The training configuration names neither a checkpoint to start from nor a "
                "network.",
                field="unet",
            )

    @property
    def background_rgb(self) -> tuple[int, int, int]:
        """`background` as 8-bit numbers."""
        red, green, blue = bytes.fromhex(self.background)
        return red, green, blue

    @property
    def distils(self) -> bool:
        """Whether it makes a teacher's weights into ones for few evaluations."""
        return self.objective in DISTILLING

    @property
    def start(self) -> str | None:
        """The checkpoint whose weights to start from; None starts from noise."""
        return self.from_checkpoint or (self.teacher if self.distils else None)

    def batch_at(self, size_px: int) -> int:
        """Pictures in a step of that size, over all processes together."""
        if not self.size_batches:
            return self.batch_size
        return self.size_batches[self.sizes_px.index(size_px)]

    def to_json(self) -> str:
        """All settings, readable by `from_json`."""
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> TrainConfig:
        """A configuration from JSON values; unknown names and wrong kinds are refused.

        Raises:
            UserError: an unknown or missing setting, a value of the wrong kind or out of range.
        """
        hints = get_type_hints(cls)
        known = {f.name for f in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise UserError(
                    "train_setting_unknown",
                    "The training setting “{name}” is not known.",
                    name=name,
                )
        for name in ("data", "out"):
            if not values.get(name):
                raise UserError(
                    "train_setting_missing",
                    "The training configuration lacks “{name}”.",
                    field=name,
                    name=name,
                )
        return cls(**{name: coerce(name, hints[name], value) for name, value in values.items()})

    @classmethod
    def load(cls, path: Path, overrides: Iterable[str] = ()) -> TrainConfig:
        """Reads a JSON file and applies overrides such as "max_steps=2000" (values in JSON).

        Raises:
            UserError: no such file, not JSON, or settings that `from_mapping` refuses.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
            if not isinstance(values, dict):
                raise ValueError("not an object")
        except (OSError, ValueError) as error:
            raise UserError(
                "train_config_unreadable",
                "The training configuration {path} cannot be read: {reason}.",
                path=Path(path).name,
                reason=str(error).rstrip("."),
            ) from error
        values.update(parse_override(text) for text in overrides)
        return cls.from_mapping(values)
