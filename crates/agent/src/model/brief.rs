//! What a model is told of a catalogue: its fields in a line each, and examples made from its own statistics. All of it
//! depends on the generation alone, so that a server can keep it between turns.

use segue_catalog::{Catalog, Field, FieldType, Role, Unit};
use serde::Serialize;
use serde_json::{Value as Json, json};

/// How many values of a field are listed when it has few.
const FEW: usize = 32;
/// How many are given as examples when it has many.
const SOME: usize = 6;
/// The longest value that is shown, in characters: catalogue text is data, and there is no room for a speech.
const LONGEST: usize = 40;

/// One field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct FieldBrief {
    pub(super) name: String,
    pub(super) holds: String,
}

/// One worked example.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Example {
    pub(super) request: String,
    pub(super) left: String,
    /// As JSON text.
    pub(super) reply: String,
}

/// The fields that a condition can be put on, in the order of the data set.
pub(super) fn fields(catalog: &Catalog) -> Vec<FieldBrief> {
    let described = |(i, field): (usize, &Field)| {
        is_readable(field).then(|| FieldBrief { name: field.name.clone(), holds: holds(catalog, i, field) })
    };
    catalog.fields.iter().enumerate().filter_map(described).collect()
}

/// True for fields that a model may put a condition on.
pub(super) fn is_readable(field: &Field) -> bool {
    field.is_filterable() && matches!(field.role, Role::Category | Role::Number | Role::Date)
}

fn holds(catalog: &Catalog, i: usize, field: &Field) -> String {
    let Some(statistics) = catalog.statistics.get(i) else { return String::new() };
    let about = if field.description.is_empty() { String::new() } else { format!(", {}", field.description) };
    let what = match field.ty {
        FieldType::Text => {
            let all = statistics.distinct as usize <= FEW;
            let values = statistics.top.iter().take(if all { FEW } else { SOME });
            let values: Vec<_> = values.map(|t| short(&t.value.to_string(), LONGEST)).collect();
            format!("{} {}", if all { "one of" } else { "such as" }, values.join(" | "))
        }
        FieldType::Boolean => "true or false".to_owned(),
        FieldType::Date => match &statistics.dates {
            Some((first, last)) => format!("a date or year, {} to {}", year(first), year(last)),
            None => "a date or year".to_owned(),
        },
        FieldType::Integer | FieldType::Real => {
            let unit = field.unit.as_ref().map_or_else(String::new, |u| format!(" in {}", u.name()));
            match statistics.range() {
                Some((low, high)) => format!("a number{unit}, {low} to {high}"),
                None => format!("a number{unit}"),
            }
        }
    };
    format!("{what}{about}")
}

fn year(date: &str) -> &str {
    date.get(..4).unwrap_or(date)
}

/// Text of others in one line, cut where it is long, and without the brackets that a server's template might read as
/// the end of a message.
pub(crate) fn short(text: &str, longest: usize) -> String {
    let tame = |c: char| match c {
        '<' => '‹',
        '>' => '›',
        // Control characters, and those that change the direction of the text around them.
        c if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}') =>
        {
            ' '
        }
        c => c,
    };
    let line = text.chars().map(tame).collect::<String>();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default().trim_end()),
        None => line,
    }
}

/// Examples that fit any catalogue: a time that history names, words to search for, nothing.
pub(super) fn examples(catalog: &Catalog) -> Vec<Example> {
    let noun = &catalog.noun;
    let example = |request: String, left: &str, reply: Json| Example {
        request,
        left: left.to_owned(),
        reply: reply.to_string(),
    };
    let is_calendar =
        |f: &&Field| f.role == Role::Date || f.unit.as_ref().and_then(Unit::dimension) == Some("calendar");
    let mut examples = Vec::new();
    if let Some(field) = catalog.fields.iter().filter(|f| is_readable(f)).find(is_calendar) {
        let condition = json!({
            "words": "the Clinton years", "field": field.name, "is": "between", "value": "1993", "to": "2001"
        });
        examples.push(example(
            format!("a {noun} from the Clinton years about a shipwreck"),
            "from the Clinton years about a shipwreck",
            json!({"conditions": [condition], "search": "shipwreck"}),
        ));
    }
    examples.push(example(
        format!("could you find my wife some {noun}s that feel like a walk in the snow"),
        "my wife, that feel like a walk in the snow",
        json!({"conditions": [], "search": "walk in the snow"}),
    ));
    examples.push(example(
        format!("we need a few {noun}s for tonight, thank you so much"),
        "need, thank you so much",
        json!({"conditions": [], "search": ""}),
    ));
    examples
}
