"""Pure: the part of undo that is about cohorts and groups; people come in undo.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.reconcile.trace import LIVE, RUNNING, RowChange, Trace
from core.reconcile.undo_facts import Code, Decision, GroupNow, Line, MemberNow, Now


class Frame:
    """Decides about cohorts and groups; what it finds stuck takes its people with it."""

    def __init__(self, trace: Trace, now: Now) -> None:
        self.trace, self.now = trace, now
        self.result = Decision()
        self.stuck_cohorts: set[int] = set()
        self.stuck_groups: set[int] = set()
        # Cohorts for which one line says it all, so that their groups need none of their own.
        self.told: set[int] = set()
        self.ending = {m.id for m in trace.members if m.came}

    # --- cohorts ---------------------------------------------------------------------------

    def _cohort(self, change: RowChange) -> None:
        have = self.now.cohorts.get(change.id)
        if have is None:
            return
        name, running = str(have["name"]), have["status"] in RUNNING
        if change.was is None:
            self._uncreate_cohort(change.id, name, running=running)
            return
        if "status" in change.was:
            if not self._cohort_status(change, have):
                self.stuck_cohorts.add(change.id)
                return
            running = change.was["status"] in RUNNING
        for key, old in change.was.items():
            if key != "status":
                self._cohort_field(change, key, old, running=running)

    def _uncreate_cohort(self, cohort_id: int, name: str, *, running: bool) -> None:
        inside = self._remaining(cohort_id=cohort_id)
        self.told.add(cohort_id)
        if inside or not running:
            self.stuck_cohorts.add(cohort_id)
            code = Code.cohort_used if running else Code.cohort_ended
            self.result.cannot.append(Line(code, name, n=len(inside)))
            return
        self.result.cohorts[cohort_id] = {"status": "cancelled"}
        for group in self.now.groups.values():  # also those that were added since
            if group.cohort_id == cohort_id and group.fields["status"] in LIVE:
                self.result.groups[group.id] = {"status": "cancelled"}
        self.result.does.append(Line(Code.cohort_gone, name))
        if any(g.made for g in self.now.groups.values() if g.cohort_id == cohort_id):
            self.result.stays.append(Line(Code.channels_stay, name))

    def _cohort_status(self, change: RowChange, have: Mapping[str, Any]) -> bool:
        """Decide about its status; False where it cannot go back."""
        assert change.was is not None
        goal, name = change.was["status"], str(have["name"])
        if have["status"] != change.now["status"]:
            self.result.cannot.append(Line(Code.cohort_since, name, new=have["status"]))
            return False
        if goal in RUNNING and have["status"] not in RUNNING:
            if name.lower() in self.now.cohort_names:
                self.result.cannot.append(Line(Code.cohort_name, name))
                return False
            code = Code.cohort_back
        elif goal not in RUNNING:
            inside = self._remaining(cohort_id=change.id)
            known = {g.id for g in self.trace.groups}
            new = [
                g for g in self.now.groups.values()
                if g.cohort_id == change.id and g.fields["status"] in LIVE and g.id not in known
            ]  # fmt: skip
            if inside or new:
                self.result.cannot.append(Line(Code.cohort_joined, name, n=len(inside)))
                return False
            code = Code.cohort_ends
        else:
            code = Code.cohort_draft if goal == "draft" else Code.cohort_back
        self.result.cohorts.setdefault(change.id, {})["status"] = goal
        self.result.does.append(Line(code, name, old=goal))
        self.told.add(change.id)
        if code == Code.cohort_draft and any(
            g.made for g in self.now.groups.values() if g.cohort_id == change.id
        ):
            self.result.stays.append(Line(Code.channels_stay, name))
        return True

    def _cohort_field(self, change: RowChange, key: str, old: Any, *, running: bool) -> None:
        have = self.now.cohorts[change.id]
        name, refused = str(have["name"]), None
        if not running:
            refused = Line(Code.cohort_ended, name)
        elif have[key] != change.now[key]:
            refused = Line(Code.cohort_since, name, field=key, new=have[key])
        elif key == "name" and str(old).lower() in self.now.cohort_names:
            refused = Line(Code.cohort_name, str(old))
        elif key in {"rooms", "access_mode"} and any(
            g.made for g in self.now.groups.values() if g.cohort_id == change.id
        ):
            refused = Line(Code.already_made, name)
        if refused is not None:
            if refused not in self.result.cannot:
                self.result.cannot.append(refused)
            return
        self.result.cohorts.setdefault(change.id, {})[key] = old
        self.result.does.append(Line(Code.cohort_field, name, field=key, old=old, new=have[key]))

    # --- groups ----------------------------------------------------------------------------

    def _group(self, change: RowChange) -> None:
        have = self.now.groups.get(change.id)
        if have is None or have.cohort_id in self.stuck_cohorts:
            self.stuck_groups.add(change.id)
            return
        if change.was is None:
            refused = self._uncreate_group(have)
        elif "status" in change.was:
            refused = self._group_status(change, have)
        else:
            refused = self._group_fields(change, have)
        if refused is not None:
            self.stuck_groups.add(change.id)
            self.result.cannot.append(refused)

    def _uncreate_group(self, have: GroupNow) -> Line | None:
        name, inside = self._name(have.id), self._remaining(group_id=have.id)
        if have.fields["status"] not in LIVE:
            return None if have.cohort_id in self.told else Line(Code.group_ended, name)
        if inside:
            return Line(Code.group_used, name, n=len(inside))
        self.result.groups[have.id] = {"status": "cancelled"}
        if have.cohort_id not in self.told:
            self.result.does.append(Line(Code.group_gone, name))
            if have.made:
                self.result.stays.append(Line(Code.channels_stay, name))
        return None

    def _group_status(self, change: RowChange, have: GroupNow) -> Line | None:
        assert change.was is not None
        goal, status, name = change.was["status"], have.fields["status"], self._name(have.id)
        live = status in LIVE
        if status != change.now["status"] and not (live and change.now["status"] in LIVE):
            return Line(Code.group_since, name, field="status", new=status)
        if goal in LIVE and not live:
            if self._cohort_after(have.cohort_id) not in RUNNING:
                return Line(Code.cohort_ended, str(self.now.cohorts[have.cohort_id]["name"]))
            if self._name_taken(have, name):
                return Line(Code.group_name, name)
            code = Code.group_back
        elif goal not in LIVE:
            inside = self._remaining(group_id=have.id)
            if inside:
                return Line(Code.group_joined, name, n=len(inside))
            code = Code.group_ends
        else:
            return None
        self.result.groups[have.id] = dict(change.was)
        if have.cohort_id not in self.told:
            self.result.does.append(Line(code, name, old=goal))
        return None

    def _group_fields(self, change: RowChange, have: GroupNow) -> Line | None:
        assert change.was is not None
        name = self._name(have.id)
        if have.fields["status"] not in LIVE:
            return Line(Code.group_ended, name)
        for key, old in change.was.items():
            if have.fields[key] != change.now[key]:
                new = have.fields[key]
                self.result.cannot.append(Line(Code.group_since, name, field=key, new=new))
                continue
            if key == "name" and self._name_taken(have, str(old)):
                self.result.cannot.append(Line(Code.group_name, str(old)))
                continue
            self.result.groups.setdefault(have.id, {})[key] = old
            if key == "opened_at":
                code = Code.group_unopened if old is None else Code.group_back
                self.result.does.append(Line(code, name))
                if old is None and have.made:
                    self.result.stays.append(Line(Code.channels_stay, name))
            elif len(self.trace.groups) == 1:
                new = have.fields[key]
                self.result.does.append(Line(Code.group_field, name, field=key, old=old, new=new))
        return None

    def _all_of_them(self) -> None:
        """One line for the seats, and one for the times, of all groups of a cohort."""
        if len(self.trace.groups) > 1:
            for key, code in (("seats", Code.all_seats), ("rule", Code.slots)):
                n = sum(key in fields for fields in self.result.groups.values())
                if n:
                    self.result.does.append(Line(code, n=n))

    # --- what stands there, before and after -------------------------------------------------

    def _name(self, group_id: int) -> str:
        return str(self.now.groups[group_id].fields["name"])

    def _remaining(
        self, *, cohort_id: int | None = None, group_id: int | None = None
    ) -> list[MemberNow]:
        """Who is in it and would still be after the memberships of the trace ended again."""
        return [
            m for m in self.now.members.values()
            if m.held.active and m.id not in self.ending
            and (m.group_id == group_id or m.cohort_id == cohort_id)
        ]  # fmt: skip

    def _cohort_after(self, cohort_id: int) -> str:
        after = self.result.cohorts.get(cohort_id, {})
        return str(after.get("status", self.now.cohorts[cohort_id]["status"]))

    def _group_after(self, group_id: int) -> str:
        group = self.now.groups[group_id]
        if self._cohort_after(group.cohort_id) not in RUNNING:
            return "cancelled"
        after = self.result.groups.get(group_id, {})
        return str(after.get("status", group.fields["status"]))

    def _name_taken(self, group: GroupNow, name: str) -> bool:
        return any(
            g.id != group.id and g.cohort_id == group.cohort_id
            and g.fields["status"] in LIVE and str(g.fields["name"]).lower() == name.lower()
            for g in self.now.groups.values()
        )  # fmt: skip
