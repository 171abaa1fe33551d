//! What a turn was worth: its conditions, tools and items against the gold, and what it says against the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use segue_agent::{Asked, Constraints, Plan, Session, ToolRole, ToolSpec, TurnReport};
use segue_catalog::{Operator, Ordinal, Predicate, Row, StoreError, resolve};
use segue_retrieval::Engine;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::Measure;
use crate::metrics::claims::{claim_support, hallucinated_items, named_titles};
use crate::metrics::constraints::{earlier_violation, satisfaction};
use crate::metrics::planning::{
    arguments, order_exact, order_tau, plan_validity, tool_set, unasked_arguments,
};
use crate::suite::CaseError;

/// What can be measured of a turn.
pub(super) const METRICS: [&str; 15] = [
    "plan_validity",
    "first_arguments",
    "final_arguments",
    "unasked_arguments",
    "tool_precision",
    "tool_recall",
    "tool_f1",
    "order_tau",
    "order_exact",
    "references",
    "plan_exact",
    "constraint_satisfaction",
    "earlier_violation",
    "claim_support",
    "hallucinated_items",
];

/// A conversation with gold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Talk {
    pub(super) turns: Vec<Gold>,
}

/// A turn, and what should come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gold {
    /// What the user says.
    pub(super) request: String,
    /// Every hard condition that holds after it.
    #[serde(rename = "gold")]
    conditions: Vec<Predicate>,
    /// The order asked for.
    #[serde(default)]
    order: Option<Json>,
    /// The items referred to, by id.
    #[serde(default)]
    like: Vec<String>,
    /// What only words can find.
    #[serde(default)]
    query: Option<String>,
}

/// What a turn was worth.
#[derive(Debug)]
pub(super) struct Judged {
    /// By the names of [`METRICS`].
    pub(super) measures: BTreeMap<&'static str, Measure>,
    /// Conditions asked for that do not hold, and those that nobody asked for.
    pub(super) missed: Vec<String>,
    pub(super) unasked: Vec<String>,
    /// Kinds of tools.
    pub(super) expected: Vec<&'static str>,
    pub(super) called: Vec<&'static str>,
}

/// Judges turns by a catalogue.
#[derive(Debug)]
pub(super) struct Judge {
    engine: Engine,
    titles: Vec<String>,
}

impl Judge {
    pub(super) fn new(engine: Engine) -> Result<Self, StoreError> {
        let catalog = engine.snapshot().catalog();
        let all: Vec<Ordinal> = (0..Ordinal::try_from(catalog.items).unwrap_or(Ordinal::MAX)).collect();
        let mut titles = Vec::with_capacity(all.len());
        for some in all.chunks(1024) {
            let rows = engine.snapshot().rows(some)?;
            titles.extend(rows.iter().map(|row| row.title(catalog).to_owned()));
        }
        Ok(Self { engine, titles })
    }

    /// An error if the gold speaks of what the catalogue does not have.
    pub(super) fn fits(&self, gold: &Gold) -> Result<(), String> {
        let snapshot = self.engine.snapshot();
        for predicate in &gold.conditions {
            resolve(predicate, snapshot).map_err(|e| format!("`{predicate}` does not fit: {e}"))?;
        }
        for id in &gold.like {
            let found = snapshot.ordinal(id).map_err(|e| e.to_string())?;
            found.ok_or_else(|| format!("`like`: there is no item `{id}`"))?;
        }
        Ok(())
    }

