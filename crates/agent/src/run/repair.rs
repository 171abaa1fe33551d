use segue_catalog::{Diagnosis, Predicate};

use super::{Relaxed, Run, RunStep};
use crate::{CallAnswer, Stop, ToolRole};

/// The argument in which a tool with the role of a filter takes its predicate.
const PREDICATE: &str = "where";

impl Run {
    /// True if this is the answer of a filter that is empty because of a condition the user would rather have,
    /// and does not insist on. Hard conditions are never given up: the answer explains them instead.
    pub(super) fn can_be_repaired(&self, answer: &CallAnswer) -> bool {
        let is_filter = self.role_of(&answer.step) == Some(ToolRole::Filter);
        let budget_left =
            self.relaxed.len() < self.budget.repairs as usize && self.stopped != Some(Stop::Cancelled);
        let diagnosis = if answer.count() == Some(0) { answer.diagnosis() } else { None };
        is_filter && budget_left && diagnosis.is_some_and(|d| self.condition_to_give_up(d).is_some())
    }

    /// Gives each empty filter that can be repaired a second try, in the order of the plan. Waits until no other
    /// filter is under way, so that what is added does not depend on which call was faster.
    pub(super) fn repair(&mut self) {
        if self.under_way.iter().any(|step| self.role_of(step) == Some(ToolRole::Filter)) {
            return;
        }
        let mut at = 0;
        while let Some(RunStep { step, .. }) = self.steps.get(at) {
            let id = step.id.clone();
            at += 1;
            if self.awaiting_repair.remove(&id) && self.relaxed.len() < self.budget.repairs as usize {
                self.try_again(at, &id);
            }
        }
    }

    /// Adds a step after the empty one, with one condition less; what depended on the empty step then depends on
    /// the new one. None of it has been called, since it had to wait for this answer.
    fn try_again(&mut self, at: usize, id: &str) -> Option<()> {
        let diagnosis = self.answers.get(id)?.diagnosis()?;
        let (condition, instead) = self.condition_to_give_up(diagnosis)?;
        let mut added = self.steps.iter().find(|s| s.step.id == id)?.clone();
        let predicate: Predicate = serde_json::from_value(added.step.args.get(PREDICATE)?.clone()).ok()?;
        let relaxed = without(predicate.clone(), &condition, instead.as_ref());
        // A filter that was this wish and nothing else may stay empty: as one of several rankings it harms nobody.
        if relaxed == predicate || relaxed == (Predicate::All { all: Vec::new() }) {
            return None;
        }
        *added.step.args.get_mut(PREDICATE)? = serde_json::to_value(relaxed).ok()?;
        let name = self.free_name(id);
        added.step.id.clone_from(&name);
        added.handle = self.next_handle();
        for RunStep { step, set_args, .. } in &mut self.steps {
            step.rename(set_args, |n| (n == id).then(|| name.clone()));
        }
        self.steps.insert(at, added);
        self.relaxed.push(Relaxed { step: id.to_owned(), condition, instead });
        Some(())
    }

    /// The soft condition whose change brings most back; failing that, one of the conflict; failing that, any.
    fn condition_to_give_up(&self, diagnosis: &Diagnosis) -> Option<(Predicate, Option<Predicate>)> {
        let soft = |i: usize| {
            let condition = &diagnosis.conditions.get(i)?.condition;
            self.soft.contains(condition).then(|| condition.clone())
        };
        let enough = diagnosis.relaxations.iter().filter(|r| r.count > 0);
        let best = enough.filter_map(|r| Some((soft(r.condition)?, r.instead.clone()))).next();
        let of_conflict = || diagnosis.conflict.iter().find_map(|&i| soft(i));
        let any = || (0..diagnosis.conditions.len()).find_map(soft);
        best.or_else(|| of_conflict().or_else(any).map(|condition| (condition, None)))
    }

    fn role_of(&self, step: &str) -> Option<ToolRole> {
        self.steps.iter().find(|s| s.step.id == step).map(|s| s.role)
    }

    fn free_name(&self, id: &str) -> String {
        let taken = |name: &str| self.steps.iter().any(|s| s.step.id == name);
        let mut name = format!("{id}r");
        while taken(&name) {
            name.push('r');
        }
        name
    }
}

/// A conjunction without one of its parts, or with another in its place.
fn without(predicate: Predicate, condition: &Predicate, instead: Option<&Predicate>) -> Predicate {
    let parts = match predicate {
        Predicate::All { all } => all,
        one => vec![one],
    };
    let replace = |part: Predicate| if part == *condition { instead.cloned() } else { Some(part) };
    Predicate::All { all: parts.into_iter().filter_map(replace).collect() }
}
