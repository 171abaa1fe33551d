//! From a call as a model writes it to one that counts: conditions, words and items are taken only as far as the request
//! says them and the catalogue has them, with the checks of [`support`](super::support).
//!
//! What can be put right is a fault, told to the model with the nearest real names; what nobody said is refused and
//! counted.

use segue_catalog::text::{fold, squash, words};
use segue_catalog::{Operator, Predicate, PredicateError, Snapshot, resolve};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::brief::is_readable;
use super::offer::CONDITIONS;
use super::support::{Proposal, check, is_from, is_said, predicate};
use crate::rules::{self, SEARCHED, holding};
use crate::{Asked, ErrorKind, Reading, ShownItem, Step, ToolError, ToolRole, ToolSpec, Understood};

/// How many real names an error proposes.
const NEAREST: usize = 5;

/// What calls are judged against.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The catalogue.
    pub snapshot: &'a Snapshot,
    /// The tools.
    pub specs: &'a [ToolSpec],
    /// What the user sees, `#1` first.
    pub shown: &'a [ShownItem],
    /// On whose behalf, as the catalogue's users are named.
    pub user: Option<&'a str>,
    /// Parses and resolves the arguments of a step without calling its tool.
    pub check: &'a (dyn Fn(&Step) -> Result<(), ToolError> + Sync),
}

impl std::fmt::Debug for Ground<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ground").field("shown", &self.shown).field("user", &self.user).finish_non_exhaustive()
    }
}

/// What counts of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    /// Conditions: those that counted hold now. True if one is new.
    Conditions(bool),
    /// Items, by id.
    Items(Vec<String>),
    /// The steps and sets named, and the other arguments.
    Sets(Vec<String>, Json),
    /// These arguments.
    Args(Json),
}

/// A call that was heard.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Heard {
    /// What counts; `None` if nothing does.
    pub(super) what: Option<What>,
    /// What could be put right, told as to the model.
    pub(super) faults: Vec<String>,
}

/// Whoever hears the calls of one turn; what they add goes into the reading.
pub(super) struct Listener<'a> {
    pub(super) ground: Ground<'a>,
    pub(super) request: &'a str,
    pub(super) turn: u32,
    pub(super) reading: &'a mut Reading,
    pub(super) refused: &'a mut Vec<String>,
    /// Items of results that the model has seen, as it calls them, with their ids.
    pub(super) seen: &'a [(String, String)],
}

enum Objection {
    Fault(String),
    Refused(String),
}

