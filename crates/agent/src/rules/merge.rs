//! Joins what a turn says with what was said before it.

use std::collections::BTreeSet;

use segue_catalog::{Condition, Direction, Operator, Predicate, Role, Snapshot, Value};

use super::RulesError;
use super::bounds::value;
use super::cues::{is_filling, is_negation};
use super::descriptions::values_of;
use super::tokens::{Gap, Token, is_han, text_of};
use super::turn::{Relative, Said, Turn};
use crate::languages::fill;
use crate::{Asked, Constraints, Described, Earlier, Intent, Language, Reading, ShownItem, Understood};

/// Everything that joining needs to know.
pub(super) struct Context<'a> {
    pub(super) request: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) snapshot: &'a Snapshot,
    pub(super) shown: &'a [ShownItem],
    pub(super) earlier: &'a Earlier,
    pub(super) number: u32,
    pub(super) language: Language,
}

/// What is said of words that are searched for.
pub(crate) const SEARCHED: &str = "words to search for";

/// The reading of a turn.
///
/// A turn that names what it looks for by the catalogue's noun and leans on nothing said before is a request of its
/// own and starts anew; any other refines. A new condition takes the place of an earlier one that it contradicts:
/// another value of a field that has one, another bound on the same side, the same condition turned round.
pub(super) fn join(context: &Context<'_>, before: &Constraints, turn: Turn) -> Result<Reading, RulesError> {
    let n = context.number;
    let (left, open) = (left(context, &turn), stretches(context, &turn));
    let mut constraints = before.clone();
    let mut not_understood: Vec<String> = turn.not_understood.iter().map(|s| text(context, *s)).collect();
    let mut seen: Vec<(usize, Understood)> = Vec::new();
    let say = |english: &str, places: &[(&str, &str)]| fill(context.language, english, places);
    let note = |span: (usize, usize), meaning: String| {
        (span.0, Understood { text: text(context, span), predicate: None, meaning, hard: false })
    };
    let whole = turn.names_items || (turn.asks && turn.conditions.len() > 1);
    let fresh = turn.reset.is_some() || (whole && !turn.leans && turn.others.is_none());
    if let Some(span) = turn.reset {
        seen.push(note(span, say("what was asked before no longer holds", &[])));
    }
    if fresh {
        retract_all(&mut constraints, n);
    }
    for (span, field) in &turn.dropped {
        let Some(field) = context.snapshot.catalog().fields.get(*field) else { continue };
        let mut any = false;
        for asked in constraints.conditions.iter_mut().filter(|c| c.holds()) {
            if asked.what.conditions().iter().any(|c| c.field == field.name) {
                (asked.retracted, any) = (Some(n), true);
            }
        }
        if any {
            seen.push(note(*span, say("no condition on {field} any more", &[("field", &field.name)])));
        }
    }
    // "this instead of that" takes that back rather than forbidding it.
    let gives_way = |said: &Said| {
        takes_back(&before.conditions, &said.predicate)
            && (turn.replaces || turn.conditions.iter().any(|c| same_field(&c.predicate, &said.predicate)))
    };
    if turn.replaces || turn.conditions.iter().any(gives_way) {
        let fields: Vec<_> =
            turn.conditions.iter().flat_map(|s| s.predicate.conditions()).map(|c| &c.field).collect();
        for old in constraints.conditions.iter_mut().filter(|c| c.holds()) {
            if old.what.conditions().iter().any(|c| fields.contains(&&c.field)) {
                old.retracted = Some(n);
            }
        }
    }
    for said in &turn.conditions {
        if gives_way(said) {
            seen.push(note(said.span, say("no longer asked for", &[])));
            continue;
        }
        let meaning = match &said.note {
            Some(more) => say(more, &[("predicate", &said.predicate.to_string())]),
            None => said.predicate.to_string(),
        };
        let words = text(context, said.span);
        let single = |p: &Predicate| {
            let multi = |c: &&Condition| context.snapshot.catalog().field(&c.field).is_none_or(|f| f.multi);
            !p.conditions().iter().any(multi)
        };
        let joined = if turn.adds || (turn.also && single(&said.predicate)) {
            beside(&mut constraints, &said.predicate, n)
        } else {
            None
        };
        let meaning = joined.as_ref().map_or(meaning, ToString::to_string);
        let what = joined.unwrap_or_else(|| said.predicate.clone());
        let predicate = Some(what.clone());
        seen.push((said.span.0, Understood { text: words.clone(), predicate, meaning, hard: said.hard }));
        add(context.snapshot, &mut constraints, Asked::new(what, &words, n, said.hard));
    }
    if let Some((span, (fields, negated))) = &turn.makers {
        let words = text(context, *span);
        let liked =
            turn.likes.iter().map(|l| &l.1).chain(before.likes.iter().filter(|l| l.holds()).map(|l| &l.what));
        let spoken_of = liked.last().or(context.shown.first().map(|s| &s.id));
        let made = match named_person(context, &turn.conditions, fields) {
            Some(made) => Some(made),
            None => spoken_of.map(|id| made_by(context, id, fields)).transpose()?.flatten(),
        };
        match made {
            Some(made) => {
                let predicate = if *negated { made.negate() } else { made };
                let meaning = predicate.to_string();
                let known = Some(predicate.clone());
                seen.push((
                    span.0,
                    Understood { text: words.clone(), predicate: known, meaning, hard: true },
                ));
                add(context.snapshot, &mut constraints, Asked::new(predicate, &words, n, true));
            }
            None => not_understood.push(words),
        }
    }
    // "more recent, from 2018 on": the year says it better.
    let bounded = |r: &&Relative| {
        let name = name(context, r.field);
        !turn.conditions.iter().any(|c| c.predicate.conditions().iter().any(|c| c.field == name))
    };
    for relative in turn.relative.iter().filter(bounded) {
        let words = text(context, relative.span);
        if let Some(predicate) = relate(context, relative, turn.likes.first().map(|l| l.1.as_str()))? {
            let meaning =
                say("{predicate}, compared with what is shown", &[("predicate", &predicate.to_string())]);
            let known = Some(predicate.clone());
            seen.push((
                relative.span.0,
                Understood { text: words.clone(), predicate: known, meaning, hard: true },
            ));
            add(context.snapshot, &mut constraints, Asked::new(predicate, &words, n, true));
        } else {
            let order =
                crate::OrderBy { field: name(context, relative.field), direction: relative.direction };
            seen.push(note(relative.span, say("ordered by {field}", &[("field", &order.field)])));
            constraints.orders.push(Asked::new(order, &words, n, false));
        }
    }
    for (span, order) in turn.orders {
        let template = match order.direction {
            Direction::Ascending => "ordered by {field}, lowest first",
            Direction::Descending => "ordered by {field}, highest first",
        };
        seen.push(note(span, say(template, &[("field", &order.field)])));
        constraints.orders.iter_mut().filter(|o| o.holds()).for_each(|o| o.retracted = Some(n));
        constraints.orders.push(Asked::new(order, &text(context, span), n, false));
    }
    for (span, id) in turn.likes {
        let title = title_of(context, &id)?;
        seen.push(note(span, say("like {title}", &[("title", &title)])));
        constraints.likes.push(Asked::new(id, &text(context, span), n, false));
    }
    for (span, id) in turn.dislikes {
        let title = title_of(context, &id)?;
        seen.push(note(span, say("without {title}", &[("title", &title)])));
        constraints
            .likes
            .iter_mut()
            .filter(|l| l.holds() && l.what == id)
            .for_each(|l| l.retracted = Some(n));
        constraints.dislikes.push(Asked::new(id, &text(context, span), n, true));
    }
    if let (Some(span), Some(id)) = (turn.others, context.snapshot.catalog().with_role(Role::Id)) {
        let ids = context.shown.iter().map(|s| Value::from(s.id.as_str())).collect();
        let words = text(context, span);
        let predicate = Predicate::field(&id.name, Operator::In, Value::List(ids)).negate();
        seen.push(note(span, say("others than those shown", &[])));
        constraints.conditions.push(Asked::new(predicate, &words, n, true));
    }
    if let Some(count) = turn.count {
        constraints.count = Some(count);
    }
    let query = joined(&turn.query);
    if !query.is_empty() {
        for (span, _) in &turn.query {
            seen.push(note(*span, SEARCHED.to_owned()));
        }
        constraints.queries.push(Asked::new(query.clone(), &query, n, false));
    }
    seen.sort_by_key(|s| s.0);
    let id = |place: usize| context.earlier.item(context.shown, place).map(|s| s.id.clone());
    let question = super::doubts::question(context.snapshot, context.shown, &turn.doubts, context.language)?;
    let nothing = seen.is_empty() || (turn.reset.is_some() && seen.len() == 1);
    let intent = if let Some(id) = turn.why.and_then(id) {
        Intent::Why(id)
    } else if !turn.describe.is_empty() || !turn.named.is_empty() {
        let named = turn.named.iter().map(|n| n.1.clone());
        Intent::Describe(turn.describe.iter().filter_map(|p| id(*p)).chain(named).collect())
    } else if turn.asks_about && seen.is_empty() && !turn.absent.is_empty() {
        Intent::Describe(Vec::new())
    } else if seen.is_empty() && question.as_ref().is_some_and(|q| q.options.is_empty()) {
        // Nothing is known but that something is meant that is not there.
        Intent::Describe(Vec::new())
    } else if turn.how_many {
        Intent::Count
    } else if turn.reset.is_some() && nothing {
        Intent::Reset
    } else {
        Intent::Search
    };
    Ok(Reading {
        understood: seen.into_iter().map(|s| s.1).collect(),
        not_understood,
        left,
        open,
        constraints,
        intent,
        described: turn
            .described
            .iter()
            .map(|(span, described)| Described { text: text(context, *span), ..described.clone() })
            .collect(),
        absent: turn.absent.into_iter().map(|a| a.1).collect(),
        question,
    })
}