    /// Judges a turn by its gold and that of the turns before; `known` are the sets that there were before it.
    pub(super) fn turn(
        &self,
        (earlier, gold): (&[Gold], &Gold),
        session: &Session,
        report: &TurnReport,
        (specs, known): (&[ToolSpec], &[String]),
    ) -> Result<Judged, CaseError> {
        let snapshot = self.engine.snapshot();
        let catalog = snapshot.catalog();
        let asked: Vec<Predicate> = gold.conditions.iter().flat_map(parts).collect();
        let conditions = session.constraints.conditions.iter().filter(|c| c.hard && c.holds());
        let held = self.in_the_words_of(&asked, conditions.map(|c| c.what.clone()).collect())?;
        let first = match &report.first_plan {
            Some(plan) => self.in_the_words_of(&asked, filters(plan, specs))?,
            None => held.clone(),
        };
        let (expected, called) = kinds(gold, &report.plan, specs);
        let tools = tool_set(&expected, &called);
        let likes: BTreeSet<&str> =
            session.constraints.likes.iter().filter(|l| l.holds()).map(|l| l.what.as_str()).collect();
        let liked = gold.like.iter().filter(|id| likes.contains(id.as_str())).count();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let missed = without(&asked, &held);
        let unasked = without(&held, &asked);
        let is_exact = missed.is_empty()
            && unasked.is_empty()
            && expected.iter().collect::<BTreeSet<_>>() == called.iter().collect()
            && liked == gold.like.len();
        let mut measures = BTreeMap::from([
            ("plan_validity", plan_validity(&report.plan, specs, &known, &report.calls)),
            ("first_arguments", arguments(&asked, &first, Some(catalog))),
            ("final_arguments", arguments(&asked, &held, Some(catalog))),
            ("unasked_arguments", unasked_arguments(&asked, &held, Some(catalog))),
            ("tool_precision", tools.precision),
            ("tool_recall", tools.recall),
            ("tool_f1", tools.f1),
            ("order_tau", order_tau(&expected, &called)),
            ("order_exact", order_exact(&expected, &called)),
            ("references", Measure::share(liked, gold.like.len())),
            ("plan_exact", Measure::share(usize::from(is_exact), 1)),
        ]);
        if let Some(answer) = &report.answer {
            let row = |id: &str| self.row(id);
            let rows: Vec<Row> = answer.items.iter().filter_map(|item| row(&item.id)).collect();
            let conditions: Vec<&Predicate> = gold.conditions.iter().collect();
            measures.insert("constraint_satisfaction", satisfaction(&conditions, &rows, catalog));
            let (asked, turn) = since(earlier, gold);
            measures.insert("earlier_violation", earlier_violation(&asked, turn, &rows, catalog));
            measures.insert("claim_support", claim_support(answer, row, catalog));
            let referred: Vec<Row> = likes.iter().copied().filter_map(row).collect();
            let mut shown: Vec<(&str, &str)> =
                answer.items.iter().map(|item| (item.id.as_str(), item.title.as_str())).collect();
            let items = shown.len();
            shown.extend(referred.iter().map(|row| (row.id(catalog), row.title(catalog))));
            let said: Vec<&str> = earlier.iter().chain([gold]).map(|turn| turn.request.as_str()).collect();
            let said = said.join("\n");
            let lower = said.to_lowercase();
            let titles = self.titles.iter().filter(|title| !lower.contains(&title.to_lowercase()));
            let named = named_titles(&answer.text, &said, titles.map(String::as_str));
            let mut invented = hallucinated_items(&shown, &named, |id| row(id).is_some());
            // What the user referred to may be named; it is not shown.
            invented.weight -= (shown.len() - items) as f64;
            measures.insert("hallucinated_items", invented);
        }
        let worded = |all: Vec<Predicate>| all.iter().map(ToString::to_string).collect();
        Ok(Judged { measures, missed: worded(missed), unasked: worded(unasked), expected, called })
    }

    fn row(&self, id: &str) -> Option<Row> {
        let ordinal = self.engine.snapshot().ordinal(id).ok()??;
        self.engine.snapshot().row(ordinal).ok()?
    }

    /// Conditions one by one; where one on the same field selects the same items as one that was asked for, some and not all, that
    /// one: the two mean the same here.
    fn in_the_words_of(
        &self,
        asked: &[Predicate],
        held: Vec<Predicate>,
    ) -> Result<Vec<Predicate>, CaseError> {
        let selected: Vec<_> = asked.iter().map(|p| self.selects(p)).collect::<Result<_, _>>()?;
        let mut worded: Vec<Predicate> = Vec::new();
        for held in held.iter().flat_map(parts) {
            let items = self.selects(&held)?;
            let telling = items.as_ref().is_some_and(|i| !i.is_empty() && i.len() < self.titles.len());
            let is_same = |(wanted, selects): &(&Predicate, &Option<Vec<Ordinal>>)| {
                telling && **selects == items && fields(wanted) == fields(&held)
            };
            let same = asked.iter().zip(&selected).find(is_same).map(|(wanted, _)| wanted.clone());
            let is_asked = asked.contains(&held);
            let held = same.filter(|_| !is_asked).unwrap_or(held);
            if !worded.contains(&held) {
                worded.push(held);
            }
        }
        Ok(worded)
    }