impl Listener<'_> {
    /// Hears a call of this tool.
    pub(super) fn hear(&mut self, spec: &ToolSpec, args: &Map<String, Json>) -> Heard {
        match spec.role {
            ToolRole::Filter => self.conditions(args),
            ToolRole::Lexical | ToolRole::Dense => self.search(args),
            ToolRole::Similar => self.items("like", args, /*liked*/ true),
            ToolRole::LookUp => self.items("items", args, /*liked*/ false),
            ToolRole::Fuse | ToolRole::Algebra => sets(spec, args),
            ToolRole::Personal => match self.ground.user {
                Some(user) => Heard::args(json!({ "user": user })),
                None => Heard::fault("nobody is known whose taste could be followed; leave it out"),
            },
            ToolRole::Diversify => Heard::args(json!({})),
            _ => self.own_arguments(spec, args),
        }
    }

    fn conditions(&mut self, args: &Map<String, Json>) -> Heard {
        let Some(Json::Array(list)) = args.get(CONDITIONS) else {
            return Heard::fault(
                "`conditions` is missing; write a list of {\"words\", \"field\", \"is\", \"value\", \"to\"}",
            );
        };
        let mut heard = Heard { what: Some(What::Conditions(false)), faults: Vec::new() };
        let mut found: Vec<(String, Predicate)> = Vec::new();
        for condition in list {
            let Some(proposal) = proposal(condition) else {
                heard
                    .faults
                    .push(format!("{condition} is no condition; it needs words, field, is and value"));
                continue;
            };
            let Proposal { words, field, is, value, .. } = &proposal;
            match self.judge(&proposal) {
                Ok(Some(predicate)) => self.join(&mut found, words, predicate),
                Ok(None) => {}
                Err(Objection::Fault(why)) => heard.faults.push(format!("{field} {is} {value}: {why}")),
                Err(Objection::Refused(why)) => self.refuse(format!("{field} {is} {value}: {why}")),
            }
        }
        heard.what = Some(What::Conditions(!found.is_empty()));
        for (words, predicate) in found {
            self.adopt(&words, predicate);
        }
        heard
    }

    /// No item has two values of a field that has one: two of them side by side mean either.
    fn join(&self, found: &mut Vec<(String, Predicate)>, words: &str, new: Predicate) {
        let catalog = self.ground.snapshot.catalog();
        let single = |p: &Predicate| match p {
            Predicate::Field(c) if c.op == Operator::Eq => {
                catalog.field(&c.field).filter(|f| !f.multi).map(|f| f.name.clone())
            }
            _ => None,
        };
        let of = |p: &Predicate| match p {
            Predicate::Any { any } => any.first().and_then(single),
            one => single(one),
        };
        let field = single(&new);
        let Some((said, same)) = found.iter_mut().find(|(_, p)| field.is_some() && of(p) == field) else {
            return found.push((words.to_owned(), new));
        };
        if *said != words {
            *said = format!("{said} … {words}");
        }
        match same {
            Predicate::Any { any } => any.push(new),
            one => *one = Predicate::Any { any: vec![one.clone(), new] },
        }
    }

    /// The predicate of a condition that is new, `None` of one that holds already.
    fn judge(&self, proposal: &Proposal) -> Result<Option<Predicate>, Objection> {
        let snapshot = self.ground.snapshot;
        let Some(field) = snapshot.catalog().field(&proposal.field).filter(|f| is_readable(f)) else {
            let all = snapshot.catalog().fields.iter().filter(|f| is_readable(f)).map(|f| f.name.as_str());
            let nearest = nearest(&proposal.field, all);
            return Err(Objection::Fault(format!("there is no such field; nearest: {}", nearest.join(", "))));
        };
        let meant = predicate(proposal, field);
        let resolved = meant.as_ref().ok().map(|p| resolve(p, snapshot));
        let conditions = &self.reading.constraints.conditions;
        if let Some(Ok(meant)) = &resolved
            && conditions.iter().any(|c| c.hard && c.holds() && c.what == *meant)
        {
            return Ok(None);
        }
        let why = match check(proposal, self.reading, snapshot) {
            Ok(predicate) => return Ok(Some(predicate)),
            Err(why) => why,
        };
        if !is_said(&proposal.words, &self.reading.open) {
            return if self.restates(proposal) { Ok(None) } else { Err(Objection::Refused(why)) };
        }
        Err(match (meant, resolved) {
            (Err(_), _) => Objection::Fault(why),
            (_, Some(Err(error))) => Objection::Fault(with_nearest(&error)),
            _ => Objection::Refused(why),
        })
    }

    /// True if something hard that holds has this value of this field: small models say again what is known, and not
    /// always as it is.
    fn restates(&self, proposal: &Proposal) -> bool {
        let holds = self.reading.constraints.conditions.iter().filter(|c| c.hard && c.holds());
        let said = fold(&proposal.value);
        let mut conditions = holds.flat_map(|c| c.what.conditions());
        conditions
            .any(|c| c.field == proposal.field && c.value.each().iter().any(|v| fold(&v.to_string()) == said))
            && proposal.is != "not"
    }

    /// Writes down what does not count, once.
    fn refuse(&mut self, what: String) {
        if !self.refused.contains(&what) {
            self.refused.push(what);
        }
    }

    /// Makes a condition hold from this turn on.
    fn adopt(&mut self, words: &str, predicate: Predicate) {
        self.reading.understood.push(Understood {
            text: words.to_owned(),
            predicate: Some(predicate.clone()),
            meaning: format!("{predicate} (read by the model)"),
            hard: true,
        });
        let said = squash(words);
        self.reading.not_understood.retain(|w| !said.contains(&squash(w)));
        self.search_no_more(words);
        let asked = Asked::new(predicate, words, self.turn, true);
        rules::add(self.ground.snapshot, &mut self.reading.constraints, asked);
    }

    /// Words that became a condition are not searched for; the others are.
    fn search_no_more(&mut self, said: &str) {
        let said: Vec<String> = words(said).collect();
        let (turn, reading) = (self.turn, &mut *self.reading);
        let is_left = |text: &str| words(text).any(|w| !said.contains(&w) && !rules::is_filling(&w));
        for query in reading.constraints.queries.iter_mut().filter(|q| q.turn == turn && q.holds()) {
            let left: Vec<_> = query.what.split_whitespace().filter(|w| is_left(w)).collect();
            query.what = left.join(" ");
        }
        reading.constraints.queries.retain(|q| !q.what.is_empty());
        reading.understood.retain(|u| u.meaning != SEARCHED || is_left(&u.text));
    }

    /// Words to search for: the model's if the conversation says them, else those that the rules left.
    fn search(&mut self, args: &Map<String, Json>) -> Heard {
        let Some(query) = args.get("query").and_then(Json::as_str).map(str::trim) else {
            return Heard::fault("`query` is missing; write the words to search for");
        };
        let said: Vec<_> = holding(&self.reading.constraints.queries).map(|q| q.what.as_str()).collect();
        let said = format!("{} {}", self.request, said.join(" "));
        if is_from(query, &said) {
            self.adopt_query(query);
        } else {
            self.refuse(format!("search {query}: the request does not say it"));
        }
        // What an earlier turn asked for still holds, whether or not it is said again.
        let mut all: Vec<&str> = Vec::new();
        for query in holding(&self.reading.constraints.queries).rev().map(|q| q.what.as_str()) {
            if !all.iter().any(|w| squash(w).contains(&squash(query))) {
                all.insert(0, query);
            }
        }
        if all.is_empty() {
            return Heard::fault(format!("the request does not say “{query}”; search for its own words"));
        }
        Heard::args(json!({ "query": all.join(" ") }))
    }

    /// The model's words in place of all that the rules had left of this turn.
    fn adopt_query(&mut self, query: &str) {
        let (turn, reading) = (self.turn, &mut *self.reading);
        reading.constraints.queries.retain(|a| a.turn != turn || !a.holds());
        reading.understood.retain(|u| u.meaning != SEARCHED);
        reading.constraints.queries.push(Asked::new(query.to_owned(), query, turn, false));
        reading.understood.push(Understood {
            text: query.to_owned(),
            predicate: None,
            meaning: SEARCHED.to_owned(),
            hard: false,
        });
    }

    /// Items that are named by their place or title; an id is no name.
    fn items(&mut self, at: &str, args: &Map<String, Json>, liked: bool) -> Heard {
        let names: Vec<String> = match args.get(at) {
            Some(Json::String(one)) => vec![one.clone()],
            Some(Json::Array(several)) => {
                several.iter().filter_map(Json::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        if names.is_empty() {
            return Heard::fault(format!("`{at}` is empty; name items as #1 or by an exact title"));
        }
        let mut heard = Heard { what: None, faults: Vec::new() };
        let mut ids = Vec::new();
        for name in names {
            match self.item(name.trim()) {
                Ok((id, title)) => {
                    if liked {
                        self.adopt_like(&id, &name, &title);
                    }
                    if !ids.contains(&id) {
                        ids.push(id);
                    }
                }
                Err(Objection::Fault(why)) => heard.faults.push(why),
                Err(Objection::Refused(why)) => self.refuse(format!("{name}: {why}")),
            }
        }
        heard.what = (!ids.is_empty()).then_some(What::Items(ids));
        heard
    }

    /// The id and the title of an item.
    fn item(&self, name: &str) -> Result<(String, String), Objection> {
        let Ground { snapshot, shown, .. } = self.ground;
        let catalog = snapshot.catalog();
        if let Some(place) = name.strip_prefix('#').and_then(|n| n.trim().parse::<usize>().ok()) {
            let item = place.checked_sub(1).and_then(|i| shown.get(i));
            return match item {
                Some(item) => self.allowed(item.id.clone(), item.title.clone()),
                None => Err(Objection::Fault(match shown.len() {
                    0 => format!("`{name}` is not shown; nothing is shown yet"),
                    n => format!("`{name}` is not shown; there are #1 to #{n}"),
                })),
            };
        }
        if let Some((name, id)) = self.seen.iter().find(|(seen, _)| seen == name) {
            return self.allowed(id.clone(), name.clone());
        }
        if let Some(item) = shown.iter().find(|item| fold(&item.title) == fold(name)) {
            return self.allowed(item.id.clone(), item.title.clone());
        }
        if !is_from(name, self.request) {
            return Err(Objection::Refused("the request does not name it".to_owned()));
        }
        let found = rules::titled_items(snapshot, name).unwrap_or_default();
        if let Some(row) = found.first() {
            return self.allowed(row.id(catalog).to_owned(), row.title(catalog).to_owned());
        }
        let title = catalog.title_field().and_then(|f| catalog.field_index(&f.name));
        let near = snapshot.lexicon_nearest(name, title, NEAREST).unwrap_or_default();
        let near: Vec<_> = near.iter().map(|(e, _)| format!("“{}”", e.value)).collect();
        Err(Objection::Fault(format!("no title is “{name}”; nearest: {}", near.join(", "))))
    }

    fn allowed(&self, id: String, title: String) -> Result<(String, String), Objection> {
        if holding(&self.reading.constraints.dislikes).any(|d| d.what == id) {
            return Err(Objection::Refused("it must not come back".to_owned()));
        }
        Ok((id, title))
    }

    fn adopt_like(&mut self, id: &str, name: &str, title: &str) {
        if holding(&self.reading.constraints.likes).any(|l| l.what == id) {
            return;
        }
        self.reading.constraints.likes.push(Asked::new(id.to_owned(), name, self.turn, false));
        self.reading.understood.push(Understood {
            text: name.to_owned(),
            predicate: None,
            meaning: format!("like {title} (read by the model)"),
            hard: false,
        });
    }

    /// A call whose arguments are the tool's own: the tool says whether they are right.
    fn own_arguments(&self, spec: &ToolSpec, args: &Map<String, Json>) -> Heard {
        let given = args.iter().filter(|(name, value)| !value.is_null() && *name != "within" && *name != "k");
        let args: Map<_, _> = given.map(|(name, value)| (name.clone(), value.clone())).collect();
        let (named, others) = split_sets(spec, &args);
        if !named.is_empty() {
            return Heard { what: Some(What::Sets(named, others)), faults: Vec::new() };
        }
        let step = Step { id: "s1".to_owned(), tool: spec.name.clone(), args: others, within: None };
        match (self.ground.check)(&step) {
            // Only what the model can put right is its fault.
            Err(e) if matches!(e.kind, ErrorKind::InvalidArguments | ErrorKind::NotFound) => {
                Heard::fault(feedback(&e))
            }
            _ => Heard::args(step.args),
        }
    }
}

impl Heard {
    fn args(args: Json) -> Self {
        Self { what: Some(What::Args(args)), faults: Vec::new() }
    }

    fn fault(text: impl Into<String>) -> Self {
        Self { what: None, faults: vec![text.into()] }
    }
}

fn sets(spec: &ToolSpec, args: &Map<String, Json>) -> Heard {
    let given = args.iter().filter(|(name, value)| !value.is_null() && *name != "within");
    let given: Map<_, _> = given.map(|(name, value)| (name.clone(), value.clone())).collect();
    let (named, others) = split_sets(spec, &given);
    Heard { what: Some(What::Sets(named, others)), faults: Vec::new() }
}

/// The steps and sets that these arguments name, and the arguments that are left.
fn split_sets(spec: &ToolSpec, args: &Map<String, Json>) -> (Vec<String>, Json) {
    let is_set = |name: &String| spec.set_args.contains(name);
    let named = args.iter().filter(|(name, _)| is_set(name)).flat_map(|(_, v)| crate::plan::names_in(v));
    let named = named.map(str::to_owned).collect();
    let others: Map<_, _> =
        args.iter().filter(|(name, _)| !is_set(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
    (named, Json::Object(others))
}

/// A condition as it is written, with numbers and ranges where texts are wanted.
fn proposal(json: &Json) -> Option<Proposal> {
    let text = |value: &Json| match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        _ => None,
    };
    let part = |name: &str| json.get(name).and_then(text);
    let range = json.get("value").and_then(Json::as_array);
    let bound = |i: usize| range.and_then(|r| r.get(i)).and_then(text);
    Some(Proposal {
        words: part("words").unwrap_or_default(),
        field: part("field")?,
        is: part("is").unwrap_or_else(|| "=".to_owned()),
        value: part("value").or_else(|| bound(0))?,
        to: part("to").or_else(|| bound(1)).unwrap_or_default(),
    })
}

/// An error as a model is told it: what is wrong, and what would be right, with how many items have it.
pub(super) fn feedback(error: &ToolError) -> String {
    let shown = ToolError { message: error.feedback.clone(), ..error.clone() };
    shown.to_string()
}

fn with_nearest(error: &PredicateError) -> String {
    let message = error.message.clone();
    ToolError::invalid("value", message).with_nearest(error.nearest.clone()).to_string()
}

/// The names nearest to one that is not there.
pub(super) fn nearest<'a>(name: &str, all: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<_> = all.map(|known| (known, strsim::jaro_winkler(known, name))).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.into_iter().map(|(known, _)| known).take(NEAREST).map(|known| format!("`{known}`")).collect()
}
