//! What a `settings` block says, in TOML: how the turns of a scenario are done.

use std::time::Duration;

use segue_agent::{Budget, PlannerKind, TurnOptions};
use segue_models::Prices;
use segue_world::Timestamp;
use serde::Deserialize;

use super::document::{Block, Wrong};
use super::parse::moment;

/// How the turns of a scenario are done.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Settings {
    pub(super) planner: Option<PlannerKind>,
    /// True if a model words the answers.
    pub(super) writer: bool,
    /// How many items to show.
    pub(super) k: Option<usize>,
    pub(super) user: Option<String>,
    /// The date of every turn that does not say its own.
    pub(super) now: Option<Timestamp>,
    /// Tools that are not there.
    pub(super) without: Vec<String>,
    pub(super) budget: Limits,
    /// What a million tokens cost, read and written.
    pub(super) prices: Option<Prices>,
    /// True if the model tells log-probabilities.
    pub(super) logprobs: bool,
}

/// What a turn may use.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    calls: Option<u32>,
    seconds: Option<f64>,
    tokens: Option<u64>,
    cost: Option<f64>,
    repairs: Option<u32>,
}

/// Money for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceKeys {
    input: f64,
    output: f64,
}

/// The keys as they are written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    planner: Option<PlannerKind>,
    writer: Option<bool>,
    k: Option<usize>,
    user: Option<String>,
    now: Option<toml::Spanned<String>>,
    without: Option<Vec<String>>,
    budget: Option<Limits>,
    prices: Option<PriceKeys>,
    logprobs: Option<bool>,
}

impl Settings {
    /// Reads a block; what it does not say stays as it is.
    pub(super) fn parse(block: &Block, before: &Self) -> Result<Self, Wrong> {
        let place = |offset: usize| {
            let until = block.text.get(..offset).unwrap_or_default();
            let column = until.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            (block.first_line() + until.matches('\n').count(), column)
        };
        let keys: Keys = toml::from_str(&block.text).map_err(|e| {
            let (line, column) = place(e.span().map_or(0, |s| s.start));
            Wrong::at(line, column, e.message().to_owned())
        })?;
        let now = keys.now.map(|now| {
            let (line, column) = place(now.span().start);
            moment(now.get_ref()).map_err(|m| Wrong::at(line, column, m))
        });
        Ok(Self {
            planner: keys.planner.or(before.planner),
            writer: keys.writer.unwrap_or(before.writer),
            k: keys.k.or(before.k),
            user: keys.user.or_else(|| before.user.clone()),
            now: now.transpose()?.or(before.now),
            without: keys.without.unwrap_or_else(|| before.without.clone()),
            budget: keys.budget.unwrap_or_else(|| before.budget.clone()),
            prices: keys.prices.map(|p| Prices { input: p.input, output: p.output }).or(before.prices),
            logprobs: keys.logprobs.unwrap_or(before.logprobs),
        })
    }

    pub(super) fn asks_a_model(&self) -> bool {
        self.writer || self.planner.is_some_and(|p| p != PlannerKind::Rules)
    }

    /// The options of a turn.
    pub(super) fn options(&self) -> TurnOptions {
        let usual = Budget::default();
        let seconds = self.budget.seconds.and_then(|s| Duration::try_from_secs_f64(s).ok());
        TurnOptions {
            planner: self.planner.unwrap_or_default(),
            user: self.user.clone(),
            k: self.k,
            budget: Budget {
                calls: self.budget.calls.unwrap_or(usual.calls),
                time: seconds.unwrap_or(usual.time),
                tokens: self.budget.tokens,
                cost: self.budget.cost,
                repairs: self.budget.repairs.unwrap_or(usual.repairs),
            },
            ..TurnOptions::default()
        }
    }

    /// The block that says this, without its fences; empty if it says nothing but what is usual.
    pub(super) fn written(options: &TurnOptions, writer: bool, logprobs: bool, without: &[String]) -> String {
        let mut lines = Vec::new();
        if options.planner != PlannerKind::Rules {
            lines.push(format!("planner = \"{}\"", options.planner.name()));
        }
        if writer {
            lines.push("writer = true".to_owned());
        }
        if logprobs {
            lines.push("logprobs = true".to_owned());
        }
        lines.extend(options.k.map(|k| format!("k = {k}")));
        lines.extend(options.user.as_ref().map(|u| format!("user = {}", toml::Value::from(u.as_str()))));
        if !without.is_empty() {
            lines.push(format!("without = {}", toml::Value::from(without.to_vec())));
        }
        let (usual, budget) = (Budget::default(), &options.budget);
        let mut limits = Vec::new();
        if budget.calls != usual.calls {
            limits.push(format!("calls = {}", budget.calls));
        }
        if budget.time != usual.time {
            limits.push(format!("seconds = {:?}", budget.time.as_secs_f64()));
        }
        limits.extend(budget.tokens.map(|n| format!("tokens = {n}")));
        limits.extend(budget.cost.map(|n| format!("cost = {n:?}")));
        if budget.repairs != usual.repairs {
            limits.push(format!("repairs = {}", budget.repairs));
        }
        if !limits.is_empty() {
            lines.push(format!("budget = {{ {} }}", limits.join(", ")));
        }
        lines.join("\n")
    }
}
