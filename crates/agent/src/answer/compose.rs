//! Makes an answer out of what a run left: items that pass the check of their rows, each with its evidence, and
//! sentences of which each passes the check of the ledger.

use segue_catalog::{CandidateSet, Ordinal, Snapshot, StoreError};

use super::written::Written;
use super::{Answer, AnswerItem, AnswerKind, Stop, diagnosis, reasons, sentences};
use crate::evidence::{Claim, ItemEvidence, Ledger};
use crate::languages::fill;
use crate::model::short;
use crate::steering::Order;
use crate::{CallAnswer, Intent, Language, Outcome, Plan, Reading, Session, ShownItem, ToolSpec, TurnReport};

/// What an answer is made from.
pub(crate) struct Material<'a> {
    /// What the user wrote.
    pub(crate) request: &'a str,
    /// What they wrote it in, and what the answer is told in.
    pub(crate) language: Language,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) specs: &'a [ToolSpec],
    pub(crate) reading: &'a Reading,
    pub(crate) plan: &'a Plan,
    pub(crate) calls: &'a [CallAnswer],
    pub(crate) outcome: &'a Outcome,
    /// The set that the answer is made from.
    pub(crate) set: Option<&'a CandidateSet>,
    /// What the owner's rules did to its order.
    pub(crate) steered: &'a Order,
    /// How many items to show.
    pub(crate) k: usize,
    pub(crate) planner: &'a str,
    /// The model that was asked.
    pub(crate) model: Option<&'a str>,
    /// Why the rules planned where a model was wanted.
    pub(crate) fallback: Option<&'a str>,
}

/// The items of an answer, with their evidence.
#[derive(Debug, Default)]
pub(crate) struct Selected {
    pub(crate) items: Vec<ItemEvidence>,
    /// Items that violated a hard condition and were passed over.
    removed: u32,
}

/// The items that a search shows; none for what is no search.
pub(crate) fn select(material: &Material<'_>) -> Result<Selected, StoreError> {
    if material.reading.intent != Intent::Search {
        return Ok(Selected::default());
    }
    let (items, removed) = first_that_pass(material)?;
    Ok(Selected { items, removed })
}

/// The answer, and what the user sees once it is shown.
pub(crate) fn compose(
    material: &Material<'_>,
    session: &Session,
    selected: &Selected,
    written: Option<&Written>,
) -> Result<(Answer, Vec<ShownItem>), StoreError> {
    let (mut answer, shown) = answer(material, session, selected, written)?;
    if let Some(question) = &material.reading.question {
        answer.kind = AnswerKind::Question;
        answer.text = format!("{} {}", question.text, answer.text);
        answer.question = Some(question.clone());
    }
    Ok((answer, shown))
}

fn answer(
    material: &Material<'_>,
    session: &Session,
    selected: &Selected,
    written: Option<&Written>,
) -> Result<(Answer, Vec<ShownItem>), StoreError> {
    match &material.reading.intent {
        Intent::Search => search(material, session, selected, written),
        Intent::Count => {
            let answer = material.answer(AnswerKind::Count, &[], sentences::count(material))?;
            Ok((answer, session.shown.clone()))
        }
        Intent::Describe(ids) => describe(material, session, ids),
        Intent::Why(id) => why(material, session, id),
        Intent::Reset => {
            let told = vec![sentences::done(material.say("What was asked so far is forgotten.", &[]))];
            Ok((material.answer(AnswerKind::Acknowledgement, &[], told)?, Vec::new()))
        }
    }
}

fn search(
    material: &Material<'_>,
    session: &Session,
    selected: &Selected,
    written: Option<&Written>,
) -> Result<(Answer, Vec<ShownItem>), StoreError> {
    let catalog = material.snapshot.catalog();
    let items = &selected.items;
    let told =
        if items.is_empty() { diagnosis::sentences(material) } else { sentences::found(material, written) };
    let mut answer = material.answer(AnswerKind::Recommendation, items, told)?;
    answer.removed_items = selected.removed;
    if let Some(written) = written {
        answer.removed_claims += written.removed;
        answer.written_by = written.failed.is_none().then(|| written.model.clone());
    }
    for (at, item) in items.iter().enumerate() {
        let (reason, unsupported) = reasons::reason(material, item);
        answer.removed_claims += unsupported;
        answer.items.push(item_of(material, item, at + 1, reason));
    }
    let shown = items.iter().map(|item| ShownItem {
        id: item.row.id(catalog).to_owned(),
        title: item.row.title(catalog).to_owned(),
    });
    // After an answer without items the user still sees the ones before, and may refer to them.
    let shown = if items.is_empty() { session.shown.clone() } else { shown.collect() };
    Ok((answer, shown))
}