fn text(context: &Context<'_>, span: (usize, usize)) -> String {
    text_of(context.request, context.tokens.get(span.0..span.1).unwrap_or_default()).to_owned()
}

/// The words to search for as one text. What stands side by side in text without blanks stays so: 明 and 月 are 明月.
fn joined(parts: &[((usize, usize), String)]) -> String {
    let mut all = String::new();
    let mut end = None;
    for (span, words) in parts {
        let goes_on = end == Some(span.0) && all.ends_with(is_han) && words.starts_with(is_han);
        if !all.is_empty() && !goes_on {
            all.push(' ');
        }
        all.push_str(words);
        end = Some(span.1);
    }
    all
}

/// The stretches between what something was made of, if there is more in them than filling.
fn stretches(context: &Context<'_>, turn: &Turn) -> Vec<String> {
    let covered: Vec<(usize, usize)> = (turn.conditions.iter().map(|s| s.span))
        .chain(turn.relative.iter().map(|r| r.span))
        .chain(turn.orders.iter().map(|o| o.0))
        .chain(turn.likes.iter().chain(&turn.dislikes).chain(&turn.absent).map(|l| l.0))
        .chain(turn.dropped.iter().map(|d| d.0))
        .chain(turn.others)
        .chain(turn.reset)
        .collect();
    let open: Vec<(usize, usize)> =
        turn.query.iter().map(|q| q.0).chain(turn.not_understood.iter().copied()).collect();
    let within = |spans: &[(usize, usize)], i: usize| spans.iter().any(|s| s.0 <= i && i < s.1);
    let (mut runs, mut from) = (Vec::new(), 0);
    for i in 0..=context.tokens.len() {
        if i < context.tokens.len() && !within(&covered, i) {
            continue;
        }
        if (from..i).any(|t| within(&open, t)) {
            runs.push(text(context, (from, i)));
        }
        from = i + 1;
    }
    runs
}

