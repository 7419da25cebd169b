"""What happens to each substance in the channel: first-order loss, partition to solids, settling."""

from __future__ import annotations

from sim.chemistry.kinetics import (
    Kinetics,
    Partition,
    Water,
    first_order,
    lead_partition,
    partition_coefficient,
    reactions,
    settling_loss,
    suspended_solids,
    total_from_solids,
)
from sim.chemistry.objects import Reactions

__all__ = [
    "Kinetics",
    "Partition",
    "Reactions",
    "Water",
    "first_order",
    "lead_partition",
    "partition_coefficient",
    "reactions",
    "settling_loss",
    "suspended_solids",
    "total_from_solids",
]
