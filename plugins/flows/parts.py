"""What the steps of a flow are made of: messages with buttons, actions, conditions, and the ways on."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from plugins.texts import LONGEST_CAPTION, LONGEST_LABEL, PLAIN_TEXT, VARIABLES, TelegramText

STEP_KEY: Final = r"^[a-z0-9][a-z0-9_]{0,39}$"
FLOW_KEY: Final = r"^[a-z0-9][a-z0-9-]{0,39}$"
LONGEST_WAIT: Final = 365 * 86_400  # seconds
StepKey = Annotated[str, Field(pattern=STEP_KEY)]
Wait = Annotated[int, Field(ge=1, le=LONGEST_WAIT)]
Tag = Annotated[str, PLAIN_TEXT, Field(min_length=1, max_length=50)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]  # of a variable, a goal, an arm


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)


class ButtonKind(StrEnum):
    """What a tap does: opens an address or a web app, goes to a step or a flow, puts a tag on, asks for a payment in Stars."""

    URL = "url"
    WEB_APP = "web_app"
    STEP = "step"
    FLOW = "flow"
    TAG = "tag"
    PAY = "pay"


class Button(Part):
    """A button below a message. `tag` and `pay` may name a step to go to afterwards; `pay` sends an invoice of `stars`."""

    kind: ButtonKind
    text: Annotated[str, PLAIN_TEXT] = Field(min_length=1, max_length=LONGEST_LABEL)
    url: str = Field("", max_length=2048, description="https; of url and web_app")
    step: StepKey | None = None
    flow: str | None = Field(None, pattern=FLOW_KEY)
    tag: Tag | None = None
    stars: int | None = Field(None, ge=1, le=100_000)

    @model_validator(mode="after")
    def _has_what_its_kind_wants(self) -> Self:
        wanted = {
            ButtonKind.URL: "url",
            ButtonKind.WEB_APP: "url",
            ButtonKind.STEP: "step",
            ButtonKind.FLOW: "flow",
            ButtonKind.TAG: "tag",
            ButtonKind.PAY: "stars",
        }[self.kind]
        if not getattr(self, wanted):
            raise PydanticCustomError(
                "flow_button_incomplete",
                "A button of the kind {kind} needs {field}",
                {"kind": str(self.kind), "field": wanted},
            )
        return self


class MessageKind(StrEnum):
    """What is sent."""

    TEXT = "text"
    PHOTO = "photo"
    VIDEO = "video"
    ANIMATION = "animation"
    AUDIO = "audio"
    VOICE = "voice"
    VIDEO_NOTE = "video_note"
    DOCUMENT = "document"


class Message(Part):
    """One message; `media` is the number of a file in the media library, or an https address."""

    kind: MessageKind = MessageKind.TEXT
    text: Annotated[str, TelegramText(variables=VARIABLES, may_be_blank=True)] = Field(
        "", description="HTML; the caption where there is media. {first_name} … and the flow's own variables"
    )
    media: int | str | None = None
    buttons: list[Annotated[list[Button], Field(min_length=1, max_length=8)]] = Field(
        default_factory=list, max_length=100, description="rows of an inline keyboard"
    )
    allow_paid_broadcast: bool = False

    @model_validator(mode="after")
    def _has_content(self) -> Self:
        is_text = self.kind is MessageKind.TEXT
        if is_text and (self.media is not None or not self.text.strip()):
            raise PydanticCustomError("flow_text_missing", "A text message has a text and no media", {})
        if not is_text and not self.media:
            raise PydanticCustomError("flow_media_missing", "This message needs a file or an address", {})
        if isinstance(self.media, str) and not self.media.startswith("https://"):
            raise PydanticCustomError("flow_media_address", "The address of media begins with https://", {})
        if not is_text and len(self.text) > LONGEST_CAPTION * 8:
            raise PydanticCustomError("flow_caption_too_long", "The caption is too long", {})
        return self


# What a step does on its own


class PutTag(Part):
    """Put a tag on the person, or take it off."""

    kind: Literal["tag", "untag"]
    tag: Tag


class SetVariable(Part):
    """Keep a value of the flow; variables are filled in."""

    kind: Literal["set"]
    name: Name
    value: str = Field(max_length=500)


class ReachGoal(Part):
    """Note that the person reached a goal, with its worth where it has one ("9.90")."""

    kind: Literal["goal"]
    goal: Name
    value: str | None = Field(None, pattern=r"^[0-9]{1,12}(\.[0-9]{1,6})?$")
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$")

    @model_validator(mode="after")
    def _has_both_or_neither(self) -> Self:
        if (self.value is None) != (self.currency is None):
            raise PydanticCustomError(
                "flow_goal_worth", "A goal has both a value and a currency, or neither", {}
            )
        return self


class CallApi(Part):
    """Ask an address and keep what it says: `save` maps a variable to a path in its JSON, such as user.plan."""

    kind: Literal["call"]
    method: Literal["GET", "POST"] = "GET"
    url: str = Field(min_length=9, max_length=2048, pattern=r"^https://")
    body: dict[str, str] = Field(default_factory=dict, max_length=20)
    save: dict[Name, str] = Field(default_factory=dict, max_length=10)
    failed: StepKey | None = None  # where to go when it does not answer; else on as if nothing had been asked


Action = Annotated[PutTag | SetVariable | ReachGoal | CallApi, Field(discriminator="kind")]


# What moves a person on


class Condition(Part):
    """True or false of a person now; all that is given must hold."""

    tag: Tag | None = None
    no_tag: Tag | None = None
    language: str | None = Field(None, pattern=r"^[a-z]{2,3}$", description="its first part, such as pt")
    goal: Name | None = None
    variable: Name | None = None
    equals: str | None = Field(None, max_length=500)
    contains: str | None = Field(None, min_length=1, max_length=500)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        given = [self.tag, self.no_tag, self.language, self.goal, self.variable]
        if all(each is None for each in given):
            raise PydanticCustomError("flow_condition_empty", "A condition names what it looks at", {})
        if (self.variable is None) != (self.equals is None and self.contains is None):
            raise PydanticCustomError(
                "flow_condition_variable", "A condition on a variable says what it equals or contains", {}
            )
        return self


class Goto(Part):
    """Go to a step at once."""

    kind: Literal["goto"]
    step: StepKey


class Case(Part):
    """One way of a branch."""

    when: Condition
    step: StepKey


class Branch(Part):
    """Go where the first true condition says."""

    kind: Literal["branch"]
    cases: list[Case] = Field(min_length=1, max_length=20)
    otherwise: StepKey


class Arm(Part):
    """One way of a split, with its part of the people."""

    name: Name
    percent: int = Field(ge=0, le=100)
    step: StepKey


class Split(Part):
    """Go a way drawn by chance, the same one for the same person ever after: an A/B test, or variety."""

    kind: Literal["split"]
    name: Name
    arms: list[Arm] = Field(min_length=2, max_length=10)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if sum(arm.percent for arm in self.arms) != 100:
            raise PydanticCustomError("flow_split_sum", "The percentages of a split add up to 100", {})
        return self


class OtherFlow(Part):
    """Leave for the first step of another flow."""

    kind: Literal["flow"]
    flow: str = Field(pattern=FLOW_KEY)


class HandOver(Part):
    """Leave the person to the people of the inbox; the flow rests until they release it or `minutes` are over."""

    kind: Literal["handover"]
    minutes: int | None = Field(None, ge=1, le=30 * 1440)
    step: StepKey | None = None  # where it goes on


class End(Part):
    """The flow ends here, on purpose."""

    kind: Literal["end"]


Next = Annotated[Goto | Branch | Split | OtherFlow | HandOver | End, Field(discriminator="kind")]


class TextReply(Part):
    """What a written message does; without `equals` and `contains` any text does. `save` keeps it in a variable."""

    equals: str | None = Field(None, max_length=200)
    contains: str | None = Field(None, min_length=1, max_length=200)
    save: Name | None = None
    step: StepKey


class FollowUp(Part):
    """Go to a step after a while, unless one of `unless` came first: "reply" (a tap or a text here), "tag:x" or "goal:x"."""

    after: Wait  # seconds from when the step was entered
    step: StepKey
    unless: list[Annotated[str, Field(pattern=r"^(reply|tag:.{1,50}|goal:[a-z][a-z0-9_]{0,29})$")]] = Field(
        default_factory=lambda: ["reply"], max_length=10
    )
