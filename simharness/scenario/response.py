"""The typed response of a scenario: the police, and how people answer what is done. Policies are in ``policy.py``."""

from __future__ import annotations

from simharness.scenario.base import Model
from simharness.scenario.police import Police
from simharness.scenario.reactions import Reactions


class Response(Model):
    police: Police
    reactions: Reactions
