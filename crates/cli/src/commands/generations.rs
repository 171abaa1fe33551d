//! `segue generations`: lists, compares, rolls back, prunes.

use std::process::ExitCode;

use segue_agent::grouped;
use segue_catalog::{Comparison, Generation, GenerationSettings, Snapshot, Store, prune, roll_back};
use segue_retrieval::IndexesOf;
use segue_world::fs;
use serde::Serialize;
use serde_json::json;

use crate::args::{Generations, GenerationsCommand};
use crate::failure::Failure;
use crate::house::House;
use crate::output::{Output, tame};
use crate::render::{bytes, shortened};

/// A generation as the list shows it.
#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    generation: Generation,
    serves: bool,
    model: Option<String>,
    /// Of rows, and of indexes.
    bytes: (u64, u64),
}

pub(crate) fn run(house: &House, args: &Generations, output: &mut Output) -> Result<ExitCode, Failure> {
    match args.command.as_ref().unwrap_or(&GenerationsCommand::List) {
        GenerationsCommand::List => list(house, output),
        GenerationsCommand::Compare { a, b, limit } => compare(house, *a, *b, usize::from(*limit), output),
        GenerationsCommand::Rollback { number } => {
            let served = roll_back(house.workspace(), *number)?;
            if output.is_json() {
                output.json(&served);
            } else if served.from == served.to {
                output.line(format!("generation {} serves already", served.to));
            } else {
                output.line(format!("generation {} serves; before, {} did", served.to, served.from));
            }
            Ok(ExitCode::SUCCESS)
        }
        GenerationsCommand::Keep { count } => {
            house.existing()?;
            let _lock = house.workspace().lock_for_writing()?;
            GenerationSettings { keep: *count }.write(house.workspace())?;
            if output.is_json() {
                output.json(&json!({ "keep": count }));
            } else {
                let what = if *count == 1 {
                    "one old generation is kept".to_owned()
                } else {
                    format!("{count} old generations are kept")
                };
                output.line(format!("{what} from the next import or index on; `segue generations prune` removes what is too many now"));
            }
            Ok(ExitCode::SUCCESS)
        }
        GenerationsCommand::Prune { keep } => {
            house.existing()?;
            let usual = GenerationSettings::read(house.workspace())?;
            let pruned = prune(house.workspace(), keep.map_or(usual, |keep| GenerationSettings { keep }))?;
            if output.is_json() {
                output.json(&pruned);
            } else {
                let removed = match pruned.removed.as_slice() {
                    [] => "there is nothing to remove".to_owned(),
                    removed => format!("removed {}; {} freed", numbers(removed), bytes(pruned.freed)),
                };
                output.line(format!("{removed}; there are {}", numbers(&pruned.kept)));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn numbers(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

fn list(house: &House, output: &mut Output) -> Result<ExitCode, Failure> {
    let workspace = house.existing()?;
    let store = Store::read(workspace)?;
    let serving = workspace.current().ok();
    let mut listed = Vec::new();
    for generation in store.generations()? {
        let indexes = IndexesOf::look(workspace, generation.number);
        let rows = fs::size_of(&workspace.rows_db(generation.number));
        listed.push(Listed {
            serves: serving == Some(generation.number),
            model: indexes.spaces.iter().map(|s| s.model.clone()).find(|model| !model.is_empty()),
            bytes: (rows, indexes.bytes.saturating_sub(rows)),
            generation,
        });
    }
    let keep = GenerationSettings::read(workspace)?.keep;
    if output.is_json() {
        output.json(&json!({ "serving": serving, "keep": keep, "generations": listed }));
        return Ok(ExitCode::SUCCESS);
    }
    let styles = output.styles();
    for Listed { generation: g, serves, model, bytes: (rows, indexes) } in &listed {
        let state = match g.state {
            _ if *serves => styles.good.paint("serves  "),
            segue_catalog::GenerationState::Indexed => styles.dim.paint("indexed "),
            segue_catalog::GenerationState::Imported => styles.warn.paint("imported"),
        };
        let hash = g.content_hash.get(..12).unwrap_or(&g.content_hash);
        output.line(format!(
            "{:>4} {state} {:19} {:>11} items  {hash}  {:>8} rows, {:>8} indexes  {}",
            g.number,
            g.created.get(..19).unwrap_or(&g.created),
            grouped(g.items),
            bytes(*rows),
            bytes(*indexes),
            model.as_deref().map_or_else(|| "words only".to_owned(), tame),
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn compare(house: &House, a: u32, b: u32, limit: usize, output: &mut Output) -> Result<ExitCode, Failure> {
    let workspace = house.existing()?;
    let open = |number| Snapshot::shown(workspace, number);
    let (before, after) = (open(a)?, open(b)?);
    let found = Comparison::of(&before, &after, limit)?;
    let indexes = [IndexesOf::look(workspace, a), IndexesOf::look(workspace, b)];
    if output.is_json() {
        let [ours, theirs] = indexes.map(|i| i.spaces);
        output.json(&json!({
            "a": a, "b": b, "same": found.is_same(), "fields": found.fields, "items": found.items,
            "statistics": found.statistics, "users": found.users, "interactions": found.interactions,
            "spaces": { "a": ours, "b": theirs },
        }));
        return Ok(ExitCode::SUCCESS);
    }
    show(a, b, &found, limit, output);
    let [ours, theirs] =
        indexes.map(|i| i.spaces.iter().map(|s| (s.name.clone(), s.fingerprint.clone())).collect::<Vec<_>>());
    if ours != theirs {
        let names = |spaces: &[(String, String)]| match spaces {
            [] => "none".to_owned(),
            spaces => spaces
                .iter()
                .map(|(name, made_by)| format!("{name} by {made_by}"))
                .collect::<Vec<_>>()
                .join(", "),
        };
        output.line(format!("embeddings: {} before, {} after", names(&ours), names(&theirs)));
    }
    Ok(ExitCode::SUCCESS)
}

fn show(a: u32, b: u32, found: &Comparison, limit: usize, output: &mut Output) {
    let styles = output.styles();
    if found.is_same() {
        output.line(format!("generations {a} and {b} have the same fields, items and interactions"));
        return;
    }
    let items = &found.items;
    output.line(format!(
        "from generation {a} to {b}: {} items added, {} removed, {} changed, {} the same",
        grouped(items.added),
        grouped(items.removed),
        grouped(items.changed),
        grouped(items.same)
    ));
    for (what, names) in [("fields added", &found.fields.added), ("fields removed", &found.fields.removed)] {
        if !names.is_empty() {
            output.line(format!("{what}: {}", names.join(", ")));
        }
    }
    for (field, words) in &found.fields.changed {
        output.line(format!(
            "field {} is described otherwise: {}",
            styles.name.paint(field),
            words.join(", ")
        ));
    }
    for (what, ids, all) in
        [("added", &items.first_added, items.added), ("removed", &items.first_removed, items.removed)]
    {
        if !ids.is_empty() {
            let more = if all > limit as u64 { ", …" } else { "" };
            output.line(format!("{what}: {}{more}", tame(&ids.join(", "))));
        }
    }
    for item in &items.first_changed {
        let field = |(name, before, after): &(String, segue_catalog::Value, segue_catalog::Value)| {
            let text = |value: &segue_catalog::Value| match value.is_null() {
                true => "nothing".to_owned(),
                false => shortened(&tame(&value.to_string()), 40),
            };
            format!("{name} {} → {}", text(before), text(after))
        };
        let fields: Vec<String> = item.fields.iter().map(field).collect();
        output.line(format!("changed: {}: {}", styles.name.paint(tame(&item.id)), fields.join("; ")));
    }
    if items.changed > items.first_changed.len() as u64 {
        output.line(styles.dim.paint("changed: … (--limit names more)"));
    }
    for change in &found.statistics {
        output.line(format!(
            "{} {}: {} → {}",
            styles.name.paint(&change.field),
            change.figure,
            change.before,
            change.after
        ));
    }
    for (what, (before, after)) in [("users", found.users), ("interactions", found.interactions)] {
        if before != after {
            output.line(format!("{what}: {} → {}", grouped(before), grouped(after)));
        }
    }
}
