//! Claim metrics: whether what is said of items is so, and whether there are such items.

use std::collections::BTreeSet;

use segue_agent::Answer;
use segue_catalog::{Catalog, Row, text};

use crate::Measure;

/// What an answer claims and the rows bear out, of all it claimed: titles, values shown and values given as evidence, tried
/// on the row that `row` reads anew; and what was removed before it was said, which nothing bore out. `claim_support`.
pub fn claim_support(answer: &Answer, row: impl Fn(&str) -> Option<Row>, catalog: &Catalog) -> Measure {
    let (mut supported, mut all) = (0, answer.removed_claims as usize);
    for item in &answer.items {
        let row = row(&item.id);
        let shown =
            |field: &str| row.as_ref().and_then(|row| serde_json::to_value(row.get(catalog, field)).ok());
        let mut count = |is_so: bool| {
            all += 1;
            supported += usize::from(is_so);
        };
        count(row.as_ref().is_some_and(|row| row.title(catalog) == item.title));
        for (field, value) in &item.fields {
            count(shown(field).as_ref() == Some(value));
        }
        for support in &item.evidence {
            count(row.as_ref().is_some_and(|row| *row.get(catalog, &support.field) == support.value));
        }
    }
    Measure::share(supported, all)
}

/// Items shown that are not in the catalogue, and titles named that are not those of items shown, of both together.
/// `shown` are ids and titles; `named` the titles in the answer's words: see [`named_titles`]. `hallucinated_items`.
pub fn hallucinated_items(
    shown: &[(&str, &str)],
    named: &[&str],
    in_catalog: impl Fn(&str) -> bool,
) -> Measure {
    let titles: Vec<String> = shown.iter().map(|(_, title)| text::fold(title)).collect();
    let invented = shown.iter().filter(|(id, _)| !in_catalog(id)).count();
    let elsewhere = named.iter().filter(|title| !titles.contains(&text::fold(title))).count();
    Measure::share(invented + elsewhere, shown.len() + named.len())
}

/// What a text names as titles: what stands in quotation marks or between asterisks, and is not made of the request's own words;
/// and titles of the catalogue of two words or more that stand in it letter by letter, the longest where one is in another.
pub fn named_titles<'a>(
    answer: &'a str,
    request: &str,
    catalog_titles: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    let own: BTreeSet<String> = words(request).collect();
    // What is written without blanks is a part of what was said, and no word of it.
    let said = text::fold(request);
    let is_own =
        |quoted: &str| words(quoted).all(|word| own.contains(&word)) || said.contains(&text::fold(quoted));
    let mut named: Vec<&str> = Vec::new();
    for (open, close) in [('"', '"'), ('“', '”'), ('«', '»'), ('*', '*')] {
        named.extend(enclosed(answer, open, close).filter(|quoted| !is_own(quoted)));
    }
    let stands = |title: &&str| title.split_whitespace().count() > 1 && stands_alone(answer, title);
    let mut found: Vec<&str> = catalog_titles.into_iter().filter(stands).collect();
    found.sort_by_key(|title| std::cmp::Reverse(title.len()));
    for title in found {
        if !named.iter().any(|longer| longer.contains(title)) {
            named.push(title);
        }
    }
    let mut folded: Vec<String> = Vec::new();
    named.retain(|title| {
        let new = !folded.contains(&text::fold(title));
        folded.push(text::fold(title));
        new
    });
    named
}

fn words(of: &str) -> impl Iterator<Item = String> {
    let folded = text::fold(of);
    let words: Vec<String> = folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.into_iter()
}

fn enclosed(text: &str, open: char, close: char) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once(open)?;
            let (inside, after) = after.split_once(close)?;
            rest = after;
            let inside = inside.trim();
            if !inside.is_empty() && !inside.contains('\n') {
                return Some(inside);
            }
        }
    })
}

/// Whether it stands in the text with no letter or digit beside it.
fn stands_alone(text: &str, title: &str) -> bool {
    text.match_indices(title).any(|(at, _)| {
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let after = text.get(at + title.len()..).and_then(|t| t.chars().next());
        ![before, after].iter().flatten().any(|c| c.is_alphanumeric())
    })
}