/// The phrases of which nothing was made but words to search for, or nothing at all: runs of such tokens with no more
/// than filling between them. A description is a phrase of its own.
fn left(context: &Context<'_>, turn: &Turn) -> Vec<String> {
    let described = |span: &(usize, usize)| turn.described.iter().any(|d| d.0 == *span);
    let mut open: Vec<(usize, usize)> =
        turn.query.iter().map(|q| q.0).chain(turn.not_understood.iter().copied()).collect();
    open.sort_unstable();
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for span in open {
        match runs.last_mut() {
            Some(last) if !described(last) && !described(&span) && is_one_phrase(context, last.1, span.0) => {
                last.1 = span.1.max(last.1);
            }
            _ => runs.push(span),
        }
    }
    runs.into_iter().map(|run| text(context, run)).collect()
}

/// True if nothing but filling within the clause stands between two places.
fn is_one_phrase(context: &Context<'_>, from: usize, to: usize) -> bool {
    let joined = |i: usize| context.tokens.get(i).is_some_and(|t| matches!(t.gap, Gap::Blank | Gap::Hyphen));
    let filling =
        |i: usize| context.tokens.get(i).is_some_and(|t| is_filling(&t.word) && !is_negation(&t.word));
    from <= to && (from..=to).all(joined) && (from..to).all(filling)
}

