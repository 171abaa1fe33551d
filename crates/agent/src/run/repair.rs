use segue_catalog::{Diagnosis, Handle, Predicate};

use super::{Relaxed, Run, RunStep};
use crate::{Stop, ToolRole};

/// The argument in which a tool with the role of a filter takes its predicate.
const PREDICATE: &str = "where";
/// What is added to the name of a step that is tried again: `s1r`, and of its set: `c1r`.
const AGAIN: char = 'r';

impl Run {
    /// Gives a filter that came back empty a second try without a condition that the user would rather have and
    /// does not insist on. Hard conditions are never given up: the answer explains them instead.
    ///
    /// What is added is named after what it replaces, so that it does not depend on which call was faster. What
    /// depended on the empty step then depends on the new one; none of it has been called, since it had to wait.
    pub(super) fn repair(&mut self, id: &str) -> Option<()> {
        let at = self.steps.iter().position(|s| s.step.id == id)?;
        let RunStep { step, role, handle, .. } = self.steps.get(at)?;
        let tried = id.len() - id.trim_end_matches(AGAIN).len();
        let stopped = self.stopped == Some(Stop::Cancelled);
        if *role != ToolRole::Filter || stopped || tried >= self.budget.repairs as usize {
            return None;
        }
        let answer = self.answers.get(id).filter(|a| a.count() == Some(0))?;
        let (condition, instead) = self.condition_to_give_up(answer.diagnosis()?)?;
        let predicate: Predicate = serde_json::from_value(step.args.get(PREDICATE)?.clone()).ok()?;
        let relaxed = without(predicate.clone(), &condition, instead.as_ref());
        // A filter that was this wish and nothing else may stay empty: as one of several rankings it harms nobody.
        if relaxed == predicate || relaxed == (Predicate::All { all: Vec::new() }) {
            return None;
        }
        let name = format!("{id}{AGAIN}");
        if self.steps.iter().any(|s| s.step.id == name) {
            return None;
        }
        let handle = Handle(format!("{handle}{AGAIN}"));
        let mut added = RunStep { handle, ..self.steps.get(at)?.clone() };
        added.step.id.clone_from(&name);
        *added.step.args.get_mut(PREDICATE)? = serde_json::to_value(relaxed).ok()?;
        for RunStep { step, set_args, .. } in &mut self.steps {
            step.rename(set_args, |n| (n == id).then(|| name.clone()));
        }
        self.steps.insert(at + 1, added);
        self.relaxed.push(Relaxed { step: id.to_owned(), condition, instead });
        Some(())
    }

    /// What was given up, in the order of the plan.
    pub(super) fn relaxed_in_order(&self) -> Vec<Relaxed> {
        let mut relaxed = self.relaxed.clone();
        relaxed.sort_by_cached_key(|r| self.steps.iter().position(|s| s.step.id == r.step));
        relaxed
    }

    /// The soft condition whose change brings most back; failing that, one of the conflict; failing that, any.
    fn condition_to_give_up(&self, diagnosis: &Diagnosis) -> Option<(Predicate, Option<Predicate>)> {
        let soft = |i: usize| {
            let condition = &diagnosis.conditions.get(i)?.condition;
            self.soft.contains(condition).then(|| condition.clone())
        };
        let mut enough = diagnosis.relaxations.iter().filter(|r| r.count > 0);
        let best = enough.find_map(|r| Some((soft(r.condition)?, r.instead.clone())));
        let of_conflict = || diagnosis.conflict.iter().find_map(|&i| soft(i));
        let any = || (0..diagnosis.conditions.len()).find_map(soft);
        best.or_else(|| of_conflict().or_else(any).map(|condition| (condition, None)))
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