/// The first `k` items of the set that satisfy every hard condition, and how many had to be passed over.
fn first_that_pass(material: &Material<'_>) -> Result<(Vec<ItemEvidence>, u32), StoreError> {
    let Some(set) = material.set else { return Ok((Vec::new(), 0)) };
    let catalog = material.snapshot.catalog();
    let (mut items, mut removed) = (Vec::with_capacity(material.k), 0);
    for some in set.items().chunks(material.k.max(1)) {
        let ordinals: Vec<Ordinal> = some.iter().map(|s| s.item).collect();
        let mut contributions = set.contributions_of(&ordinals);
        for row in material.snapshot.rows(&ordinals)? {
            if items.len() == material.k {
                return Ok((items, removed));
            }
            let at = ordinals.iter().position(|o| *o == row.ordinal);
            let told = at.and_then(|at| contributions.get_mut(at)).map(std::mem::take).unwrap_or_default();
            let item = ItemEvidence::examine(row, told, &material.reading.constraints, catalog);
            if item.violated.is_empty() { items.push(item) } else { removed += 1 }
        }
    }
    Ok((items, removed))
}

fn item_of(
    material: &Material<'_>,
    item: &ItemEvidence,
    number: usize,
    reason: reasons::Reason,
) -> AnswerItem {
    let catalog = material.snapshot.catalog();
    let mut evidence = item.support(catalog);
    for support in reason.support {
        if !evidence.iter().any(|s| s.field == support.field) {
            evidence.push(support);
        }
    }
    AnswerItem {
        reference: format!("#{number}"),
        id: item.row.id(catalog).to_owned(),
        title: item.row.title(catalog).to_owned(),
        fields: item.fields(catalog),
        // The first contribution is that of the set itself.
        score: item.contributions.first().and_then(|c| c.score),
        reason: reason.text,
        contributions: item.contributions.clone(),
        evidence,
        steering: material.steered.items.get(&item.row.ordinal).cloned().unwrap_or_default(),
        row_hash: item.row.hash.clone(),
    }
}

fn describe(
    material: &Material<'_>,
    session: &Session,
    ids: &[String],
) -> Result<(Answer, Vec<ShownItem>), StoreError> {
    let catalog = material.snapshot.catalog();
    let mut shown = session.shown.clone();
    let mut items = Vec::new();
    for id in ids {
        let Some(ordinal) = material.snapshot.ordinal(id)? else { continue };
        let Some(row) = material.snapshot.row(ordinal)? else { continue };
        // What is asked of one item has nothing to do with the conditions of a search.
        items.push(ItemEvidence::examine(row, Vec::new(), &crate::Constraints::default(), catalog));
    }
    // A question back, or that it is absent, says better what is not clear.
    let is_said = material.reading.question.is_some() || !material.reading.absent.is_empty();
    let described =
        if is_said && items.is_empty() { Vec::new() } else { sentences::described(material, &items) };
    let mut answer = material.answer(AnswerKind::Description, &items, described)?;
    for item in &items {
        let (id, title) = (item.row.id(catalog), item.row.title(catalog));
        let at = shown.iter().position(|s| s.id == id).unwrap_or_else(|| {
            shown.push(ShownItem { id: id.to_owned(), title: title.to_owned() });
            shown.len() - 1
        });
        answer.items.push(item_of(material, item, at + 1, reasons::everything(item, catalog)));
    }
    if items.is_empty() {
        answer.stop = Stop::Empty;
    }
    Ok((answer, shown))
}

