//! Putting a set together, a playlist say, over the turns of a conversation: each turn asks for more beside what was kept
//! ("conversational item set curation", Chaganty et al., SIGIR 2023).
//!
//! A search narrows: what was asked for holds until it is taken back. A collection grows: what was asked for is served once
//! something of it is kept ([`Session::rate`]), and what comes next stands beside it. So, where a turn is done with
//! [`TurnOptions::collecting`](crate::TurnOptions::collecting),
//! - names that a turn says rank and do not filter, and their words are searched for too: an album may be called as a mood is;
//! - what is said after something was kept is a request of its own; until then it adds to what was said before;
//! - a turn that asks for nothing new goes on with the last request;
//! - a model that reads after the rules gives words a meaning and takes none away;
//! - what was kept is to be like, and so are its makers: being made by one of them is a wish.
//!
//! Limits of numbers and dates, and all that is not wanted, hold until they are taken back, here too.

use segue_catalog::text::words;
use segue_catalog::{Catalog, Operator, Predicate, Role, Snapshot, StoreError, Value};

use crate::rules::{SEARCHED, holding, is_filling, is_maker};
use crate::{Asked, Constraints, Intent, Reading, Session, Understood};

/// The session as a turn of it is read: without the requests before it.
pub(crate) fn narrowed(session: &Session) -> Session {
    let mut session = session.clone();
    session.constraints.queries.clear();
    session.constraints.conditions.retain(|c| c.hard);
    session
}

/// Puts the requests before a turn back into what it was read as. Names of this turn only rank from here on. What the rules
/// would have searched for is searched for, whatever a model that read after them takes for idle: a word too many costs a
/// place, one too few the request.
pub(crate) fn rejoin(
    before: &Constraints,
    by_rules: &Reading,
    reading: &mut Reading,
    catalog: &Catalog,
    turn: u32,
) {
    if reading.understood != by_rules.understood {
        search_for_all(by_rules, reading, turn);
    }
    for understood in &mut reading.understood {
        understood.hard &= !understood.predicate.as_ref().is_some_and(|p| is_of_names(p, catalog));
    }
    let now = &mut reading.constraints;
    for condition in now.conditions.iter_mut().filter(|c| is_of_names(&c.what, catalog)) {
        condition.hard = false;
    }
    if reading.intent == Intent::Reset {
        return;
    }
    let soft = before.conditions.iter().filter(|c| !c.hard).cloned();
    now.conditions.splice(..0, soft);
    now.queries.splice(..0, before.queries.iter().cloned());
    // A request of its own forgets what was asked for, but what was kept is kept.
    let Constraints { likes, dislikes, .. } = now;
    restore(likes, dislikes, turn);
    restore(dislikes, likes, turn);
}

/// Searches for the words of this turn that the rules search for and that got no meaning since, and for those that a model
/// adds to them.
fn search_for_all(by_rules: &Reading, reading: &mut Reading, turn: u32) {
    let searched = |reading: &Reading| -> Vec<String> {
        let queries = holding(&reading.constraints.queries).filter(|q| q.turn == turn);
        queries.flat_map(|q| words(&q.what)).collect()
    };
    let meant = reading.understood.iter().filter(|u| u.predicate.is_some());
    let meant: Vec<String> = meant.flat_map(|u| words(&u.text)).collect();
    let (theirs, of_model) = (searched(by_rules), searched(reading));
    let added = of_model.into_iter().filter(|word| !is_filling(word) && !theirs.contains(word));
    let all: Vec<_> = theirs.iter().filter(|word| !meant.contains(word)).cloned().chain(added).collect();
    let all = all.join(" ");
    reading.constraints.queries.retain(|q| q.turn != turn);
    reading.understood.retain(|u| u.meaning != SEARCHED);
    if !all.is_empty() {
        reading.constraints.queries.push(Asked::new(all.clone(), &all, turn, false));
        let meaning = SEARCHED.to_owned();
        reading.understood.push(Understood { text: all, predicate: None, meaning, hard: false });
    }
}

