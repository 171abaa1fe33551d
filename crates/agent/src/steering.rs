//! The last word on the order of an answer: the owner's rules, as far as they hold on the day and for the request.
//!
//! Items that a rule leaves out are in no pool to begin with: a turn is done over a snapshot without them. Boost and bury
//! multiply an item's share of the best score; a pin puts it in its place. None of them brings in an item that violates a
//! hard condition, and where the user asked for an order, that order stays.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use segue_catalog::steering::{Alternative, Effect, Occasion, Rule};
use segue_catalog::text::{fold, words};
use segue_catalog::{
    CallRecord, CandidateSet, Handle, Ordinal, Predicate, Scored, Snapshot, StoreError, Value,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::agent::Agent;
use crate::evidence::ItemEvidence;
use crate::rules::{holding, plural};
use crate::{CallAnswer, Constraints, ToolRole, ToolSpec, Understood};

/// The name of the contribution of rules.
const STEERING: &str = "steering";

/// So many items are ranked for rules to choose from, where a plan would cut to those that are shown.
pub(crate) const DEPTH: usize = 100;

/// The constant of reciprocal ranks (Cormack, Clarke and Büttcher, 2009).
const K: f64 = 60.0;

/// What a rule did to an item of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Steered {
    /// The rule.
    pub rule: String,
    /// What it does, with its factor or place.
    #[serde(flatten)]
    pub effect: Effect,
    /// The owner's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// The last day on which the rule holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The place that the searches gave the item, from 1; `None` if none found it.
    pub from_rank: Option<u32>,
}

impl std::fmt::Display for Steered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.rule, self.effect)?;
        if let Some(because) = &self.because {
            write!(f, ", because {because}")?;
        }
        if let Some(until) = &self.until {
            write!(f, ", until {until}")?;
        }
        match self.from_rank {
            Some(rank) => write!(f, ", no. {rank} without it"),
            None => f.write_str(", found by no search"),
        }
    }
}

/// What steering did to a turn.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SteeringReport {
    /// How many items each rule left out of the catalogue.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<Excluded>,
    /// The rules that lifted, lowered or placed items, and how many of those that were ranked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranked: Vec<Touched>,
    /// Rules that would have, had the user not asked for an order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stood_aside: Vec<String>,
    /// Other words that were searched for or read: “telly” as “television” (synonyms.txt line 3).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
}

/// Items that a rule left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// The rule.
    pub rule: String,
    /// How many items.
    pub items: u64,
    /// The owner's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// The last day on which the rule holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// Items that a rule lifted, lowered or placed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Touched {
    /// The rule.
    pub rule: String,
    /// What it does.
    #[serde(flatten)]
    pub effect: Effect,
    /// How many items.
    pub items: u64,
}

impl SteeringReport {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The day and the words for which an agent's rules hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moment {
    today: String,
    request: Option<String>,
}

impl Moment {
    fn occasion<'a>(&'a self, conditions: &'a [&'a Predicate]) -> Occasion<'a> {
        Occasion { today: &self.today, request: self.request.as_deref(), conditions }
    }
}

/// The order of an answer after the rules.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// The set, in its new order.
    pub(crate) set: Option<Arc<CandidateSet>>,
    /// What was done to which item.
    pub(crate) items: BTreeMap<Ordinal, Vec<Steered>>,
    pub(crate) report: SteeringReport,
}

impl Order {
    /// True if the items do not come as the searches ranked them.
    pub(crate) fn is_changed(&self) -> bool {
        !self.items.is_empty()
    }
}

fn hard(constraints: &Constraints) -> Vec<&Predicate> {
    holding(&constraints.conditions).filter(|c| c.hard).map(|c| &c.what).collect()
}