fn name(context: &Context<'_>, field: usize) -> String {
    context.snapshot.catalog().fields.get(field).map(|f| f.name.clone()).unwrap_or_default()
}

fn title_of(context: &Context<'_>, id: &str) -> Result<String, RulesError> {
    let Some(ordinal) = context.snapshot.ordinal(id)? else { return Ok(id.to_owned()) };
    let row = context.snapshot.row(ordinal)?;
    Ok(row.map_or_else(|| id.to_owned(), |r| r.title(context.snapshot.catalog()).to_owned()))
}

/// A value beside those of the same field that were asked for before: any of them will do. What was asked for before
/// is taken back, since this says it too.
fn beside(constraints: &mut Constraints, new: &Predicate, turn: u32) -> Option<Predicate> {
    let values = |p: &Predicate| match p {
        Predicate::Field(c) if c.op == Operator::Eq => Some(vec![p.clone()]),
        Predicate::Any { any } => Some(any.clone()),
        _ => None,
    };
    let fields = |p: &Predicate| p.conditions().iter().map(|c| c.field.clone()).collect::<BTreeSet<_>>();
    let old = constraints.conditions.iter_mut().rfind(|c| {
        c.holds() && c.turn < turn && values(&c.what).is_some() && fields(&c.what) == fields(new)
    })?;
    let mut any = values(&old.what)?;
    any.extend(values(new)?.into_iter().filter(|v| *v != old.what));
    old.retracted = Some(turn);
    Some(Predicate::Any { any })
}

/// The condition that somebody who is named in this turn has made it: "written by Nora Ephron but not directed by her".
fn named_person(context: &Context<'_>, said: &[Said], fields: &[usize]) -> Option<Predicate> {
    let catalog = context.snapshot.catalog();
    let field = fields.iter().filter_map(|f| catalog.fields.get(*f)).find(|f| f.role == Role::Category)?;
    let person = said.iter().rev().find_map(|s| match &s.predicate {
        Predicate::Field(c) if c.op == Operator::Eq => {
            let index = catalog.field_index(&c.field)?;
            let open = catalog.statistics.get(index).is_some_and(|s| s.distinct > s.top.len() as u64);
            (open && catalog.field(&c.field)?.role == Role::Category).then(|| c.value.clone())
        }
        _ => None,
    })?;
    Some(Predicate::field(&field.name, Operator::Eq, person))
}

