"""Why pydantic refused a value, as a text: by the type and the context of its error, which are stable.

https://docs.pydantic.dev/latest/errors/validation_errors; a type that is not here stays in pydantic's English.
"""

from __future__ import annotations

from typing import Final

from pydantic_core import ErrorDetails, PydanticCustomError

from plugins.texts import KINDS
from services.core.i18n import N_, Text, Value

REASONS: Final = {
    "missing": N_("Field required"),
    "extra_forbidden": N_("There is no such field"),
    "string_type": N_("Input should be a valid string"),
    "string_too_short": N_("String should have at least {min_length} characters"),
    "string_too_long": N_("String should have at most {max_length} characters"),
    "string_pattern_mismatch": N_("String should match pattern '{pattern}'"),
    "int_type": N_("Input should be a valid integer"),
    "int_parsing": N_("Input should be a valid integer, unable to parse string as an integer"),
    "int_parsing_size": N_("Unable to parse input string as an integer, exceeded maximum size"),
    "int_from_float": N_("Input should be a valid integer, got a number with a fractional part"),
    "float_type": N_("Input should be a valid number"),
    "float_parsing": N_("Input should be a valid number, unable to parse string as a number"),
    "finite_number": N_("Input should be a finite number"),
    "greater_than": N_("Input should be greater than {gt}"),
    "greater_than_equal": N_("Input should be greater than or equal to {ge}"),
    "less_than": N_("Input should be less than {lt}"),
    "less_than_equal": N_("Input should be less than or equal to {le}"),
    "multiple_of": N_("Input should be a multiple of {multiple_of}"),
    "bool_type": N_("Input should be a valid boolean"),
    "bool_parsing": N_("Input should be a valid boolean, unable to interpret input"),
    "literal_error": N_("Input should be {expected}"),
    "enum": N_("Input should be {expected}"),
    "union_tag_not_found": N_("Field kind is missing"),
    "union_tag_invalid": N_("The kind should be {expected_tags}"),
    "none_required": N_("Input should be None"),
    "list_type": N_("Input should be a valid list"),
    "dict_type": N_("Input should be a valid dictionary"),
    "model_type": N_("Input should be an object"),
    "model_attributes_type": N_("Input should be an object"),
    "too_short": N_("There should be at least {min_length} items"),
    "too_long": N_("There should be at most {max_length} items"),
    "datetime_type": N_("Input should be a valid datetime"),
    "datetime_parsing": N_("Input should be a valid datetime, {error}"),
    "datetime_from_date_parsing": N_("Input should be a valid datetime or date, {error}"),
    "timezone_aware": N_("Input should have timezone info"),
    "time_type": N_("Input should be a valid time"),
    "time_parsing": N_("Input should be in a valid time format, {error}"),
    "uuid_parsing": N_("Input should be a valid UUID, {error}"),
    "url_parsing": N_("Input should be a valid URL, {error}"),
    # Raised by our own validators, as PydanticCustomError.
    "moment_out_of_range": N_("The moment is out of range"),
    "time_zone_unknown": N_("This is no time zone such as America/Sao_Paulo"),
    "time_with_offset": N_("This is a time of the zone's own clock, such as 22:00, without an offset"),
    "mapping_person": N_("Say where the person or the click stands"),
    "mapping_event": N_("Say where the provider's own id stands"),
    "mapping_goal": N_("Name the goal, or say where it stands"),
    "mapping_currency": N_("A value needs its currency"),
    "mapping_only": N_("A condition has a field and a value"),
    "star_value": N_("This is not what a Star may be worth: a number such as 0.013"),
    "macro_unknown": N_("There is no macro {name}"),
    "macro_broken": N_("A brace is open or closed alone"),
    "macro_in_host": N_("The host of the address holds no macros"),
    "broadcast_content": N_("Give either a message or a step of a flow"),
    "people_change_tag": N_("A tag belongs to tag and untag, and to them alone"),
    "people_change_whom": N_("Say whom to block: lead_ids or conditions"),
    # Raised by built-in plugins.
    "menu_button_both": N_("A button opens an address or a page, not both"),
    "menu_too_deep": N_("Menus in menus go {deepest} deep at most"),
    "form_step_repeated": N_("Two steps have the same name"),
    "form_options": N_("A choice has options, and nothing else has"),
    # Raised by flows.
    "flow_button_incomplete": N_("A button of the kind {kind} needs {field}"),
    "flow_text_missing": N_("A text message has a text and no media"),
    "flow_media_missing": N_("This message needs a file or an address"),
    "flow_media_address": N_("The address of media begins with https://"),
    "flow_caption_too_long": N_("The caption is too long"),
    "flow_condition_empty": N_("A condition names what it looks at"),
    "flow_condition_variable": N_("A condition on a variable says what it equals or contains"),
    "flow_goal_worth": N_("A goal has both a value and a currency, or neither"),
    "flow_split_sum": N_("The percentages of a split add up to 100"),
    # Raised by texts for Telegram.
    **KINDS,
}
ONE: Final = {  # where the limit is 1
    "string_too_short": N_("String should have at least {min_length} character"),
    "string_too_long": N_("String should have at most {max_length} character"),
    "too_short": N_("There should be at least {min_length} item"),
    "too_long": N_("There should be at most {max_length} item"),
}


def reason_of(error: ErrorDetails) -> Text:
    """Why the value was refused; never the value itself, which may be a secret."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in ("value_error", "assertion_error"):  # a plugin's own validator: its author's words
        return Text.verbatim(str(context["error"]))
    if kind not in REASONS:
        return Text.verbatim(error["msg"])
    is_one = kind in ONE and 1 in (context.get("min_length"), context.get("max_length"))
    template = ONE[kind] if is_one else REASONS[kind]
    return Text(template, **{name: _value(name, value) for name, value in context.items()})


def refusal(kind: str) -> PydanticCustomError:
    """The error that a validator of ours raises; `kind` is one of REASONS."""
    return PydanticCustomError(kind, REASONS[kind])


def _value(name: str, value: object) -> Value:
    if name == "expected":  # "'a', 'b' or 'c'": the choices are the API's words, in every language
        others, _, last = str(value).rpartition(" or ")
        return Text("{others} or {last}", others=others, last=last) if others else last
    return value if isinstance(value, int | float) else str(value)