    fn selects(&self, predicate: &Predicate) -> Result<Option<Vec<Ordinal>>, CaseError> {
        let Ok(resolved) = resolve(predicate, self.engine.snapshot()) else { return Ok(None) };
        Ok(Some(self.engine.filter(&resolved, None).map_err(CaseError::of)?.iter().collect()))
    }
}

fn fields(predicate: &Predicate) -> BTreeSet<&str> {
    match predicate {
        Predicate::All { all } => all.iter().flat_map(fields).collect(),
        Predicate::Any { any } => any.iter().flat_map(fields).collect(),
        Predicate::Not { not } => fields(not),
        Predicate::Field(condition) => BTreeSet::from([condition.field.as_str()]),
    }
}

fn without(all: &[Predicate], those: &[Predicate]) -> Vec<Predicate> {
    all.iter().filter(|p| !those.contains(p)).cloned().collect()
}

/// The conditions of a plan's filters.
fn filters(plan: &Plan, specs: &[ToolSpec]) -> Vec<Predicate> {
    let is_filter = |tool: &str| specs.iter().any(|spec| spec.name == tool && spec.role == ToolRole::Filter);
    let written = plan.steps.iter().filter(|step| is_filter(&step.tool)).filter_map(|s| s.args.get("where"));
    written.filter_map(|p| serde_json::from_value(p.clone()).ok()).collect()
}

/// The kinds of tools that the gold wants, and those of the plan's that it decides on. A filter and an order are a planner's own
/// business where none was asked for: what they keep out shows in the conditions.
fn kinds(gold: &Gold, plan: &Plan, specs: &[ToolSpec]) -> (Vec<&'static str>, Vec<&'static str>) {
    let wanted = [
        ("filter", !gold.conditions.is_empty()),
        ("search", gold.query.is_some()),
        ("similar", !gold.like.is_empty()),
        ("order", gold.order.is_some()),
    ];
    let expected: Vec<_> = wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(kind, _)| kind).collect();
    let mut called = Vec::new();
    for step in &plan.steps {
        let role = specs.iter().find(|spec| spec.name == step.tool).map(|spec| spec.role);
        let kind = match role {
            Some(ToolRole::Filter | ToolRole::Sql) if expected.contains(&"filter") => "filter",
            Some(ToolRole::Order) if expected.contains(&"order") => "order",
            Some(ToolRole::Lexical | ToolRole::Dense) => "search",
            Some(ToolRole::Similar) => "similar",
            _ => continue,
        };
        if !called.contains(&kind) {
            called.push(kind);
        }
    }
    (expected, called)
}

/// What was asked for in earlier turns and still holds, and the number of this turn.
fn since(earlier: &[Gold], gold: &Gold) -> (Constraints, u32) {
    let mut asked = Constraints::default();
    let number = |at: usize| u32::try_from(at + 1).unwrap_or(u32::MAX);
    for (at, turn) in earlier.iter().enumerate() {
        let holding = turn.conditions.iter().filter(|p| gold.conditions.contains(p));
        asked.conditions.extend(holding.map(|p| Asked::new(p.clone(), &turn.request, number(at), true)));
    }
    (asked, number(earlier.len()))
}

/// The conditions that one is made of: "not one of A and B" is "not A" and "not B".
fn parts(predicate: &Predicate) -> Vec<Predicate> {
    match predicate {
        Predicate::All { all } => all.iter().flat_map(parts).collect(),
        Predicate::Not { not } => match &**not {
            Predicate::Any { any } => any.iter().flat_map(|p| parts(&p.clone().negate())).collect(),
            Predicate::Field(c) if c.op == Operator::In => {
                let each = c.value.each();
                each.iter().map(|v| Predicate::field(&c.field, Operator::Eq, v.clone()).negate()).collect()
            }
            _ => vec![predicate.clone()],
        },
        _ => vec![predicate.clone()],
    }
}
