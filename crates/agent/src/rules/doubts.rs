//! What the words of a turn leave open: a title that several items have, a name that is a value of two fields, a place
//! among items where there are none.

use segue_catalog::text::fold;
use segue_catalog::{Catalog, Operator, Predicate, Role, Row, Snapshot, StoreError, Value};

use super::bounds::is_calendar;
use super::morphology::participle;
use super::vocabulary::Sense;
use crate::languages::{fill, grouped_in};
use crate::{Choice, Language, Meaning, Question, ShownItem};

/// The most meanings that are offered.
const MOST: usize = 5;

/// One thing left open.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Doubt {
    /// Items of this title (by ordinal), the likeliest first.
    Title(String, Vec<u32>),
    /// A value of several fields, the likeliest first.
    Field(Vec<Sense>),
    /// These words point at one of several that are shown.
    Shown(String),
    /// These words point at an item that is not shown.
    Place(String),
}

/// The first question that the answer to would change the plan.
pub(super) fn question(
    snapshot: &Snapshot,
    shown: &[ShownItem],
    doubts: &[Doubt],
    language: Language,
) -> Result<Option<Question>, StoreError> {
    for doubt in doubts {
        let found = match doubt {
            Doubt::Title(title, ordinals) => of_title(snapshot, title, ordinals, language)?,
            Doubt::Field(senses) => of_field(snapshot, senses, language)?,
            Doubt::Shown(words) => of_shown(shown, words, language),
            Doubt::Place(words) => Some(of_place(snapshot.catalog(), shown, words, language)),
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn of_title(
    snapshot: &Snapshot,
    title: &str,
    ordinals: &[u32],
    language: Language,
) -> Result<Option<Question>, StoreError> {
    let catalog = snapshot.catalog();
    let mut rows = snapshot.rows(ordinals)?;
    rows.sort_by_key(|row| ordinals.iter().position(|o| *o == row.ordinal));
    let telling = telling_fields(catalog, &rows);
    let mut options: Vec<Choice> = Vec::new();
    for row in &rows {
        let facts: Vec<_> = telling.iter().map(|f| row.get(catalog, f)).filter(|v| !v.is_null()).collect();
        let facts: Vec<_> = facts.iter().filter_map(|v| v.each().first()).map(ToString::to_string).collect();
        let label = format!("{} ({})", row.title(catalog), facts.join(", "));
        // Two of which nothing different is known are no choice.
        if !facts.is_empty() && options.len() < MOST && !options.iter().any(|o| o.label == label) {
            options.push(Choice { label, count: 1, means: Meaning::Item(row.id(catalog).to_owned()) });
        }
    }
    let choices = choices(language, options.iter().map(|o| o.label.clone()));
    let text = fill(
        language,
        "Several {nouns} are called “{title}”: which one is meant, {choices}? The first is assumed until you say.",
        &[("nouns", &catalog.name), ("title", title), ("choices", &choices)],
    );
    Ok((options.len() > 1).then(|| Question { about: title.to_owned(), text, options }))
}

/// The year or day, and a category, in which the items differ: who made them, else what tells most of them apart.
fn telling_fields<'a>(catalog: &'a Catalog, rows: &[Row]) -> Vec<&'a str> {
    let differ = |name: &str| {
        let mut values: Vec<_> = rows.iter().map(|r| r.get(catalog, name).to_string()).collect();
        values.sort();
        values.dedup();
        values.len()
    };
    let time = catalog.fields.iter().find(|f| is_calendar(f) && differ(&f.name) > 1);
    let categories = catalog.fields.iter().filter(|f| f.role == Role::Category);
    let is_maker = |name: &str| participle(name).is_some() || name.ends_with("ist");
    // The earlier where it is the same.
    let name = categories.rev().max_by_key(|f| (differ(&f.name) > 1 && is_maker(&f.name), differ(&f.name)));
    let name = name.filter(|f| differ(&f.name) > 1);
    time.into_iter().chain(name).map(|f| f.name.as_str()).collect()
}

fn of_field(
    snapshot: &Snapshot,
    senses: &[Sense],
    language: Language,
) -> Result<Option<Question>, StoreError> {
    let catalog = snapshot.catalog();
    let Some(assumed) = senses.first() else { return Ok(None) };
    let mut options: Vec<Choice> = Vec::new();
    for sense in senses.iter().take(MOST) {
        let differs = sense == assumed || {
            let both = in_common(snapshot, assumed, sense)?;
            2 * both < assumed.count.min(sense.count)
        };
        if let (true, Some(field)) = (differs, catalog.fields.get(sense.field)) {
            let items = if sense.count == 1 { &catalog.noun } else { &catalog.name };
            let name = field.name.replace('_', " ");
            let count = grouped_in(language, sense.count);
            let places = [("field", &*name), ("count", &count), ("nouns", items)];
            let label = fill(language, "the {field} ({count} {nouns})", &places);
            let condition = Predicate::field(&field.name, Operator::Eq, Value::from(sense.value.as_str()));
            options.push(Choice { label, count: sense.count, means: Meaning::Condition(condition) });
        }
    }
    let labels = choices(language, options.iter().map(|o| o.label.clone()));
    let asked = "Is “{value}” {choices}? The first is assumed until you say.";
    let text = fill(language, asked, &[("value", &assumed.value), ("choices", &labels)]);
    Ok((options.len() > 1).then(|| Question { about: assumed.value.clone(), text, options }))
}

/// How many items have both values.
fn in_common(snapshot: &Snapshot, a: &Sense, b: &Sense) -> Result<u64, StoreError> {
    let stored = |sense: &Sense| snapshot.stored_field(sense.field).map_or(-1, |field| field as i64);
    let sql = format!(
        "SELECT a.ordinal FROM {0} a JOIN {0} b ON a.ordinal = b.ordinal \
         WHERE a.field = ?1 AND a.folded = ?2 AND b.field = ?3 AND b.folded = ?4",
        snapshot.table("values")
    );
    let keys = (stored(a), fold(&a.value), stored(b), fold(&b.value));
    let found: Vec<u32> =
        snapshot.with_connection(|c| c.prepare_cached(&sql)?.query_map(keys, |r| r.get(0))?.collect())?;
    Ok(found.into_iter().filter(|item| snapshot.has(*item)).count() as u64)
}

fn of_shown(shown: &[ShownItem], words: &str, language: Language) -> Option<Question> {
    let option = |(i, item): (usize, &ShownItem)| Choice {
        label: format!("#{} {}", i + 1, item.title),
        count: 1,
        means: Meaning::Item(item.id.clone()),
    };
    let options: Vec<_> = shown.iter().take(MOST).enumerate().map(option).collect();
    let labels = choices(language, options.iter().map(|o| o.label.clone()));
    let asked = "Which one is “{words}”: {choices}? The first is assumed until you say.";
    let text = fill(language, asked, &[("words", words), ("choices", &labels)]);
    (options.len() > 1).then(|| Question { about: words.to_owned(), text, options })
}

fn of_place(catalog: &Catalog, shown: &[ShownItem], words: &str, language: Language) -> Question {
    let template = match shown.len() {
        0 => "No {noun} has been shown yet: which one is “{words}”? Name its title.",
        1 => "Only one {noun} is shown: which one is “{words}”?",
        _ => "Only {count} {nouns} are shown, #1 to #{count}: which one is “{words}”?",
    };
    let count = shown.len().to_string();
    let places = [("noun", &*catalog.noun), ("nouns", &catalog.name), ("count", &count), ("words", words)];
    let text = fill(language, template, &places);
    Question { about: words.to_owned(), text, options: Vec::new() }
}

/// "a, b or c".
fn choices(language: Language, labels: impl Iterator<Item = String>) -> String {
    let labels: Vec<_> = labels.collect();
    match labels.as_slice() {
        [first @ .., last] if !first.is_empty() => {
            fill(language, "{first} or {last}", &[("first", &first.join(", ")), ("last", last)])
        }
        _ => labels.concat(),
    }
}