impl Agent {
    /// The agent as it is on a day (ISO 8601) and for a request: without the items that the owner's rules leave out then.
    pub(crate) fn on(&self, today: &str, request: Option<&str>) -> Result<Cow<'_, Self>, StoreError> {
        if self.snapshot.steering().rules.is_empty() {
            return Ok(Cow::Borrowed(self));
        }
        let moment = Moment { today: today.to_owned(), request: request.map(str::to_owned) };
        self.at(moment, &[])
    }

    /// The same where conditions of the request have become known; `None` if nothing else is left out for them.
    pub(crate) fn given(&self, constraints: &Constraints) -> Result<Option<Self>, StoreError> {
        if !self.snapshot.steering().excludes_by_condition() {
            return Ok(None);
        }
        let agent = self.at(self.moment.clone(), &hard(constraints))?;
        Ok((agent.snapshot.left_out() != self.snapshot.left_out()).then(|| agent.into_owned()))
    }

    fn at(&self, moment: Moment, conditions: &[&Predicate]) -> Result<Cow<'_, Self>, StoreError> {
        let items = self.snapshot.steering().excluded(&moment.occasion(conditions));
        let snapshot = self.snapshot.without(&items)?;
        Ok(Cow::Owned(Self { snapshot, moment, ..self.clone() }))
    }

    fn in_force<'a>(&'a self, conditions: &[&Predicate]) -> Vec<&'a Rule> {
        let occasion = self.moment.occasion(conditions);
        self.snapshot.steering().rules.iter().filter(|rule| rule.holds(&occasion)).collect()
    }

    /// True if rules are to choose from more items than are shown.
    pub(crate) fn reorders(&self, constraints: &Constraints) -> bool {
        let asked = holding(&constraints.orders).next().is_some();
        !asked && self.in_force(&hard(constraints)).iter().any(|rule| rule.effect != Effect::Exclude)
    }

    /// The items as the rules want them, and what they did.
    pub(crate) fn order(
        &self,
        set: Option<Arc<CandidateSet>>,
        constraints: &Constraints,
    ) -> Result<Order, StoreError> {
        let conditions = hard(constraints);
        let rules = self.in_force(&conditions);
        let mut report = SteeringReport::default();
        for rule in rules.iter().filter(|r| r.effect == Effect::Exclude) {
            let (items, because, until) = (rule.items.len(), rule.because.clone(), rule.until.clone());
            report.excluded.push(Excluded { rule: rule.name.clone(), items, because, until });
        }
        let mut order = Order { set, items: BTreeMap::new(), report };
        let Some(set) = &order.set else { return Ok(order) };
        // A condition that a model found later may be one for which items are left out.
        let late = self.snapshot.steering().excluded(&self.moment.occasion(&conditions));
        let set = set.without(&late).map_or_else(|| set.clone(), Arc::new);
        order.set = Some(set.clone());
        let ranking: Vec<&Rule> = rules.into_iter().filter(|r| r.effect != Effect::Exclude).collect();
        if ranking.is_empty() || set.is_empty() {
            return Ok(order);
        }
        if holding(&constraints.orders).next().is_some() {
            order.report.stood_aside = ranking.iter().map(|rule| rule.name.clone()).collect();
            return Ok(order);
        }
        let names: Vec<_> = ranking.iter().map(|rule| rule.name.as_str()).collect();
        let mut steerer = Steerer {
            set: &set,
            items: &mut order.items,
            touched: &mut order.report.ranked,
            list: shares(&set),
        };
        steerer.multiply(&ranking);
        let mut pins = Vec::new();
        for rule in &ranking {
            if let Effect::Pin { at } = rule.effect {
                let items = fitting(rule, &self.snapshot, constraints)?;
                pins.extend(items.into_iter().zip(at..).map(|(item, at)| Pin { item, at, rule }));
            }
        }
        steerer.pin(pins);
        let list = steerer.list;
        if order.is_changed() {
            let (step, tool) = (STEERING.to_owned(), STEERING.to_owned());
            let call = CallRecord { step, tool, args: json!({ "rules": names }) };
            let handle = Handle(STEERING.to_owned());
            order.set = Some(Arc::new(CandidateSet::ordered(handle, call, list, vec![set.clone()])));
        }
        Ok(order)
    }
}

/// The items of a pin that are there and that nothing in the request forbids.
fn fitting(rule: &Rule, snapshot: &Snapshot, constraints: &Constraints) -> Result<Vec<Ordinal>, StoreError> {
    let catalog = snapshot.catalog();
    let first: Vec<Ordinal> = rule.order.iter().take(DEPTH).copied().collect();
    let rows = snapshot.rows(&first)?;
    let fits = |row: &segue_catalog::Row| {
        let id = row.id(catalog);
        let item = ItemEvidence::examine(row.clone(), Vec::new(), constraints, catalog);
        item.violated.is_empty() && !holding(&constraints.likes).any(|liked| liked.what == id)
    };
    Ok(rows.iter().filter(|row| fits(row)).map(|row| row.ordinal).collect())
}

/// Each item's share of the best score: the score itself where scores order the set, the reciprocal rank where a tool has
/// ordered it for a reason of its own, 1 for all where nothing ranks.
fn shares(set: &CandidateSet) -> Vec<Scored> {
    let items = set.items();
    let best = items.first().map_or(0.0, |s| s.score);
    let descending = items.windows(2).all(|pair| matches!(pair, [a, b] if a.score >= b.score));
    let by_score = descending && best > 0.0 && best.is_finite();
    let share = |(rank, s): (u32, &Scored)| match (set.is_ranked(), by_score) {
        (false, _) => 1.0,
        (true, true) => s.score.max(0.0) / best,
        (true, false) => (K + 1.0) / (K + f64::from(rank)),
    };
    (1..).zip(items).map(|pair| Scored { item: pair.1.item, score: share(pair) }).collect()
}

