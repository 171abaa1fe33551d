//! What the planners that see a whole request tell a model of it.

use segue_models::{ChatRequest, Message};

use super::brief::short;
use crate::rules::holding;
use crate::{Reading, ShownItem};

/// How many of the shown items are told.
const SHOWN: usize = 20;
/// The longest title that is told, in characters: catalogue text is data, and there is no room for a speech.
const LONGEST: usize = 60;

/// The conversation as far as it matters: what is shown, what holds, and the request.
pub(super) fn situation(request: &str, reading: &Reading, shown: &[ShownItem]) -> String {
    let shown: Vec<_> =
        (1..).zip(shown).take(SHOWN).map(|(n, i)| format!("#{n} {}", title(&i.title))).collect();
    let constraints = &reading.constraints;
    let conditions = holding(&constraints.conditions).map(|c| c.what.to_string());
    let likes = reading.understood.iter().filter(|u| u.predicate.is_none() && !is_searched(&u.meaning));
    let orders = holding(&constraints.orders).last().map(|o| format!("ordered by {}", o.what.field));
    let mut known: Vec<String> = conditions.chain(likes.map(|u| u.meaning.clone())).collect();
    known.extend(orders.filter(|o| !known.iter().any(|k| k.starts_with(o.as_str()))));
    let earlier = holding(&constraints.queries).filter(|q| !reading.open.iter().any(|l| l.contains(&q.what)));
    known.extend(earlier.map(|q| format!("about “{}”", q.what)));
    let or_nothing = |parts: Vec<String>| match parts.is_empty() {
        true => "nothing".to_owned(),
        false => parts.join("; "),
    };
    format!(
        "Shown: {}\nKnown: {}\nRequest: {}",
        or_nothing(shown),
        or_nothing(known),
        request.split_whitespace().collect::<Vec<_>>().join(" ")
    )
}

fn is_searched(meaning: &str) -> bool {
    meaning == crate::rules::SEARCHED
}

/// A title on one line, cut where it is long.
pub(super) fn title(title: &str) -> String {
    short(title, LONGEST)
}

/// A question that a model answers the same way each time, as far as it can.
pub(super) fn steady(system: String, user: String, max_tokens: u32) -> ChatRequest {
    let mut chat = ChatRequest::new(vec![Message::system(system), Message::user(user)], max_tokens);
    chat.temperature = Some(0.0);
    chat.seed = Some(0);
    chat
}
