"""Every metric by subject and name."""

from __future__ import annotations

from simharness.metrics.catalogue_arms import ARM_METRICS
from simharness.metrics.catalogue_costs import COST_METRICS
from simharness.metrics.catalogue_desks import DESK_METRICS
from simharness.metrics.catalogue_detectors import DETECTOR_METRICS
from simharness.metrics.catalogue_harm import HARM_METRICS
from simharness.metrics.metric import Metric

METRICS: dict[tuple[str, str], Metric] = {
    (metric.subject, metric.name): metric
    for metric in [*ARM_METRICS, *HARM_METRICS, *COST_METRICS, *DESK_METRICS, *DETECTOR_METRICS]
}