/// The condition that an item has the same makers as this one.
fn made_by(context: &Context<'_>, id: &str, fields: &[usize]) -> Result<Option<Predicate>, RulesError> {
    let catalog = context.snapshot.catalog();
    let Some(ordinal) = context.snapshot.ordinal(id)? else { return Ok(None) };
    let Some(row) = context.snapshot.row(ordinal)? else { return Ok(None) };
    for field in fields.iter().filter_map(|f| catalog.fields.get(*f)) {
        let mut any: Vec<Predicate> = values_of(&row, catalog, &field.name)
            .into_iter()
            .map(|v| Predicate::field(&field.name, Operator::Eq, Value::from(v.as_str())))
            .collect();
        match any.len() {
            0 => {}
            1 => return Ok(any.pop()),
            _ => return Ok(Some(Predicate::Any { any })),
        }
    }
    Ok(None)
}

fn retract_all(constraints: &mut Constraints, turn: u32) {
    fn all<T>(asked: &mut [Asked<T>], turn: u32) {
        asked.iter_mut().filter(|a| a.holds()).for_each(|a| a.retracted = Some(turn));
    }
    all(&mut constraints.conditions, turn);
    all(&mut constraints.queries, turn);
    all(&mut constraints.likes, turn);
    all(&mut constraints.dislikes, turn);
    all(&mut constraints.orders, turn);
    constraints.count = None;
}

/// True if the first asks for another value of the field of which the second forbids one.
fn same_field(asked: &Predicate, forbidden: &Predicate) -> bool {
    let Predicate::Field(condition) = asked else { return false };
    condition.op == Operator::Eq && forbidden.conditions().iter().all(|c| c.field == condition.field)
}

/// True if this says "not" of a condition that holds.
fn takes_back(held: &[Asked<Predicate>], said: &Predicate) -> bool {
    let Predicate::Not { not } = said else { return false };
    held.iter().any(|c| c.holds() && c.what == **not)
}

/// "leave out B" after "A, B or C" of a field that has one value: A or C.
fn without(snapshot: &Snapshot, old: &Predicate, new: &Predicate) -> Option<Predicate> {
    let (Predicate::Any { any }, Predicate::Not { not }) = (old, new) else { return None };
    let multi = not.conditions().iter().any(|c| snapshot.catalog().field(&c.field).is_none_or(|f| f.multi));
    let mut rest: Vec<_> = any.iter().filter(|p| *p != &**not).cloned().collect();
    if multi || rest.len() == any.len() {
        return None;
    }
    if rest.len() == 1 { rest.pop() } else { Some(Predicate::Any { any: rest }) }
}

pub(crate) fn add(snapshot: &Snapshot, constraints: &mut Constraints, new: Asked<Predicate>) {
    let left = |c: &Asked<Predicate>| {
        (c.holds() && c.turn < new.turn).then(|| without(snapshot, &c.what, &new.what)).flatten()
    };
    if let Some((at, rest)) = constraints.conditions.iter().enumerate().find_map(|(i, c)| Some((i, left(c)?)))
    {
        if let Some(old) = constraints.conditions.get_mut(at) {
            old.retracted = Some(new.turn);
        }
        constraints.conditions.push(Asked { what: rest, ..new });
        return;
    }
    for old in constraints.conditions.iter_mut().filter(|c| c.holds() && c.turn < new.turn) {
        if contradicts(snapshot, &old.what, &new.what) {
            old.retracted = Some(new.turn);
        }
    }
    constraints.conditions.push(new);
}

/// Whether a later condition replaces an earlier one.
fn contradicts(snapshot: &Snapshot, old: &Predicate, new: &Predicate) -> bool {
    let (before, after) = (old.conditions(), new.conditions());
    let (Some(o), Some(n)) = (before.first(), after.first()) else { return false };
    if before.iter().chain(&after).any(|c| c.field != o.field) {
        return false;
    }
    let (not_old, not_new) = (matches!(old, Predicate::Not { .. }), matches!(new, Predicate::Not { .. }));
    if not_old != not_new {
        return before.iter().any(|b| after.iter().any(|a| a.value == b.value));
    }
    if not_old {
        return false;
    }
    // "just B" after "A or B".
    if let (Predicate::Any { any }, Predicate::Field(_)) = (old, new) {
        return any.contains(new) || snapshot.catalog().field(&n.field).is_some_and(|f| !f.multi);
    }
    let Some(field) = snapshot.catalog().field(&n.field) else { return false };
    let upper = |op: Operator| matches!(op, Operator::Lt | Operator::Le);
    let lower = |op: Operator| matches!(op, Operator::Gt | Operator::Ge);
    match (o.op, n.op) {
        (a, b) if (upper(a) && upper(b)) || (lower(a) && lower(b)) => true,
        (_, b) if upper(b) || lower(b) => disjoint(o, n),
        (a, _) if upper(a) || lower(a) => true,
        (Operator::Eq, Operator::Eq) => !field.multi,
        _ => field.ty.is_number() || !field.multi,
    }
}

