"""Recipes: what a user asked for, as frozen pydantic models that survive JSON.

Every door (page, command line, HTTP, Python) makes one and hands it to the pipeline; every picture
saved carries it; every door takes it back. A task is a subclass in a file of its own in this
folder: it declares its fields once (`field.field`), the pictures it takes (`inputs`), and how it
starts on a loaded checkpoint (`start`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from ..core.seeds import MAX_SEED
from ..errors import UserError, check_range
from .field import TaskField, field, fields_of
from .inputs import Alias, Picture
from .mistakes import choice_error, unknown_field, user_error, value_error

if TYPE_CHECKING:
    from .prior import Prior
    from .run import Run

MAX_STEPS = 10_000
MAX_SIZE_PX = 2048


class Recipe(BaseModel):
    """What all tasks share.

    Attributes:
        task: name at every door, and of the task's section in the texts.
        position: where it stands among the tasks.
        inputs: the pictures that go with a recipe, in the order of the command line.
        result_suffix: what a result is called after its input, "denoised" of `photo-denoised.png`.
        beside: names of the pictures that a run may have beside its results.
        animates: whether an animation of the results is among the answers.
        positional: the field that the command line takes without an option, "" for none.
        aliases: shorter ways of saying a part of it, which `from_door` understands.
        for_few_steps: whether a checkpoint made for a few evaluations can do it, too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    task: ClassVar[str] = ""
    position: ClassVar[int] = 1000
    inputs: ClassVar[tuple[Picture, ...]] = ()
    result_suffix: ClassVar[str] = ""
    beside: ClassVar[tuple[str, ...]] = ()
    animates: ClassVar[bool] = False
    positional: ClassVar[str] = ""
    aliases: ClassVar[tuple[Alias, ...]] = ()
    for_few_steps: ClassVar[bool] = False

    checkpoint: str = field(..., advanced=True)
    seed: int = field(0, ge=0, le=MAX_SEED)
    precision: Literal["auto", "float32", "bfloat16", "float16"] = field("auto", advanced=True)

    def __init__(self, /, **values: Any):  # noqa: ANN401  of the fields' own types
        fields = fields_of(type(self))
        for name in values:
            if not _is_text(name):  # pydantic cannot even say what is wrong with it
                raise unknown_field(type(self).task, name)
        plain = {name: _normalised(fields.get(name), value) for name, value in values.items()}
        try:
            super().__init__(**plain)
        except ValidationError as error:
            raise user_error(type(self).task, fields, error) from None
        except UnicodeEncodeError:  # nor with such a value within several
            bad = (name for name in plain if not _is_text("".join(_words(plain[name]))))
            name = next(bad, "checkpoint")
            known = name in fields
            raise (value_error(name) if known else unknown_field(type(self).task, name)) from None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.checkpoint:
            raise UserError("checkpoint_missing", "Choose a checkpoint first.", field="checkpoint")
        for name, told in fields_of(type(self)).items():
            value = getattr(self, name)
            if isinstance(value, str) and not _is_text(value):
                raise value_error(name)
            if told.kind == "choice" and value is not None and value not in told.choices:
                raise choice_error(told, value)
            if told.kind == "integers" and told.minimum is not None and told.maximum is not None:
                for item in value:
                    check_range(name, item, told.minimum, told.maximum)
        self.check()
        return self

    @classmethod
    def made_by(cls, version: object, values: Mapping[str, Any]) -> Self:
        """The recipe of a picture that an earlier version of this program may have made.

        Args:
            version: as the file says it, any JSON; None for none.
            values: by field.

        Raises:
            UserError: an unknown field, a value of the wrong type or out of bounds.
        """
        return cls(**values)

    def check(self) -> None:
        """What no single field can say.

        Raises:
            UserError: two values that do not go together.
        """

    @property
    def is_exact(self) -> bool:
        """Whether the task works in float32, whatever is asked."""
        return False

    def start(self, prior: Prior, **inputs: Any) -> Run:  # noqa: ANN401  as `inputs` says
        """Start the run on a loaded checkpoint.

        Args:
            prior: the checkpoint.
            inputs: PIL pictures by the names of `inputs`; None for those that are not given.

        Raises:
            UserError: something in the recipe cannot be done with this checkpoint or picture.
        """
        raise TypeError(f"{type(self).__name__} has no start")

    @classmethod
    def needs_picture(cls) -> bool:
        """Whether there is nothing to be done without a picture, which then also says what
        checkpoint suits."""
        return any(told.required for told in cls.inputs)

    @classmethod
    def suitable_checkpoint(cls, values: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
        """The name of the checkpoint that a door takes when nobody has chosen one.

        Args:
            values: of the fields, as far as they are given.
            inputs: the pictures.
        """
        return "faces-64"

    @classmethod
    def from_door(cls, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """(fields, pictures) of what a door was given, where a door may say it more briefly."""
        names = {told.name for told in cls.inputs}
        fields = {name: value for name, value in values.items() if name not in names}
        return fields, {name: values.get(name) for name in names}

    @classmethod
    def from_words(cls, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """As `from_door`, of what was typed: pictures are paths."""
        return cls.from_door(values)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON values, with its task."""
        return {"task": self.task, **self.model_dump()}

    def picture_name(self, index: int) -> str:
        """What the file of picture `index` is called, without its ending, when there was no input
        to call it after."""
        return f"seed-{self.seed + index}"

    def of_picture(self, index: int) -> Self:
        """The recipe that makes picture `index` alone, where there is one."""
        return self

    def replace(self, **changes: object) -> Self:
        """A copy with some fields changed, validated again."""
        return type(self)(**{**self.model_dump(), **changes})


def _normalised(told: TaskField | None, value: Any) -> Any:  # noqa: ANN401  any JSON value
    """JSON and number boxes say 4.0 for 4, a list for a tuple, a text box words for a tuple of
    words and for a number to choose, and "" for nothing."""
    if told is None:
        return value
    if told.kind == "texts" and isinstance(value, str):
        return tuple(value.split())
    if told.kind == "choice" and isinstance(value, str) and value:  # a list of words
        return next((one for one in told.choices if str(one) == value), value)
    if told.optional and isinstance(value, str) and value == "":
        return None
    is_whole = isinstance(value, float) and value.is_integer()
    if is_whole and (told.kind == "integer" or any(isinstance(c, int) for c in told.choices)):
        return int(value)
    if isinstance(value, list):
        return tuple(_whole(item) if told.kind == "integers" else item for item in value)
    return value


def _whole(value: Any) -> Any:  # noqa: ANN401  any JSON value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _words(value: Any) -> Iterator[str]:  # noqa: ANN401  any JSON value
    """The texts in it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _words([*value, *value.values()])
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _words(item)


def _is_text(value: str) -> bool:
    """Whether it can be written: JSON lets half a character through."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
