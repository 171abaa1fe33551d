//! The language of assertions: one a line, beginning with what it is about.
//!
//! Here words become an [`Assertion`]; [`check`](super::check) holds it against a turn. What is not understood is an error
//! that names its column, what was expected there and the nearest word there is.

use serde_json::Value as Json;

use super::document::{Wrong, did_you_mean};
use super::scan::{Number, Scan, Words};

/// One line of an `expect` block.
#[derive(Debug, Clone)]
pub(super) struct Assertion {
    pub(super) line: usize,
    /// As it is written.
    pub(super) text: String,
    pub(super) what: What,
}

/// What is asserted.
#[derive(Debug, Clone)]
pub(super) enum What {
    Items(Items),
    Tools(List, Vec<String>),
    Call(Which, OfCall),
    /// How many calls were made, or of those how many failed.
    Calls {
        failed: bool,
        number: Number,
    },
    EvidenceFor(Vec<String>),
    EvidenceBy(Vec<String>),
    ClaimsRemoved(Number),
    ClaimsSupported,
    Budget(Meter, Number),
    /// Words of the answer as a whole.
    Text(Words),
    /// Words of the lines about items.
    Reasons(Words),
    /// What rules and synonyms of the catalogue's owner did.
    Steering(Words),
    Question(Option<Words>),
    Understood(Meant),
    NotUnderstood(Option<String>),
    Absent(Option<String>),
    Holds(Option<String>),
    Lifted(String),
    Planner(String),
    Fallback(Option<Words>),
    Told(Words),
    Refused(Option<Words>),
    Added(bool),
    Stop(String),
    Kind(String),
    Matched(Number),
}