/// True if no number or year satisfies both.
fn disjoint(a: &Condition, b: &Condition) -> bool {
    let (Some(a), Some(b)) = (extent(a), extent(b)) else { return false };
    a.0 > b.1 || b.0 > a.1
}

/// The least and the greatest number or year that a condition allows.
fn extent(condition: &Condition) -> Option<(f64, f64)> {
    let number = |v: &Value| v.as_f64().or_else(|| v.as_str().and_then(|t| t.get(..4)?.parse().ok()));
    let values = condition.value.each();
    let (low, high) = (number(values.first()?)?, number(values.last()?)?);
    Some(match condition.op {
        Operator::Lt | Operator::Le => (f64::NEG_INFINITY, high),
        Operator::Gt | Operator::Ge => (low, f64::INFINITY),
        _ => (low, high),
    })
}

/// The condition that a comparison with shown items makes: beyond the one it names or that the
/// turn wants to be like, else beyond the middle of all.
fn relate(
    context: &Context<'_>,
    relative: &Relative,
    liked: Option<&str>,
) -> Result<Option<Predicate>, RulesError> {
    let catalog = context.snapshot.catalog();
    let Some(field) = catalog.fields.get(relative.field) else { return Ok(None) };
    let with = relative
        .with
        .and_then(|place| context.earlier.item(context.shown, place))
        .map(|s| s.id.as_str())
        .or(liked);
    let ids: Vec<&str> =
        with.map_or_else(|| context.shown.iter().map(|s| s.id.as_str()).collect(), |id| vec![id]);
    let mut ordinals = Vec::new();
    for id in ids {
        ordinals.extend(context.snapshot.ordinal(id)?);
    }
    let rows = context.snapshot.rows(&ordinals)?;
    let mut known: Vec<&Value> =
        rows.iter().map(|r| r.get(catalog, &field.name)).filter(|v| !v.is_null()).collect();
    known.sort_by(|a, b| match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.to_string().cmp(&b.to_string()),
    });
    let operator = match relative.direction {
        Direction::Descending => Operator::Gt,
        Direction::Ascending => Operator::Lt,
    };
    Ok(known.get(known.len() / 2).map(|middle| {
        let middle = middle.as_f64().map_or_else(|| (*middle).clone(), value);
        Predicate::field(&field.name, operator, middle)
    }))
}

/// Ranges of one field that adjoin, as one range: the 70s or the 80s are 1970 to 1989.
pub(super) fn adjoin(any: &Predicate) -> Option<Predicate> {
    let Predicate::Any { any } = any else { return None };
    let mut ranges = Vec::new();
    for part in any {
        let Predicate::Field(c) = part else { return None };
        let (Operator::Between, [low, high]) = (c.op, c.value.each()) else { return None };
        let year = |v: &Value| v.as_f64().or_else(|| v.as_str().and_then(|t| t.parse().ok()));
        ranges.push((year(low)?, year(high)?, c.field.clone(), low.clone(), high.clone()));
    }
    ranges.sort_by(|a, b| a.0.total_cmp(&b.0));
    let closed = ranges.windows(2).all(|w| matches!(w, [a, b] if b.0 <= a.1 + 1.0));
    let (first, last) = (ranges.first()?, ranges.last()?);
    let whole = Value::List(vec![first.3.clone(), last.4.clone()]);
    closed.then(|| Predicate::field(&first.2, Operator::Between, whole))
}
