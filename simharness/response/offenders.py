"""What offenders do about what is done: go on elsewhere or under another name, hurry, wait, turn to another child."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from simharness.response.cases import Case, later
from simharness.response.log import REPEATED, TAKEN
from simharness.scenario.base import DelayedEvent
from simharness.streams import draw

if TYPE_CHECKING:
    from simharness.response.arm import ArmSimulation


class Offenders:
    """The other side, in one arm. Accounts are known by offender, platform and how many were suspended before."""

    def __init__(self, sim: ArmSimulation) -> None:
        self.sim = sim
        self.settings = sim.model.scenario.response.reactions
        settings = self.settings
        self.again = {
            "child.block": settings.block_recontacted.delay.distribution(),
            "offender.suspended": settings.suspension_recontact.delay.distribution(),
        }
        self.returning = settings.new_account.delay.distribution() if settings.new_account else None
        self.silence = settings.tipped_off.silence.distribution() if settings.tipped_off else None
        self.substituting = settings.substitution.delay.distribution() if settings.substitution else None
        self.sharing = settings.signal_sharing.delay.distribution() if settings.signal_sharing else None
        self.displaced = np.zeros(len(sim.contacts), np.int32)  # how often a contact has been planned elsewhere
        self.tips = np.zeros(len(sim.contacts), np.int32)  # how often there was something to notice
        self.holds: Counter[int] = Counter()  # rows: how often a restriction made a conversation wait
        self.suspended: Counter[tuple[int, int]] = Counter()  # (offender, platform)
        self.back: dict[tuple[int, int], float] = {}  # the same -> when there is a new account; inf: never
        self.restricted: dict[tuple[int, int, int], float] = {}  # account -> until when

    # -- a conversation that was ended ------------------------------------------------------------------------------
    def blocked(self, row: int) -> None:
        """The child blocks; with some probability the offender writes again from elsewhere."""
        if not self._goes_on(row, "child.block", self.settings.block_recontacted):
            self.sim.end(row)

    def _goes_on(self, row: int, stream: str, again: DelayedEvent) -> bool:
        """Whether the offender carries the conversation on elsewhere; if so, it is moved."""
        sim, moves = self.sim, int(self.sim.state.moves[row])
        elsewhere = self._elsewhere(row)
        if elsewhere is None or sim.draws.uniform(stream, row, moves) >= again.probability:
            return False
        self._move(row, sim.draws.delay(stream + ".delay", self.again[stream], row, moves), elsewhere)
        return True

    def _move(self, row: int, delay: float, platform: int) -> None:
        self.sim.state.move(row, self.sim.env.now, delay, platform)
        self.sim.changed(row, platform_new=True)

    def substitutes(self, row: int) -> None:
        """The offender may contact another child instead of one that was lost."""
        sim, settings = self.sim, self.settings.substitution
        other = row + sim.state.planned
        if settings is None or self.substituting is None or other >= len(sim.contacts):
            return
        if sim.draws.uniform("offender.substitutes", row) < settings.probability:
            delay = sim.draws.delay("offender.substitutes.delay", self.substituting, row)
            later(sim.env, sim.env.now + delay, partial(self._substitute, other))

    def _substitute(self, row: int) -> None:
        sim = self.sim
        if sim.state.cut[row] < np.inf or sim.env.now >= sim.horizon_s:  # arrested meanwhile
            return
        sim.state.bring_about(row, sim.env.now)
        sim.planned_elsewhere(row)
        offender, platform = int(sim.contacts.initiator[row]), int(sim.state.platform[row])
        restricted = self.restricted.get(sim.account_of(offender, platform), -np.inf)
        if max(restricted, self.back.get((offender, platform), -np.inf)) > sim.env.now:
            self._displace(row)
        else:
            self._contact(row)

    def _contact(self, row: int) -> None:
        """A contact that was not planned here, or not now, is made unless safer defaults prevent it."""
        sim = self.sim
        if not sim.prevented(row):
            sim.changed_reports(row)
            if sim.watch is not None:
                sim.watch.begin(row)

    # -- accounts ------------------------------------------------------------------------------------------------------
    def suspend(self, case: Case) -> int:
        """Suspend the account: what it does on this platform ends, unless the offender finds another way."""
        if not case.right:
            return TAKEN if self.sim.log.once("wrong_suspensions", case.account) else REPEATED
        offender = int(self.sim.contacts.initiator[case.row])
        if case.account != self.sim.account_of(offender, case.platform):
            return REPEATED
        self._suspend(offender, case.platform)
        return TAKEN

    def _suspend(self, offender: int, platform: int) -> None:
        sim, state, now = self.sim, self.sim.state, self.sim.env.now
        back = self.back[offender, platform] = self._comes_back(offender, platform)
        self.suspended[offender, platform] += 1
        for other in state.rows_of[offender].tolist():
            if state.platform[other] != platform or state.cut[other] <= now or not np.isfinite(state.start[other]):
                continue
            if state.start[other] > now:
                if not back <= state.start[other]:
                    self._displace(other)
            elif state.active(other, now):
                if self._goes_on(other, "offender.suspended", self.settings.suspension_recontact):
                    continue
                if back < np.inf:  # whether that is still in the period decides nothing of what comes before its end
                    self._move(other, back - now, platform)
                else:
                    sim.end(other)

    def _comes_back(self, offender: int, platform: int) -> float:
        """When the offender has a new account on the platform; inf: never."""
        settings, seed = self.settings.new_account, self.sim.draws.seed
        if settings is None or self.returning is None or offender in self.sim.police.arrested:
            return np.inf
        occasion = self.suspended[offender, platform] << 8 | platform
        if draw(seed, "offender.new_account", offender, occasion) >= settings.probability:
            return np.inf
        delay = self.returning.quantile(draw(seed, "offender.new_account.delay", offender, occasion))
        back = float(self.sim.env.now + delay)
        self.sim.log.counts["new_accounts"] += back < self.sim.horizon_s
        return back

    def _displace(self, row: int) -> None:
        """A contact meant for a platform on which the offender cannot make it: made elsewhere, or not at all."""
        sim, before = self.sim, int(self.displaced[row])
        elsewhere = self._elsewhere(row)
        displaces = self.settings.suspension_displaces.value
        if elsewhere is None or sim.draws.uniform("offender.displaces", row, before) >= displaces:
            sim.state.suppress(row)
            return
        self.displaced[row] += 1
        sim.state.platform[row] = elsewhere
        sim.state.generation[row] += 1
        self._contact(row)

    def share_signal(self, case: Case) -> int:
        """Other platforms under the code look for the same person, and suspend the account they find."""
        sim, settings = self.sim, self.settings.signal_sharing
        assert settings is not None and self.sharing is not None and sim.coverage is not None
        offender = int(sim.contacts.initiator[case.row]) if case.right else None
        for platform in range(len(sim.model.platforms)):
            share = settings.probability * sim.coverage.share(platform, sim.env.now)
            occasion = case.occasion << 3 | platform
            if platform == case.platform or case.draws.uniform("platform.matches", case.row, occasion) >= share:
                continue
            if offender is None:
                sim.log.once("wrong_suspensions", (case.account, platform))
                continue
            delay = case.draws.delay("platform.matches.delay", self.sharing, case.row, occasion)
            later(sim.env, sim.env.now + delay, partial(self._matched, offender, platform))
        return TAKEN

    def _matched(self, offender: int, platform: int) -> None:
        if self.back.get((offender, platform), -np.inf) > self.sim.env.now:  # suspended there before, and not back yet
            return
        self.sim.log.counts["signals_matched"] += 1
        self._suspend(offender, platform)

    def restrict(self, case: Case) -> int:
        """For a while the account cannot write to children it does not know: conversations wait, or go on elsewhere."""
        sim, settings = self.sim, self.settings.restriction
        assert settings is not None
        state, now = sim.state, sim.env.now
        if not case.right:
            sim.log.once("wrong_restrictions", case.account)
            return TAKEN
        offender = int(sim.contacts.initiator[case.row])
        account = sim.account_of(offender, case.platform)
        if case.account != account or self.restricted.get(account, -np.inf) > now:
            return REPEATED
        self.restricted[account] = now + settings.lasts
        for other in state.rows_of[offender].tolist():
            if state.platform[other] != case.platform or state.cut[other] <= now:
                continue
            if now < state.start[other] < now + settings.lasts:
                self._displace(other)
            elif state.active(other, now):
                self._wait_or_move(other, settings.lasts, settings.moves)
        return TAKEN

    def _wait_or_move(self, row: int, lasts: float, moves: float) -> None:
        sim, occasion = self.sim, self.holds[row]
        self.holds[row] += 1
        elsewhere = self._elsewhere(row)
        if elsewhere is not None and sim.draws.uniform("offender.restricted", row, occasion) < moves:
            delays = self.again["offender.suspended"]
            self._move(row, sim.draws.delay("offender.restricted.delay", delays, row, occasion), elsewhere)
            return
        sim.state.postpone(row, sim.env.now, lasts)
        sim.changed(row, platform_new=False)

    # -- an offender who notices ---------------------------------------------------------------------------------------
    def tip_off(self, row: int) -> None:
        """The child was told and did nothing; the offender may notice, and hurry, wait, or move elsewhere."""
        sim, settings = self.sim, self.settings.tipped_off
        if settings is None or self.silence is None:
            return
        occasion = int(self.tips[row])
        self.tips[row] += 1
        if sim.draws.uniform("offender.notices", row, occasion) >= settings.notices:
            return
        sim.log.counts["tipped_off"] += 1
        drawn = sim.draws.uniform("offender.tipped_off", row, occasion)
        if drawn < settings.speeds_up:
            sim.state.hasten(row, sim.env.now, settings.tempo)
            sim.changed(row, platform_new=False)
            return
        if drawn < settings.speeds_up + settings.goes_silent:
            sim.state.postpone(row, sim.env.now, sim.draws.delay("offender.silent", self.silence, row, occasion))
            sim.changed(row, platform_new=False)
            return
        elsewhere = self._elsewhere(row)
        if drawn < settings.speeds_up + settings.goes_silent + settings.moves and elsewhere is not None:
            delays = self.again["offender.suspended"]
            self._move(row, sim.draws.delay("offender.moves.delay", delays, row, occasion), elsewhere)

    def _elsewhere(self, row: int) -> int | None:
        """Another platform on which the child can be reached, each equally likely; None where there is none."""
        sim = self.sim
        options = np.flatnonzero(sim.given.membership[row])
        options = options[options != sim.state.platform[row]]
        if not options.size:
            return None
        pick = sim.draws.uniform("offender.elsewhere", row, int(sim.state.moves[row] + self.displaced[row]))
        return int(options[int(pick * options.size)])