/// What a turn is planned from: the request of the moment, as words and wishes, and a wish for the makers of what was kept.
pub(crate) fn moment(constraints: &Constraints, snapshot: &Snapshot) -> Result<Constraints, StoreError> {
    let catalog = snapshot.catalog();
    let mut moment = constraints.clone();
    let from = began(constraints);
    moment.queries.retain(|q| q.holds() && q.turn >= from);
    moment.conditions.retain(|c| c.holds() && (c.hard || c.turn >= from));
    let wishes = moment.conditions.iter().filter(|c| !c.hard && is_of_names(&c.what, catalog));
    let mut searched: Vec<String> = wishes.flat_map(|w| names(&w.what)).collect();
    searched.extend(moment.queries.iter().map(|q| q.what.clone()));
    moment.queries.clear();
    if !searched.is_empty() {
        let searched = searched.join(" ");
        moment.queries.push(Asked::new(searched.clone(), &searched, from, false));
    }
    // Names of one field stand beside one another: nobody means a song by all four singers.
    let (mut named, rest): (Vec<_>, Vec<_>) =
        moment.conditions.into_iter().partition(|c| !c.hard && is_of_names(&c.what, catalog));
    moment.conditions = rest;
    while let Some(first) = named.first().map(|c| fields(&c.what)) {
        let (same, others): (Vec<_>, Vec<_>) = named.into_iter().partition(|c| fields(&c.what) == first);
        moment.conditions.extend(any_of(same.into_iter().map(|c| c.what).collect(), from));
        named = others;
    }
    moment.conditions.extend(any_of(made_by_makers(constraints, snapshot)?, from));
    Ok(moment)
}

/// The turn from which on what was said is not served: the one after the last that something was kept of; if nothing was
/// said since, the last that said something.
fn began(constraints: &Constraints) -> u32 {
    let kept = holding(&constraints.likes).map(|l| l.turn).max().unwrap_or(0);
    let wishes = holding(&constraints.conditions).filter(|c| !c.hard).map(|c| c.turn);
    let last = wishes.chain(holding(&constraints.queries).map(|q| q.turn)).max().unwrap_or(0);
    last.min(kept + 1)
}

/// For each maker of what was kept, that an item is by them.
fn made_by_makers(constraints: &Constraints, snapshot: &Snapshot) -> Result<Vec<Predicate>, StoreError> {
    let catalog = snapshot.catalog();
    let mut kept = Vec::new();
    for like in holding(&constraints.likes) {
        kept.extend(snapshot.ordinal(&like.what)?);
    }
    let mut any = Vec::new();
    for row in snapshot.rows(&kept)? {
        for field in catalog.fields.iter().filter(|f| is_maker(f)) {
            for maker in row.get(catalog, &field.name).each().iter().filter(|v| !v.is_null()) {
                let by = Predicate::field(&field.name, Operator::Eq, maker.clone());
                if !any.contains(&by) {
                    any.push(by);
                }
            }
        }
    }
    Ok(any)
}

/// A wish for any of these, if there are some.
fn any_of(mut any: Vec<Predicate>, turn: u32) -> Option<Asked<Predicate>> {
    let what = if any.len() > 1 { Predicate::Any { any } } else { any.pop()? };
    let text = what.to_string();
    Some(Asked::new(what, &text, turn, false))
}

/// True if it says by name what an item is, has or is called, and nothing of what it is not.
fn is_of_names(predicate: &Predicate, catalog: &Catalog) -> bool {
    let is_name = |role: Role| matches!(role, Role::Category | Role::Title | Role::Text);
    match predicate {
        Predicate::All { all } => !all.is_empty() && all.iter().all(|p| is_of_names(p, catalog)),
        Predicate::Any { any } => !any.is_empty() && any.iter().all(|p| is_of_names(p, catalog)),
        Predicate::Not { .. } => false,
        Predicate::Field(c) => {
            c.op != Operator::Ne && catalog.field(&c.field).is_some_and(|f| is_name(f.role))
        }
    }
}

fn fields(predicate: &Predicate) -> Vec<String> {
    let mut fields: Vec<String> = predicate.conditions().iter().map(|c| c.field.clone()).collect();
    fields.dedup();
    fields
}

/// The names in a condition, as words to search for.
fn names(predicate: &Predicate) -> Vec<String> {
    let values = |value: &Value| value.each().iter().map(ToString::to_string).collect::<Vec<_>>();
    predicate.conditions().iter().flat_map(|c| values(&c.value)).collect()
}

/// Takes back what this turn took back of one side without putting it on the other.
fn restore(of: &mut [Asked<String>], other: &[Asked<String>], turn: u32) {
    for asked in of.iter_mut().filter(|a| a.retracted == Some(turn)) {
        if !other.iter().any(|o| o.holds() && o.what == asked.what) {
            asked.retracted = None;
        }
    }
}

#[cfg(test)]
mod tests;
