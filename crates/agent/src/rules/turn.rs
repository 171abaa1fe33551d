//! What one turn says, before it is joined with what was said before.

use segue_catalog::{Catalog, Direction, Operator, Predicate, Role};

use super::doubts::Doubt;
use crate::{Described, OrderBy};

/// One condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    /// The words, as first token and the one after the last.
    pub(super) span: (usize, usize),
    pub(super) predicate: Predicate,
    pub(super) hard: bool,
    /// The template of what to say of it, where that is more than the predicate.
    pub(super) note: Option<&'static str>,
}

/// A comparison with what the user sees: "shorter", "newer than that one".
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Relative {
    pub(super) span: (usize, usize),
    pub(super) field: usize,
    pub(super) direction: Direction,
    /// The item it is compared with; the middle of all shown if there is none.
    pub(super) with: Option<usize>,
}

/// A span of tokens and what it means.
pub(super) type At<T> = ((usize, usize), T);

/// Everything that a turn says.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing of a turn, and they combine freely")]
pub(super) struct Turn {
    pub(super) conditions: Vec<Said>,
    pub(super) relative: Vec<Relative>,
    pub(super) orders: Vec<At<OrderBy>>,
    /// Ids of items to be like.
    pub(super) likes: Vec<At<String>>,
    /// Ids of items that must not come back.
    pub(super) dislikes: Vec<At<String>>,
    /// Words to search for.
    pub(super) query: Vec<At<String>>,
    /// Phrases that describe what they mean.
    pub(super) described: Vec<At<Described>>,
    pub(super) count: Option<usize>,
    pub(super) absent: Vec<At<String>>,
    /// What the words leave open.
    pub(super) doubts: Vec<Doubt>,
    pub(super) not_understood: Vec<(usize, usize)>,
    /// Fields that no longer matter.
    pub(super) dropped: Vec<At<usize>>,
    /// True if other items than those shown are wanted.
    pub(super) others: Option<(usize, usize)>,
    /// "by him": the makers of what was spoken of, as these fields tell them; true if they are not wanted.
    pub(super) makers: Option<At<(Vec<usize>, bool)>>,
    pub(super) reset: Option<(usize, usize)>,
    pub(super) how_many: bool,
    /// The item (by place) that the turn speaks of without liking it.
    pub(super) referred: Option<usize>,
    /// True if it asks what there is to know of something.
    pub(super) asks_about: bool,
    /// Items (by place) to describe, or to give reasons for.
    pub(super) describe: Vec<usize>,
    pub(super) why: Option<usize>,
    /// Ids of items to describe that are named by their titles.
    pub(super) named: Vec<At<String>>,
    /// True if the turn leans on what was said before: "those", "only", "the second one".
    pub(super) leans: bool,
    /// True if its values take the place of earlier ones of the same field: "instead", "what about".
    pub(super) replaces: bool,
    /// True if it says "as well".
    pub(super) also: bool,
    /// How many of the conditions were said before the turn corrects itself.
    pub(super) corrected: Option<usize>,
    /// True if its values join earlier ones of the same field: "add Queen".
    pub(super) adds: bool,
    /// True if it asks for items by their noun, as a whole request does.
    pub(super) names_items: bool,
    /// True if it begins as a request does: "show me".
    pub(super) asks: bool,
}

impl Turn {
    /// Values of a field that has one, said apart in one turn, are alternatives: no item has two of them.
    pub(super) fn unite(&mut self, catalog: &Catalog) {
        let one = |p: &Predicate| {
            let values: Vec<_> = match p {
                Predicate::Field(c) if c.op == Operator::Eq => vec![p.clone()],
                Predicate::Any { any } => any.clone(),
                _ => return None,
            };
            let field = values.first()?.conditions().first()?.field.clone();
            let equal =
                |v: &Predicate| matches!(v, Predicate::Field(c) if c.op == Operator::Eq && c.field == field);
            let single = catalog.field(&field).is_some_and(|f| !f.multi && f.role == Role::Category);
            (single && values.iter().all(equal)).then_some((field, values))
        };
        let mut united: Vec<Said> = Vec::new();
        for said in std::mem::take(&mut self.conditions) {
            let found = one(&said.predicate).filter(|_| said.hard).and_then(|(field, values)| {
                let before =
                    united.iter_mut().find(|u| u.hard && one(&u.predicate).is_some_and(|o| o.0 == field))?;
                Some((before, values))
            });
            match found {
                Some((before, values)) => {
                    let mut any = one(&before.predicate).map(|o| o.1).unwrap_or_default();
                    let new: Vec<_> = values.into_iter().filter(|v| !any.contains(v)).collect();
                    any.extend(new);
                    before.predicate = Predicate::Any { any };
                    before.span.1 = said.span.1;
                }
                None => united.push(said),
            }
        }
        self.conditions = united;
    }

    /// Takes back what was said before a correction of the same fields, or, where the correction is of a field that this
    /// turn had not spoken of, leaves it to what was said before the turn.
    pub(super) fn correct(&mut self) {
        let Some(before) = self.corrected else { return };
        if before >= self.conditions.len() {
            // "Sweden instead": nothing follows, so it is what went before that replaces.
            (self.leans, self.replaces) = (true, true);
            return;
        }
        let after = self.conditions.split_off(before);
        let fields = |p: &Predicate| p.conditions().iter().map(|c| c.field.clone()).collect::<Vec<_>>();
        let anew: Vec<_> = after.iter().flat_map(|s| fields(&s.predicate)).collect();
        let kept = self.conditions.len();
        self.conditions.retain(|s| !fields(&s.predicate).iter().any(|f| anew.contains(f)));
        if self.conditions.len() == kept {
            (self.leans, self.replaces) = (true, true);
        }
        self.conditions.extend(after);
    }
}
