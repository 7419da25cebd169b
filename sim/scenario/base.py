"""What every table of a scenario has in common: frozen, no unknown keys, names kept short."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StrictBool, StringConstraints

from sim.scenario.quantity import Quantity, Sourced

Label = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$")]
Text = Annotated[str, StringConstraints(max_length=2000)]
FilePath = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00\n]*$")]
Flag = StrictBool

Longitude = Annotated[Sourced, Quantity("deg", ge=-180, le=180)]
Latitude = Annotated[Sourced, Quantity("deg", ge=-90, le=90)]
Distance = Annotated[Sourced, Quantity("m", ge=0, le=2e7)]
PositiveDistance = Annotated[Sourced, Quantity("m", gt=0, le=2e7)]
Area = Annotated[Sourced, Quantity("m2", gt=0, le=1e14)]
Share = Annotated[Sourced, Quantity("1", ge=0, le=1)]
Concentration = Annotated[Sourced, Quantity("kg/m3", ge=0, le=1000)]
Rate = Annotated[Sourced, Quantity("1/s", ge=0, le=1)]


class Table(BaseModel):
    """A table of the scenario file."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=False)

    def as_toml(self) -> dict[str, Any]:
        """Every value including defaults, ready for the TOML writer; keys without a value are left out."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: plain(value) for name, value in values.items() if value is not None}


def plain(value: Any) -> Any:
    """A model's value as TOML holds it."""
    if hasattr(value, "as_toml"):
        return value.as_toml()
    return [plain(entry) for entry in value] if isinstance(value, tuple) else value
