"""What every table of the config has in common."""

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """A table of the config: unknown keys are errors, and no message shows a value."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True)
