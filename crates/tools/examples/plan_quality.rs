//! How well conversations are planned, by the rules alone and with a model: the figures behind `evals/agent/README.md`.
//!
//! `plan_quality WORKSPACE CONVERSATIONS.jsonl OUT.jsonl [--model NAME] [--planner NAME] [--limit N]` runs every conversation and writes a line
//! a turn to OUT; a run that was cut off goes on where it was. Then it prints the figures with Wilson's 95 % intervals.
//! `--against` names the outcomes of the same conversations without the model. The model is at `OPENAI_BASE_URL`. A conversation is `{"turns": [{"request", "gold": [predicate…], "order", "like", "query"}]}`;
//! `gold` is everything hard that holds after the turn.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use segue_agent::model::Prompts;
use segue_agent::{Agent, PlannerKind, PlanningModel, Session, TurnOptions, TurnReport};
use segue_catalog::{Operator, Predicate, Workspace, resolve};
use segue_models::{Endpoint, EndpointOptions, SentenceEmbedder, SentenceOptions, Shelf};
use segue_retrieval::Engine;
use segue_world::{RealWorld, World, fs};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

#[derive(Deserialize)]
struct Conversation {
    turns: Vec<Turn>,
}

#[derive(Deserialize)]
struct Turn {
    request: String,
    gold: Vec<Predicate>,
    order: Option<Json>,
    #[serde(default)]
    like: Vec<String>,
    query: Option<String>,
}

/// What one turn showed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Outcome {
    conversation: usize,
    turn: usize,
    request: String,
    planner: String,
    /// Gold conditions, and those of them that hold in the plan.
    gold: usize,
    right: usize,
    /// Hard conditions that nobody asked for.
    unasked: Vec<String>,
    missed: Vec<String>,
    tools_right: bool,
    /// Items referred to, found and all.
    likes: (usize, usize),
    whole: bool,
    /// Items shown, and those that violate a hard condition of the plan.
    items: usize,
    wrong: usize,
    model_added: bool,
    refused: Vec<String>,
    fallback: Option<String>,
    model_calls: u32,
    tokens: (u64, u64),
    ms: f64,
}

fn main() -> Result<()> {
    let (mut paths, mut model, mut limit, mut against) = (Vec::new(), None, usize::MAX, None);
    let mut planner = PlannerKind::Route;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--planner" => {
                let name = arguments.next().context("a name is missing")?;
                planner = serde_json::from_value(Json::String(name))?;
            }
            "--model" => model = Some(arguments.next().context("a name is missing")?),
            "--against" => against = Some(PathBuf::from(arguments.next().context("a file is missing")?)),
            "--limit" => limit = arguments.next().context("a number is missing")?.parse()?,
            path => paths.push(PathBuf::from(path)),
        }
    }
    let [workspace, conversations, out] = paths.as_slice() else {
        bail!(
            "usage: plan_quality WORKSPACE CONVERSATIONS.jsonl OUT.jsonl [--model NAME] [--planner NAME] [--limit N] \
             [--against OUT.jsonl]"
        );
    };
    let world: Arc<dyn World> = Arc::new(RealWorld::new());
    let shelf = Shelf::new(world.clone())?;
    let options = SentenceOptions::default();
    let embedder = match SentenceEmbedder::is_there(&shelf, &options) {
        true => Some(Arc::new(SentenceEmbedder::open(&shelf, &options, &mut |_| ())?) as _),
        false => None,
    };
    let engine = Engine::open(&Workspace::at(workspace), embedder)?;
    let tools = segue_tools::builtin(engine.clone());
    let mut agent = Agent::new(world.clone(), engine.snapshot().clone(), tools);
    if let Some(name) = model {
        let address = world.env("OPENAI_BASE_URL").context("OPENAI_BASE_URL is not set")?;
        let model = Arc::new(Endpoint::new(EndpointOptions::new(address, name), world.clone())?);
        agent = agent.with_model(PlanningModel {
            model,
            prompts: Prompts::load(None)?,
            prices: None,
            logprobs: true,
        });
    } else {
        planner = PlannerKind::Rules;
    }
    let mut outcomes: Vec<Outcome> = match fs::exists(out) {
        true => read(out)?,
        false => Vec::new(),
    };
    let done: BTreeSet<usize> = outcomes.iter().map(|o| o.conversation).collect();
    let runtime = tokio::runtime::Runtime::new()?;
    for (c, line) in fs::read_to_string(conversations)?.lines().enumerate().take(limit) {
        if done.contains(&c) {
            continue;
        }
        let conversation: Conversation =
            serde_json::from_str(line).with_context(|| format!("line {}", c + 1))?;
        let mut session = Session::in_memory(world.as_ref());
        for (t, turn) in conversation.turns.iter().enumerate() {
            let options = TurnOptions { planner, ..TurnOptions::default() };
            let report = runtime.block_on(agent.turn(&mut session, &turn.request, options, |_| {}))?;
            outcomes.push(judge(&engine, &session, turn, &report, (c, t))?);
        }
        let lines: Vec<_> = outcomes.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        fs::write_atomic(out, (lines.join("\n") + "\n").as_bytes())?;
    }
    print(&outcomes)?;
    match against {
        Some(file) => print_gain(&outcomes, &read(&file)?),
        None => Ok(()),
    }
}

