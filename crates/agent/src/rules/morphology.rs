//! The little of English inflection that requests need: degrees of adjectives, plurals, past participles.

/// The degree of an adjective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// "long".
    Positive,
    /// "longer".
    Comparative,
    /// "longest".
    Superlative,
}

const IRREGULAR: &[(&str, &str, &str)] = &[
    ("good", "better", "best"),
    ("well", "better", "best"),
    ("bad", "worse", "worst"),
    ("far", "further", "furthest"),
    ("little", "less", "least"),
    ("late", "later", "latest"),
];

/// Every single-word form of an adjective. Those of several words ("well known") have none but themselves: "more" and
/// "most" are read where they stand.
pub(crate) fn degrees(adjective: &str) -> Vec<(String, Form)> {
    let mut forms = vec![(adjective.to_owned(), Form::Positive)];
    if adjective.contains([' ', '-']) {
        return forms;
    }
    if let Some((_, more, most)) = IRREGULAR.iter().find(|(base, ..)| *base == adjective) {
        forms.push(((*more).to_owned(), Form::Comparative));
        forms.push(((*most).to_owned(), Form::Superlative));
        return forms;
    }
    for stem in stems(adjective) {
        forms.push((format!("{stem}er"), Form::Comparative));
        forms.push((format!("{stem}est"), Form::Superlative));
    }
    forms
}

/// What "-er" and "-est" are put after: "large" loses its e, "happy" turns its y, "big" may double its last letter.
fn stems(adjective: &str) -> Vec<String> {
    if let Some(stem) = adjective.strip_suffix('e') {
        return vec![stem.to_owned()];
    }
    if let Some(stem) = adjective.strip_suffix('y') {
        return vec![format!("{stem}i")];
    }
    let mut stems = vec![adjective.to_owned()];
    let ending: Vec<char> = adjective.chars().rev().take(3).collect();
    if let [last, vowel, before] = ending.as_slice() {
        let is_vowel = |c: &char| "aeiou".contains(*c);
        if is_vowel(vowel) && !is_vowel(last) && !is_vowel(before) && !"wxy".contains(*last) {
            stems.push(format!("{adjective}{last}"));
        }
    }
    stems
}

/// The plural of a noun, as one would guess it.
pub(crate) fn plural(noun: &str) -> String {
    let ends = |suffixes: &[&str]| suffixes.iter().any(|s| noun.ends_with(s));
    if ends(&["s", "x", "z", "ch", "sh"]) {
        return format!("{noun}es");
    }
    match noun.strip_suffix('y') {
        Some(stem) if !ends(&["ay", "ey", "oy", "uy"]) => format!("{stem}ies"),
        _ => format!("{noun}s"),
    }
}

const IRREGULAR_VERBS: &[(&str, &str)] =
    &[("writ", "written"), ("mak", "made"), ("sing", "sung"), ("sell", "sold"), ("build", "built")];

/// The participle of what someone of this name does: "directed" for "director", "written" for "writer". `None` for
/// names that are not of the kind.
pub(crate) fn participle(agent: &str) -> Option<String> {
    let stem = agent.strip_suffix("or").or_else(|| agent.strip_suffix("er"))?;
    if stem.len() < 3 {
        return None;
    }
    let irregular = IRREGULAR_VERBS.iter().find(|(verb, _)| *verb == stem);
    Some(irregular.map_or_else(|| format!("{stem}ed"), |(_, participle)| (*participle).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjectives_have_their_degrees() {
        let forms = |a| degrees(a).into_iter().map(|f| f.0).collect::<Vec<_>>().join(" ");
        assert_eq!(forms("long"), "long longer longest");
        assert_eq!(forms("large"), "large larger largest");
        assert_eq!(forms("happy"), "happy happier happiest");
        assert_eq!(forms("big"), "big biger bigest bigger biggest");
        assert_eq!(forms("good"), "good better best");
        assert_eq!(forms("well known"), "well known");
    }

    #[test]
    fn nouns_have_plurals_and_makers_have_deeds() {
        assert_eq!(["film", "comedy", "bus", "key"].map(plural), ["films", "comedies", "buses", "keys"]);
        let deeds = ["director", "writer", "composer", "artist", "year"].map(participle);
        assert_eq!(deeds.map(Option::unwrap_or_default), ["directed", "written", "composed", "", ""]);
    }
}