/// An item and the place that a rule gives it, from 1.
struct Pin<'a> {
    item: Ordinal,
    at: usize,
    rule: &'a Rule,
}

struct Steerer<'a> {
    set: &'a CandidateSet,
    items: &'a mut BTreeMap<Ordinal, Vec<Steered>>,
    touched: &'a mut Vec<Touched>,
    list: Vec<Scored>,
}

impl Steerer<'_> {
    /// Boosts and buries; ties keep the order that they had.
    fn multiply(&mut self, rules: &[&Rule]) {
        for rule in rules {
            let (Effect::Boost { by } | Effect::Bury { by }) = rule.effect else { continue };
            let mut count = 0;
            for scored in self.list.iter_mut().filter(|s| rule.items.contains(s.item)) {
                scored.score *= by;
                count += 1;
                let steered = steered(rule, self.set.rank(scored.item));
                self.items.entry(scored.item).or_default().push(steered);
            }
            self.count(rule, count);
        }
        self.list.sort_by(|a, b| b.score.total_cmp(&a.score));
    }

    /// Puts items in their places, the first places first, so that none moves another. Of pins of one item the first
    /// counts, and of several in one place the later ones go behind.
    fn pin(&mut self, mut pins: Vec<Pin<'_>>) {
        pins.sort_by_key(|pin| pin.at);
        let mut seen = BTreeSet::new();
        pins.retain(|pin| seen.insert(pin.item));
        let (pinned, others): (Vec<_>, Vec<_>) =
            self.list.iter().copied().partition(|s| seen.contains(&s.item));
        self.list = others;
        let mut free = 0;
        for Pin { item, at, rule } in pins {
            let place = at.saturating_sub(1).max(free);
            free = place + 1;
            let score = pinned.iter().find(|s| s.item == item).map(|s| s.score).unwrap_or_default();
            self.list.insert(place.min(self.list.len()), Scored { item, score });
            let steered = steered(rule, self.set.rank(item));
            self.items.entry(item).or_default().push(steered);
            self.count(rule, 1);
        }
    }

    fn count(&mut self, rule: &Rule, items: u64) {
        match self.touched.iter_mut().find(|touched| touched.rule == rule.name) {
            Some(touched) => touched.items += items,
            None if items > 0 => {
                self.touched.push(Touched { rule: rule.name.clone(), effect: rule.effect, items });
            }
            None => {}
        }
    }
}

fn steered(rule: &Rule, from_rank: Option<u32>) -> Steered {
    Steered {
        rule: rule.name.clone(),
        effect: rule.effect,
        because: rule.because.clone(),
        until: rule.until.clone(),
        from_rank,
    }
}

/// The other words that searches looked for and that conditions were read from.
pub(crate) fn synonyms_used(
    snapshot: &Snapshot,
    specs: &[ToolSpec],
    calls: &[CallAnswer],
    understood: &[Understood],
) -> Vec<String> {
    let synonyms = &snapshot.steering().synonyms;
    let mut used: Vec<String> = Vec::new();
    let mut note = |alternative: &Alternative| {
        let told = alternative.to_string();
        if !used.contains(&told) {
            used.push(told);
        }
    };
    for one in understood {
        let said = format!(" {} ", words(&one.text).collect::<Vec<_>>().join(" "));
        let says = |word: &str| {
            let phrase = |form: &str| format!(" {} ", words(form).collect::<Vec<_>>().join(" "));
            said.contains(&phrase(word)) || said.contains(&phrase(&plural(word)))
        };
        let conditions = one.predicate.iter().flat_map(|p| p.conditions());
        let values: Vec<String> =
            conditions.flat_map(|c| c.value.each()).filter_map(Value::as_str).map(fold).collect();
        for line in &synonyms.lines {
            for means in line.to.iter().filter(|to| values.contains(&fold(to))) {
                for word in line.from.iter().filter(|word| *word != means && says(word)) {
                    let (word, means) = (word.clone(), means.clone());
                    note(&Alternative { at: 0, length: 1, word, means, line: line.line });
                }
            }
        }
    }
    let lexical =
        |call: &&CallAnswer| specs.iter().any(|s| s.name == call.tool && s.role == ToolRole::Lexical);
    for call in calls.iter().filter(lexical) {
        let query = call.args.get("query").and_then(|q| q.as_str()).unwrap_or_default();
        synonyms.of_query(query).iter().for_each(&mut note);
    }
    used
}