fn why(material: &Material<'_>, session: &Session, id: &str) -> Result<(Answer, Vec<ShownItem>), StoreError> {
    let shown_in = session.last_shown.as_deref();
    let before = shown_in.and_then(|r| Some((r, r.answer.as_ref()?.items.iter().find(|i| i.id == id)?)));
    let Some((report, item)) = before else {
        let none = "That item was not recommended in this conversation, so there is nothing to explain.";
        let told = vec![sentences::done(material.say(none, &[]))];
        let answer = Answer { stop: Stop::Empty, ..material.answer(AnswerKind::Explanation, &[], told)? };
        return Ok((answer, session.shown.clone()));
    };
    let Some((item, lost)) = confirmed(material, item)? else {
        let gone = "That item is not in the catalogue any more, so there is nothing to explain.";
        let told = vec![sentences::done(material.say(gone, &[]))];
        let answer = Answer { stop: Stop::Empty, ..material.answer(AnswerKind::Explanation, &[], told)? };
        return Ok((answer, session.shown.clone()));
    };
    let mut answer = material.answer(AnswerKind::Explanation, &[], why_sentences(material, report, &item))?;
    answer.removed_claims += lost;
    answer.items.push(item);
    Ok((answer, session.shown.clone()))
}

/// An item as it was shown, without the evidence that its row does not bear out any more; `None` if it is gone.
fn confirmed(material: &Material<'_>, item: &AnswerItem) -> Result<Option<(AnswerItem, u32)>, StoreError> {
    let catalog = material.snapshot.catalog();
    let row = material.snapshot.ordinal(&item.id)?.map(|o| material.snapshot.row(o)).transpose()?.flatten();
    let Some(row) = row else { return Ok(None) };
    let mut item = item.clone();
    let before = item.evidence.len();
    item.evidence.retain(|s| *row.get(catalog, &s.field) == s.value);
    let lost = before - item.evidence.len();
    if lost > 0 {
        // The catalogue was indexed anew since; the line would rest on the old rows.
        item.reason.clear();
    }
    Ok(Some((item, lost as u32)))
}

fn why_sentences(material: &Material<'_>, report: &TurnReport, item: &AnswerItem) -> Vec<Claim> {
    let title = short(&item.title, sentences::LONGEST);
    let turn = report.turn.to_string();
    let mut told = vec![sentences::done(material.say(
        "{title} was {reference} in turn {turn}, for “{request}”.",
        &[("title", &title), ("reference", &item.reference), ("turn", &turn), ("request", &report.request)],
    ))];
    if !item.evidence.is_empty() {
        let fact = |s: &crate::Support| {
            let places = [("claim", s.claim.as_str()), ("field", &s.field), ("value", &s.value.to_string())];
            material.say("{claim} (its {field} is {value})", &places)
        };
        let facts = item.evidence.iter().map(fact).collect::<Vec<_>>().join("; ");
        told.push(sentences::done(material.say("What its row shows: {facts}.", &[("facts", &facts)])));
    }
    let ranked = item.contributions.iter().filter_map(|c| Some((c, c.rank?, c.score?)));
    let place = |(c, rank, score): (&segue_catalog::Contribution, u32, f64)| {
        let places = [("rank", &*rank.to_string()), ("tool", &c.tool), ("score", &format!("{score:.4}"))];
        material.say("no. {rank} by `{tool}` (score {score})", &places)
    };
    let places: Vec<_> = ranked.map(place).collect();
    if !places.is_empty() {
        let places = places.join(", ");
        told.push(sentences::done(
            material.say("Where the searches put it: {places}.", &[("places", &places)]),
        ));
    }
    told
}

impl Material<'_> {
    /// A sentence in the language of the turn.
    pub(super) fn say(&self, english: &str, places: &[(&str, &str)]) -> String {
        fill(self.language, english, places)
    }

    /// An answer whose sentences the ledger supports; the rest are left out and counted.
    fn answer(
        &self,
        kind: AnswerKind,
        items: &[ItemEvidence],
        told: Vec<Claim>,
    ) -> Result<Answer, StoreError> {
        let ledger = Ledger { snapshot: self.snapshot, calls: self.calls, items };
        let mut removed_claims = 0;
        let mut supported = Vec::new();
        for claim in told.into_iter().chain(sentences::frame(self, !items.is_empty())) {
            if ledger.supports(&claim)? { supported.push(claim.text) } else { removed_claims += 1 }
        }
        Ok(Answer {
            kind,
            text: supported.join(" "),
            stop: self.outcome.stop,
            removed_claims,
            written_by: None,
            removed_items: 0,
            matched: sentences::matched(self).map(|(_, n)| n),
            question: None,
            items: Vec::new(),
        })
    }
}