fn read(file: &Path) -> Result<Vec<Outcome>> {
    Ok(fs::read_to_string(file)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// What the model gained on exactly those turns in which it changed something.
fn print_gain(outcomes: &[Outcome], without: &[Outcome]) -> Result<()> {
    let changed: Vec<_> = outcomes.iter().filter(|o| o.model_added).collect();
    let same = |o: &&Outcome, c: &Outcome| (o.conversation, o.turn) == (c.conversation, c.turn);
    let before: Vec<_> = changed.iter().filter_map(|c| without.iter().find(|o| same(o, c))).collect();
    let whole = |all: &mut dyn Iterator<Item = bool>| all.filter(|whole| *whole).count();
    let mut to = std::io::stdout();
    writeln!(to, "of those that it changed")?;
    writeln!(
        to,
        "  whole with the model   {}",
        share(whole(&mut changed.iter().map(|o| o.whole)), changed.len())
    )?;
    writeln!(
        to,
        "  whole without it       {}",
        share(whole(&mut before.iter().map(|o| o.whole)), before.len())
    )?;
    Ok(())
}

/// The items that a condition selects: two that select the same are the same.
fn selects(engine: &Engine, predicate: &Predicate) -> Result<Option<Vec<u32>>> {
    let Ok(resolved) = resolve(predicate, engine.snapshot()) else { return Ok(None) };
    Ok(Some(engine.filter(&resolved, None)?.iter().collect()))
}

/// The conditions that one is made of: "not one of A and B" is "not A" and "not B".
fn parts(predicate: &Predicate) -> Vec<Predicate> {
    match predicate {
        Predicate::All { all } => all.iter().flat_map(parts).collect(),
        Predicate::Not { not } => match &**not {
            Predicate::Any { any } => {
                any.iter().map(|p| p.clone().negate()).flat_map(|p| parts(&p)).collect()
            }
            Predicate::Field(c) if c.op == Operator::In => c
                .value
                .each()
                .iter()
                .map(|v| Predicate::field(&c.field, Operator::Eq, v.clone()).negate())
                .collect(),
            _ => vec![predicate.clone()],
        },
        _ => vec![predicate.clone()],
    }
}

fn judge(
    engine: &Engine,
    session: &Session,
    turn: &Turn,
    report: &TurnReport,
    (conversation, number): (usize, usize),
) -> Result<Outcome> {
    let holding: Vec<Predicate> = session
        .constraints
        .conditions
        .iter()
        .filter(|c| c.hard && c.holds())
        .flat_map(|c| parts(&c.what))
        .collect();
    let mut sets = Vec::new();
    for predicate in &holding {
        sets.push(selects(engine, predicate)?);
    }
    let (mut right, mut missed, mut used) = (0, Vec::new(), vec![false; holding.len()]);
    for gold in &turn.gold {
        let mut all = true;
        for part in parts(gold) {
            let wanted = selects(engine, &part)?;
            let mut found = false;
            for ((held, set), used) in holding.iter().zip(&sets).zip(&mut used) {
                if *held == part || (wanted.is_some() && *set == wanted) {
                    (found, *used) = (true, true);
                }
            }
            all &= found;
        }
        if all {
            right += 1;
        } else {
            missed.push(gold.to_string());
        }
    }
    let unasked: Vec<String> =
        holding.iter().zip(&used).filter(|(_, used)| !**used).map(|(h, _)| h.to_string()).collect();
    let called: BTreeSet<&str> = report.plan.steps.iter().map(|s| s.tool.as_str()).collect();
    let has = |names: &[&str]| names.iter().any(|n| called.contains(n));
    let tools_right = has(&["bm25_search", "embedding_search"]) == turn.query.is_some()
        && has(&["similar_items"]) != turn.like.is_empty()
        && (turn.gold.is_empty() || has(&["sql_filter"]))
        && (turn.order.is_none() || has(&["order_by"]));
    let likes: BTreeSet<&str> =
        session.constraints.likes.iter().filter(|l| l.holds()).map(|l| l.what.as_str()).collect();
    let liked = turn.like.iter().filter(|id| likes.contains(id.as_str())).count();
    let shown = report.answer.as_ref().map(|a| a.items.as_slice()).unwrap_or_default();
    let allowed = engine.filter(&session.constraints.hard(), None)?;
    let mut wrong = 0;
    for item in shown {
        let ordinal = engine.snapshot().ordinal(&item.id)?.context("an item of the catalogue")?;
        wrong += usize::from(!allowed.contains(ordinal));
    }
    Ok(Outcome {
        conversation,
        turn: number,
        request: turn.request.clone(),
        planner: report.planner.clone(),
        gold: turn.gold.len(),
        right,
        whole: missed.is_empty() && unasked.is_empty() && tools_right && liked == turn.like.len(),
        unasked,
        missed,
        tools_right,
        likes: (liked, turn.like.len()),
        items: shown.len(),
        wrong,
        model_added: report.model_added,
        refused: report.refused.clone(),
        fallback: report.fallback.clone(),
        model_calls: report.usage.model_calls,
        tokens: (report.usage.input_tokens, report.usage.output_tokens),
        ms: report.usage.ms,
    })
}

/// A share with Wilson's 95 % interval.
fn share(hits: usize, n: usize) -> String {
    if n == 0 {
        return "none".to_owned();
    }
    let (total, z) = (n as f64, 1.96_f64);
    let p = hits as f64 / total;
    let middle = (p + z * z / (2.0 * total)) / (1.0 + z * z / total);
    let half = z / (1.0 + z * z / total) * (p * (1.0 - p) / total + z * z / (4.0 * total * total)).sqrt();
    format!("{hits} of {n} = {p:.3} ({:.3} to {:.3})", (middle - half).max(0.0), middle + half)
}

fn print(outcomes: &[Outcome]) -> Result<()> {
    let mut to = std::io::stdout();
    let all = outcomes.len();
    let count = |is: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|o| is(o)).count();
    let sum = |of: &dyn Fn(&Outcome) -> usize| outcomes.iter().map(of).sum::<usize>();
    for o in outcomes.iter().filter(|o| !o.whole || !o.refused.is_empty() || o.fallback.is_some()) {
        writeln!(
            to,
            "{}.{} {:?}\n    missed {:?} unasked {:?} tools {} likes {:?} refused {:?} fallback {:?}",
            o.conversation,
            o.turn,
            o.request,
            o.missed,
            o.unasked,
            o.tools_right,
            o.likes,
            o.refused,
            o.fallback
        )?;
    }
    writeln!(to, "turns                    {all}")?;
    writeln!(to, "conditions right         {}", share(sum(&|o| o.right), sum(&|o| o.gold)))?;
    writeln!(to, "turns with one unasked   {}", share(count(&|o| !o.unasked.is_empty()), all))?;
    writeln!(to, "items referred to        {}", share(sum(&|o| o.likes.0), sum(&|o| o.likes.1)))?;
    writeln!(to, "right set of tools       {}", share(count(&|o| o.tools_right), all))?;
    writeln!(to, "whole plan right         {}", share(count(&|o| o.whole), all))?;
    writeln!(to, "items that violate       {}", share(sum(&|o| o.wrong), sum(&|o| o.items)))?;
    writeln!(to, "the model changed it     {}", share(count(&|o| o.model_added), all))?;
    writeln!(to, "the model failed         {}", share(count(&|o| o.fallback.is_some()), all))?;
    let mut ms: Vec<f64> = outcomes.iter().map(|o| o.ms).collect();
    ms.sort_by(f64::total_cmp);
    let calls: u32 = outcomes.iter().map(|o| o.model_calls).sum();
    let tokens = outcomes.iter().fold((0, 0), |t, o| (t.0 + o.tokens.0, t.1 + o.tokens.1));
    writeln!(
        to,
        "milliseconds a turn      {:.0} in the middle; {calls} model calls, {} tokens in, {} out",
        ms.get(all / 2).copied().unwrap_or_default(),
        tokens.0,
        tokens.1
    )?;
    Ok(())
}
