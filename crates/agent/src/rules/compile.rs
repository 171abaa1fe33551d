//! From a reading to a plan. Tools are chosen by their role, so that a plugin with the same role can take a
//! built-in tool's place, and a workspace without one of them still gets the best plan that is left.

use segue_catalog::{Catalog, Direction, Operator, Predicate, Role, Value};
use serde_json::{Value as Json, json};

use crate::{Asked, Constraints, Intent, OrderBy, Plan, Reading, Step, ToolRole, ToolSpec};

/// How many items a plan asks for when the user did not say.
pub const DEFAULT_COUNT: usize = 10;

/// The plan for a reading.
///
/// Hard conditions filter first and everything else happens within what they leave. The words of a query are searched
/// by letters and by meaning side by side, likeness beside them; their ranks are fused, and wishes that are not hard
/// join the fusion as sets of their own. An order that was asked for ranks alone; where nothing ranks, the field of
/// quality does. Only the last ranking step cuts.
pub fn plan(reading: &Reading, catalog: &Catalog, specs: &[ToolSpec]) -> Plan {
    let mut compiler = Compiler { catalog, specs, steps: Vec::new() };
    match &reading.intent {
        Intent::Search => {
            let pool = compiler.filter(&reading.constraints, /*even_if_all*/ false);
            compiler.rank(&reading.constraints, pool.as_deref());
        }
        Intent::Count => {
            compiler.filter(&reading.constraints, /*even_if_all*/ true);
        }
        // Nothing can be looked up of what is not known.
        Intent::Describe(ids) if ids.is_empty() => {}
        Intent::Describe(ids) => {
            compiler.step(ToolRole::LookUp, json!({ "items": ids }), None);
        }
        Intent::Why(_) | Intent::Reset => {}
    }
    Plan { steps: compiler.steps }
}

/// The steps of a plan as they are put together.
pub(crate) struct Compiler<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) specs: &'a [ToolSpec],
    pub(crate) steps: Vec<Step>,
}

impl Compiler<'_> {
    /// Ranks the pool, or everything, by what was asked for.
    pub(crate) fn rank(&mut self, constraints: &Constraints, pool: Option<&str>) {
        let order = holding(&constraints.orders).last().map(|a| a.what.clone());
        let query: Vec<_> = holding(&constraints.queries).map(|a| a.what.as_str()).collect();
        let query = query.join(" ");
        let likes: Vec<_> = holding(&constraints.likes).map(|a| a.what.as_str()).collect();
        let by_quality =
            order.as_ref().is_some_and(|o| Some(&o.field) == self.catalog.quality_field().map(|f| &f.name));

        let mut sets = Vec::new();
        let mut free = false;
        if !query.is_empty() {
            let lexical = self.step(ToolRole::Lexical, json!({ "query": query }), pool);
            if let (Some(order), Some(lexical), false) = (&order, &lexical, by_quality) {
                // "the newest ones about X" is an order of those about X, not a blend of newness and aboutness.
                let ordered = self.step(ToolRole::Order, order_args(order), Some(lexical));
                self.cut(ordered.as_deref(), constraints);
                return;
            }
            sets.extend(lexical);
            sets.extend(self.step(ToolRole::Dense, json!({ "query": query }), pool));
            free = true;
        }
        if !likes.is_empty() {
            let similar = self.step(ToolRole::Similar, json!({ "like": likes }), pool);
            free |= similar.is_some();
            sets.extend(similar);
        }
        if let Some(order) = order.or_else(|| self.order_of_quality().filter(|_| sets.is_empty())) {
            free = false;
            sets.extend(self.step(ToolRole::Order, order_args(&order), pool));
        }
        let is_ranked = !sets.is_empty();
        for wish in holding(&constraints.conditions).filter(|c| !c.hard) {
            // Where wishes alone rank, what has none of them still is an answer.
            if !is_ranked && sets.is_empty() {
                sets.extend(
                    pool.map(str::to_owned).or_else(|| self.filter(constraints, /*even_if_all*/ true)),
                );
            }
            sets.extend(self.step(ToolRole::Filter, json!({ "where": wish.what }), pool));
        }
        let ranked = match sets.as_slice() {
            [] => pool.map(str::to_owned).or_else(|| self.filter(constraints, /*even_if_all*/ true)),
            [one] => Some(one.clone()),
            several => self.step(ToolRole::Fuse, json!({ "sets": several }), None),
        };
        // Neighbours that differ are worth having only where no order was asked for.
        let last = match (&ranked, free) {
            (Some(set), true) => self.step(ToolRole::Diversify, json!({}), Some(set)).or(ranked),
            _ => ranked,
        };
        self.cut(last.as_deref(), constraints);
    }

    /// The filter of all hard conditions and of the items that must not come back; none if there is nothing to filter.
    pub(crate) fn filter(&mut self, constraints: &Constraints, even_if_all: bool) -> Option<String> {
        let Predicate::All { mut all } = constraints.hard() else { return None };
        let excluded = holding(&constraints.dislikes).chain(holding(&constraints.likes));
        let excluded: Vec<_> = excluded.map(|a| Value::from(a.what.as_str())).collect();
        if let (Some(id), false) = (self.catalog.with_role(Role::Id), excluded.is_empty()) {
            all.push(Predicate::field(&id.name, Operator::In, Value::List(excluded)).negate());
        }
        if all.is_empty() && !even_if_all {
            return None;
        }
        let only = if all.len() == 1 { all.pop() } else { None };
        let predicate = only.unwrap_or(Predicate::All { all });
        self.step(ToolRole::Filter, json!({ "where": predicate }), None)
    }

    fn order_of_quality(&self) -> Option<OrderBy> {
        let field = self.catalog.quality_field()?;
        Some(OrderBy { field: field.name.clone(), direction: Direction::Descending })
    }

    /// Adds a step and returns its name; `None` if no tool has the role.
    pub(crate) fn step(&mut self, role: ToolRole, args: Json, within: Option<&str>) -> Option<String> {
        let spec = self.specs.iter().find(|s| s.role == role)?;
        Some(self.call(&spec.name, args, within))
    }

    /// Adds a call of this tool and returns the name of its step.
    pub(crate) fn call(&mut self, tool: &str, args: Json, within: Option<&str>) -> String {
        let id = format!("s{}", self.steps.len() + 1);
        let (tool, within) = (tool.to_owned(), within.map(str::to_owned));
        self.steps.push(Step { id: id.clone(), tool, args, within });
        id
    }

    /// Gives a step the number of items to keep, if its tool takes one.
    pub(crate) fn cut(&mut self, step: Option<&str>, constraints: &Constraints) {
        let Some(step) = self.steps.iter_mut().find(|s| Some(s.id.as_str()) == step) else { return };
        let takes_k = self.specs.iter().find(|s| s.name == step.tool).is_some_and(|spec| {
            spec.role != ToolRole::Filter && spec.schema.pointer("/properties/k").is_some()
        });
        if let (true, Json::Object(args)) = (takes_k, &mut step.args) {
            args.insert("k".to_owned(), json!(constraints.count.unwrap_or(DEFAULT_COUNT)));
        }
    }
}

pub(crate) fn holding<T>(asked: &[Asked<T>]) -> impl DoubleEndedIterator<Item = &Asked<T>> {
    asked.iter().filter(|a| a.holds())
}

pub(crate) fn order_args(order: &OrderBy) -> Json {
    json!({ "by": order.field, "direction": order.direction })
}
