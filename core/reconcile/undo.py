"""Pure: what taking a change back would do now, what it cannot do any more, and why.

A part that changed again since is left as it is and named; a person is taken as one part, so
that nobody is ever taken out of one group without being put back into the other.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from core.reconcile.trace import LIVE, KeptChange, MemberChange, Trace
from core.reconcile.undo_facts import Code, Decision, Line, MemberNow, Now
from core.reconcile.undo_frame import Frame
from core.reconcile.undo_meetings import back, since


def decide(trace: Trace, now: Now) -> Decision:
    """What taking back `trace` means, from what stands there `now`."""
    return _Undoing(trace, now).decide()


class _Undoing(Frame):
    def decide(self) -> Decision:
        for cohort in self.trace.cohorts:
            self._cohort(cohort)
        for group in self.trace.groups:
            self._group(group)
        self._all_of_them()
        self._people()
        self._expected()
        self._seats()
        self._settings()
        for kept in self.trace.kept:
            self._kept(kept)
        self._meetings()
        touched = {g for g in self.trace.group_ids() if g in self.now.groups}
        names = [self._name(g) for g in sorted(touched) if self.now.groups[g].deleted]
        if names and self.result.does:
            self.result.stays.append(Line(Code.deleted, ", ".join(names)))
        return self.result

    # --- people ----------------------------------------------------------------------------

    def _people(self) -> None:
        parts: dict[tuple[int, int], list[MemberChange]] = defaultdict(list)
        for change in self.trace.members:
            group = self.now.groups.get(change.group_id)
            if group is not None and (change.came or change.went):
                parts[(group.cohort_id, change.user_id)].append(change)
        lines: dict[tuple[Code, str], list[int]] = defaultdict(list)
        problems: dict[tuple[Code, str], list[int]] = defaultdict(list)
        for (cohort_id, user_id), changes in parts.items():
            if cohort_id in self.stuck_cohorts or {c.group_id for c in changes} & self.stuck_groups:
                continue  # said already, with the reason
            problem = self._person_problem(cohort_id, user_id, changes)
            if problem is not None:
                problems[problem].append(user_id)
                continue
            for key in self._person(changes):
                lines[key].append(user_id)
        ordered = sorted(lines.items(), key=lambda item: (item[0][0] != Code.put_back, item[0]))
        self.result.does += [Line(code, name, tuple(who)) for (code, name), who in ordered]
        self.result.cannot += [
            Line(code, name, tuple(who)) for (code, name), who in sorted(problems.items())
        ]

    def _person_problem(
        self, cohort_id: int, user_id: int, changes: list[MemberChange]
    ) -> tuple[Code, str] | None:
        mine = {c.id for c in changes if c.came}
        back = [c for c in changes if c.went]
        others = [
            m for m in self.now.members.values()
            if m.user_id == user_id and m.cohort_id == cohort_id and m.held.active
            and m.id not in mine
        ]  # fmt: skip
        if others:
            again = any(c.group_id == others[0].group_id for c in back)
            code = Code.already_back if again else Code.elsewhere
            return code, self._name(others[0].group_id)
        for c in changes:
            there = self.now.members.get(c.id)
            if c.came and (there is None or not there.held.active):
                return Code.left_since, self._name(c.group_id)
        for c in back:
            if self._group_after(c.group_id) not in LIVE:
                return Code.group_ended, self._name(c.group_id)
        return None

    def _person(self, changes: list[MemberChange]) -> list[tuple[Code, str]]:
        """Note what becomes of their memberships; what is to be said of it."""
        back = [c for c in changes if c.went and c.id in self.now.members]
        gone = [c for c in changes if c.came]
        self.result.end += [(self.now.members[c.id], c.was) for c in gone]
        self.result.revive += [(self.now.members[c.id], self.now.members[c.id].seat) for c in back]
        if back and gone and back[0].group_id == gone[0].group_id:
            return [(Code.role_back, self._name(back[0].group_id))]
        said = [(Code.put_back, self._name(c.group_id)) for c in back]
        # Whose group ends again still reads it: that line says what becomes of them.
        said += [
            (Code.take_out, self._name(c.group_id))
            for c in gone
            if self._group_after(c.group_id) in LIVE
        ]
        return said

    def _seats(self) -> None:
        """The old seats where they are free, else the next ones; past the end it is said."""
        ended = {m.id for m, _ in self.result.end}
        taken: dict[int, set[int]] = defaultdict(set)
        for m in self.now.members.values():
            if m.held.active and m.seat is not None and m.id not in ended:
                taken[m.group_id].add(m.seat)
        going = {(e.name, e.group_id) for e in self.result.expected if not e.added}
        for e in self.now.expected:
            if e.seat is not None and (e.name, e.group_id) not in going:
                taken[e.group_id].add(e.seat)
        seated: list[tuple[MemberNow, int | None]] = []
        more: dict[int, int] = defaultdict(int)
        for m, seat in sorted(self.result.revive, key=lambda r: (r[0].group_id, r[0].id)):
            chosen = seat
            if seat is not None:
                chosen = seat if seat not in taken[m.group_id] else 1
                while chosen in taken[m.group_id]:
                    chosen += 1
                taken[m.group_id].add(chosen)
                more[m.group_id] += 1
            seated.append((m, chosen))
        self.result.revive = seated
        for group_id in sorted(more):
            fields = {**self.now.groups[group_id].fields, **self.result.groups.get(group_id, {})}
            n = len(taken[group_id])
            if n > int(fields["seats"]):
                self.result.stays.append(
                    Line(Code.full, self._name(group_id), n=n, old=fields["seats"])
                )

    # --- the rest --------------------------------------------------------------------------

    def _settings(self) -> None:
        was, since = self.trace.settings or ({}, {})
        for key, old in was.items():
            have = self.now.settings.get(key)
            if have != since.get(key):
                self.result.cannot.append(Line(Code.setting_since, field=key, new=have))
                continue
            self.result.settings[key] = old
            if key in self.trace.unchosen:
                self.result.unchosen.append(key)
            self.result.does.append(Line(Code.setting, field=key, old=old, new=have))

    def _expected(self) -> None:
        said: dict[tuple[Code, str], list[str]] = defaultdict(list)
        going = {(e.name.lower(), e.group_id) for e in self.trace.expected if e.added}
        for change in self.trace.expected:
            group = self.now.groups.get(change.group_id)
            if group is None:
                continue
            there = [
                e for e in self.now.expected
                if e.name.lower() == change.name.lower()
                and self.now.groups[e.group_id].cohort_id == group.cohort_id
            ]  # fmt: skip
            if change.added:
                refused = not any(e.group_id == group.id for e in there)
                code = Code.arrived if refused else Code.unexpect
            else:
                others = [e for e in there if (e.name.lower(), e.group_id) not in going]
                refused = bool(others) or self._group_after(group.id) not in LIVE
                code = Code.expected_again if refused else Code.expect
            said[code, self._name(group.id)].append(change.name)
            if not refused:
                self.result.expected.append(replace(change, added=not change.added))
        for (code, name), names in said.items():
            can = code in {Code.expect, Code.unexpect}
            line = Line(code, name, n=len(names), new=", ".join(names))
            (self.result.does if can else self.result.cannot).append(line)

    def _kept(self, change: KeptChange) -> None:
        there = (change.group_id, change.note) in self.now.kept
        if there != change.added:
            self.result.cannot.append(Line(Code.hand_since))
            return
        self.result.kept.append(KeptChange(change.group_id, change.note, not change.added))
        self.result.does.append(Line(Code.unkeep if change.added else Code.keep))

    def _meetings(self) -> None:
        for change in self.trace.meetings:
            group = self.now.groups.get(change.group_id)
            if group is None or change.group_id in self.stuck_groups:
                continue
            if self._group_after(change.group_id) not in LIVE:
                self.result.cannot.append(Line(Code.group_ended, self._name(change.group_id)))
                continue
            refused = since(change, self.now, self._name(change.group_id))
            if refused is not None:
                self.result.cannot.append(refused)
                continue
            there = self.now.meetings[change.id]
            goal, line = back(change, there, self._name(change.group_id))
            self.result.meetings.append(goal)
            self.result.does.append(line)
            if change.asked:
                self.result.stays.append(Line(Code.asked_stays))