#[derive(Debug, Clone)]
pub(super) enum Items {
    Count(Number),
    /// An SQL expression that is true of all, of none, of at least one.
    Every(Share, String),
    Contain(Vec<String>),
    Lack(Vec<String>),
    /// Exactly these, in this order or in any.
    Are {
        names: Vec<String>,
        in_order: bool,
    },
    First(String),
    Ordered {
        by: String,
        ascending: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    All,
    None,
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// These and no others, in this order.
    Are,
    /// At least these, in any order.
    Include,
    /// At least these, in this order.
    InOrder,
    Lack,
}

/// Which calls: those of a tool (the `nth` of them, from 1), or that of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Which {
    pub(super) name: String,
    pub(super) nth: Option<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum OfCall {
    Made,
    Ok,
    Failed,
    Count(Number),
    /// The arguments hold this document: its keys with their values, and more.
    Has(Json),
    Lacks(Json),
    Within(Option<String>),
    Error(ErrorIs),
}

#[derive(Debug, Clone)]
pub(super) enum ErrorIs {
    Kind(String),
    Words(Words),
}

#[derive(Debug, Clone)]
pub(super) enum Meant {
    Nothing,
    Count(Number),
    /// The user's words.
    Words(String),
    /// A condition as reports write it; hard, soft, or either.
    Condition(String, Option<bool>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meter {
    ModelCalls,
    ToolCalls,
    Tokens,
    InputTokens,
    OutputTokens,
    Cost,
    Ms,
}

const SUBJECTS: [&str; 23] = [
    "items",
    "tools",
    "call",
    "calls",
    "evidence",
    "claims",
    "budget",
    "text",
    "steering",
    "reasons",
    "question",
    "understood",
    "not_understood",
    "absent",
    "holds",
    "lifted",
    "planner",
    "fallback",
    "model",
    "stop",
    "answer",
    "matched",
    "not",
];

/// Reads one line.
pub(super) fn parse(line: usize, text: &str) -> Result<Assertion, Wrong> {
    let mut scan = Scan { line, text, at: 0 };
    let what = subject(&mut scan)?;
    if !scan.rest().is_empty() {
        return Err(
            scan.wrong(format!("`{}` is not expected here; a line ends after one assertion", scan.rest()))
        );
    }
    Ok(Assertion { line, text: text.trim().to_owned(), what })
}

fn subject(scan: &mut Scan<'_>) -> Result<What, Wrong> {
    let word = scan.word_of(&SUBJECTS, "an assertion begins with what it is about")?;
    Ok(match word {
        "items" => What::Items(items(scan)?),
        "tools" => {
            let list = match scan.word_of(&["are", "include", "in", "lack"], "`tools` goes on with")? {
                "are" => List::Are,
                "include" => List::Include,
                "lack" => List::Lack,
                _ => {
                    scan.literal("order")?;
                    List::InOrder
                }
            };
            if list == List::Are && scan.takes("nothing") {
                return Ok(What::Tools(List::Are, Vec::new()));
            }
            What::Tools(list, scan.names()?)
        }
        "call" => {
            let which = which(scan)?;
            What::Call(which, of_call(scan)?)
        }
        "calls" => {
            let failed = scan.word_of(&["count", "failed"], "`calls` goes on with")? == "failed";
            What::Calls { failed, number: scan.number()? }
        }
        "evidence" => match scan.word_of(&["for", "by"], "`evidence` goes on with")? {
            "for" => What::EvidenceFor(scan.names()?),
            _ => What::EvidenceBy(scan.names()?),
        },
        "claims" => match scan.word_of(&["removed", "supported"], "`claims` goes on with")? {
            "removed" => What::ClaimsRemoved(scan.number()?),
            _ => What::ClaimsSupported,
        },
        "budget" => {
            let meters = [
                ("model_calls", Meter::ModelCalls),
                ("tool_calls", Meter::ToolCalls),
                ("tokens", Meter::Tokens),
                ("input_tokens", Meter::InputTokens),
                ("output_tokens", Meter::OutputTokens),
                ("cost", Meter::Cost),
                ("ms", Meter::Ms),
            ];
            let word = scan.word_of(&meters.map(|(name, _)| name), "`budget` goes on with")?;
            let meter = meters.into_iter().find(|(name, _)| *name == word).map_or(Meter::Ms, |(_, m)| m);
            What::Budget(meter, scan.number()?)
        }
        "text" => What::Text(scan.words()?),
        "steering" => What::Steering(scan.words()?),
        "reasons" => What::Reasons(scan.words()?),
        "question" => What::Question(scan.nothing_or_words()?),
        "understood" => What::Understood(meant(scan)?),
        "not" => {
            scan.literal("understood")?;
            What::NotUnderstood(scan.nothing_or_text()?)
        }
        "not_understood" => What::NotUnderstood(scan.nothing_or_text()?),
        "absent" => What::Absent(scan.nothing_or_text()?),
        "holds" => What::Holds(if scan.takes("nothing") { None } else { Some(scan.condition()?) }),
        "lifted" => What::Lifted(scan.condition()?),
        "planner" => {
            scan.literal("is")?;
            What::Planner(scan.word_of(&["rules", "route", "plan", "native"], "planners are")?.to_owned())
        }
        "fallback" => What::Fallback(scan.nothing_or_words()?),
        "model" => match scan.word_of(&["told", "refused", "added"], "`model` goes on with")? {
            "told" => What::Told(scan.words()?),
            "refused" => What::Refused(scan.nothing_or_words()?),
            _ => What::Added(
                scan.word_of(&["something", "nothing"], "`model added` goes on with")? == "something",
            ),
        },
        "stop" => {
            scan.literal("is")?;
            let stops = ["passed", "empty", "budget", "cancelled", "failed"];
            What::Stop(scan.word_of(&stops, "a turn stops as")?.to_owned())
        }
        "answer" => {
            scan.literal("is")?;
            let kinds =
                ["recommendation", "description", "explanation", "count", "acknowledgement", "question"];
            What::Kind(scan.word_of(&kinds, "an answer is")?.to_owned())
        }
        _ => What::Matched(scan.number()?),
    })
}

fn items(scan: &mut Scan<'_>) -> Result<Items, Wrong> {
    let known = ["all", "none", "any", "count", "contain", "lack", "are", "first", "ordered"];
    Ok(match scan.word_of(&known, "`items` goes on with")? {
        "all" => Items::Every(Share::All, scan.sql()?),
        "none" => Items::Every(Share::None, scan.sql()?),
        "any" => Items::Every(Share::Any, scan.sql()?),
        "count" => Items::Count(scan.number()?),
        "contain" => Items::Contain(scan.names()?),
        "lack" => Items::Lack(scan.names()?),
        "first" => {
            scan.literal("is")?;
            Items::First(scan.one_name()?)
        }
        "ordered" => {
            scan.literal("by")?;
            let rest = scan.rest_of("an SQL expression, and `ascending` or `descending`")?;
            let (by, direction) = rest.rsplit_once(' ').unwrap_or((rest, ""));
            match direction {
                "ascending" | "descending" => {
                    Items::Ordered { by: by.trim().to_owned(), ascending: direction == "ascending" }
                }
                _ => return Err(scan.wrong("an order ends with `ascending` or `descending`")),
            }
        }
        _ => {
            let in_order = !scan.takes("in any order");
            Items::Are { names: scan.names()?, in_order }
        }
    })
}

fn which(scan: &mut Scan<'_>) -> Result<Which, Wrong> {
    let column = scan.column();
    let word = scan.word();
    if word.is_empty() {
        return Err(Wrong::at(scan.line, column, "`call` goes on with a tool, as in `call bm25_search`"));
    }
    let Some((name, nth)) = word.split_once('#') else {
        return Ok(Which { name: word.to_owned(), nth: None });
    };
    match nth.parse::<usize>() {
        Ok(nth) if nth > 0 => Ok(Which { name: name.to_owned(), nth: Some(nth) }),
        _ => Err(Wrong::at(scan.line, column, format!("`#{nth}` is no place; the first call is `{name}#1`"))),
    }
}

fn of_call(scan: &mut Scan<'_>) -> Result<OfCall, Wrong> {
    if scan.rest().is_empty() {
        return Ok(OfCall::Made);
    }
    let known = ["ok", "failed", "count", "has", "lacks", "within", "error"];
    Ok(match scan.word_of(&known, "what is said of a call begins with")? {
        "ok" => OfCall::Ok,
        "failed" => OfCall::Failed,
        "count" => OfCall::Count(scan.number()?),
        "has" => OfCall::Has(scan.json()?),
        "lacks" => OfCall::Lacks(scan.json()?),
        "within" => {
            scan.literal("is")?;
            let name = scan.one_name()?;
            OfCall::Within((name != "nothing").then_some(name))
        }
        _ if scan.takes("is") => {
            let kinds = [
                "invalid_arguments",
                "unknown_tool",
                "unknown_set",
                "not_found",
                "unsupported",
                "timeout",
                "cancelled",
                "denied",
                "skipped",
                "budget",
                "internal",
            ];
            OfCall::Error(ErrorIs::Kind(scan.word_of(&kinds, "kinds of error are")?.to_owned()))
        }
        _ => OfCall::Error(ErrorIs::Words(scan.words()?)),
    })
}

fn meant(scan: &mut Scan<'_>) -> Result<Meant, Wrong> {
    if scan.takes("nothing") {
        return Ok(Meant::Nothing);
    }
    if scan.takes("count") {
        return Ok(Meant::Count(scan.number()?));
    }
    if scan.rest().starts_with('"') {
        return Ok(Meant::Words(scan.quoted()?));
    }
    let hard = if scan.takes("hard") {
        Some(true)
    } else if scan.takes("soft") {
        Some(false)
    } else {
        None
    };
    Ok(Meant::Condition(scan.condition()?, hard))
}

/// A condition in the words of reports, with signs that are on every keyboard, so that it can be compared.
pub(super) fn plain_condition(text: &str) -> String {
    let text = text.replace('≤', "<=").replace('≥', ">=").replace('≠', "!=").replace("==", "=");
    segue_catalog::text::fold(&text.replace(['\'', '"'], "").split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A name that the catalogue or the registry does not have.
pub(super) fn unknown<'a>(
    what: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    format!("there is no {what} `{name}`{}", did_you_mean(name, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        for text in [
            "items count = 3",
            "items count>=1",
            "items all year < 1990 AND genre = 'Horror'",
            "items none price IS NULL",
            "items any kind = 'house'",
            "items contain h1, \"Rue, des Lilas\"",
            "items lack h3",
            "items are h1, h2",
            "items are in any order h1, h2",
            "items first is The Old Mill",
            "items ordered by price / rooms descending",
            "tools are sql_filter, order_by",
            "tools are nothing",
            "tools include bm25_search",
            "tools in order sql_filter, bm25_search",
            "tools lack embedding_search",
            "call bm25_search",
            "call bm25_search#2 ok",
            "call s1 count <= 3",
            "call order_by has {\"by\": \"price\"}",
            "call sql_filter lacks {\"sql\": \"x\"}",
            "call bm25_search within is sql_filter",
            "call bm25_search within is nothing",
            "call bm25_search error is invalid_arguments",
            "call bm25_search error contains \"no such\"",
            "calls failed = 0",
            "calls count <= 3",
            "evidence for price, kind",
            "evidence by bm25_search",
            "claims removed = 0",
            "claims supported",
            "budget model_calls <= 1",
            "budget tokens < 1_000",
            "text contains \"two \\\"of\\\" them\"",
            "text lacks \"sorry\"",
            "text matches /[0-9]+ homes/",
            "reasons contain \"garden\"",
            "question nothing",
            "question contains \"Which\"",
            "understood price <= 500000",
            "understood hard not kind = studio",
            "understood \"under two hours\"",
            "understood nothing",
            "understood count = 2",
            "not_understood \"orchard\"",
            "not understood nothing",
            "absent \"Blade Runner 3\"",
            "holds kind = house",
            "holds nothing",
            "lifted price <= 500000",
            "planner is rules",
            "fallback nothing",
            "fallback contains \"timeout\"",
            "model told contains \"there is no tool\"",
            "model refused nothing",
            "model added something",
            "stop is passed",
            "answer is recommendation",
            "matched = 4",
        ] {
            parse(1, text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_column() {
        for (text, column, part) in [
            ("itmes count = 3", 1, "did you mean `items`?"),
            ("  items cuont = 3", 9, "did you mean `count`?"),
            ("items", 6, "something is missing"),
            ("items count 3", 13, "a comparison such as `= 3`"),
            ("items count = three", 15, "a number is expected here, not `three`"),
            ("items all", 10, "an SQL expression"),
            ("items ordered by price", 23, "ascending"),
            ("items contain h1,", 18, "a name is expected"),
            ("call", 5, "goes on with a tool"),
            ("call bm25_search#0", 6, "is no place"),
            ("call bm25_search hsa {}", 18, "did you mean `has`?"),
            ("call bm25_search has {\"a\" 1}", 27, "no JSON"),
            ("text contains x", 15, "double quotes"),
            ("text contains \"x", 15, "no closing quote"),
            ("text contains \"\"", 15, "empty text"),
            ("text matches /(/", 14, "unclosed group"),
            ("text matches x", 14, "between slashes"),
            ("stop is pased", 9, "did you mean `passed`?"),
            ("planner rules", 9, "`is` is expected here, not `rules`"),
            ("claims supported well", 18, "a line ends after one assertion"),
            ("budget time <= 3", 8, "`budget` goes on with"),
        ] {
            let wrong = parse(7, text).unwrap_err();
            assert!(wrong.message.contains(part), "{text}: {wrong:?}");
            assert_eq!((wrong.line, wrong.column), (7, column), "{text}: {wrong:?}");
        }
    }

    #[test]
    fn conditions_are_compared_in_one_spelling() {
        assert_eq!(plain_condition("price ≤ 500000"), plain_condition("price  <= 500000"));
        assert_eq!(plain_condition("not genre = 'Horror'"), plain_condition("not genre = horror"));
        assert_ne!(plain_condition("price <= 5"), plain_condition("price < 5"));
    }
}
