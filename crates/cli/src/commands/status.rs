//! `segue status`: what is in the workspace.

use std::process::ExitCode;

use segue_catalog::{Snapshot, Store};
use serde_json::json;

use crate::failure::Failure;
use crate::house::House;
use crate::output::Output;
use segue_agent::grouped;
use segue_retrieval::{TEXT_SPACE, embedding_model};

pub(crate) fn run(house: &House, output: &mut Output) -> Result<ExitCode, Failure> {
    let workspace = house.workspace();
    let current = workspace.current()?;
    let snapshot = Snapshot::of(workspace, current)?;
    let catalog = snapshot.catalog();
    let newest = Store::open(workspace)?.newest()?.map_or(current, |g| g.number);
    let has_vectors = segue_world::fs::is_dir(&workspace.generation_dir(current).join("vectors"));
    let stale = house.stale_embeddings()?;
    if output.is_json() {
        output.json(&json!({
            "workspace": workspace.root(), "name": catalog.name, "generation": current, "newest": newest,
            "items": catalog.items, "users": catalog.users, "interactions": catalog.interactions,
            "embeddings": has_vectors, "embedding_model": embedding_model(workspace, TEXT_SPACE), "stale": stale, "attribution": catalog.attribution,
            "fields": catalog.fields.iter().zip(&catalog.statistics).map(|(field, statistics)| json!({
                "name": field.name, "role": field.role, "type": field.ty, "multi": field.multi,
                "known": statistics.known, "nulls": statistics.nulls, "distinct": statistics.distinct,
            })).collect::<Vec<_>>(),
        }));
        return Ok(ExitCode::SUCCESS);
    }
    let styles = output.styles();
    let items = grouped(catalog.items);
    output.line(format!(
        "{} {items} {}, generation {current}",
        styles.strong.paint(&catalog.name),
        catalog.name
    ));
    if catalog.interactions > 0 {
        output.line(format!(
            "{} interactions of {} users",
            grouped(catalog.interactions),
            grouped(catalog.users)
        ));
    }
    let meaning =
        if has_vectors { "words and meaning" } else { "words only: `segue index` adds search by meaning" };
    output.line(format!("searched by {meaning}"));
    if let Some(stale) = &stale {
        output.line(styles.warn.paint(stale.as_str()));
    }
    if newest != current {
        output.line(
            styles.warn.paint(format!("generation {newest} is imported and not indexed: run `segue index`")),
        );
    }
    output.line("");
    for (field, statistics) in catalog.fields.iter().zip(&catalog.statistics) {
        let name = styles.name.paint(format!("{:14}", field.name));
        let known = grouped(statistics.known);
        let what = match (statistics.range(), &statistics.dates, statistics.top.as_slice()) {
            (Some((low, high)), ..) => format!("{low} to {high}"),
            (_, Some((first, last)), _) => format!("{first} to {last}"),
            (_, _, [first, second, third, ..]) if statistics.distinct < statistics.known => {
                format!("{}, {}, {}, …", first.value, second.value, third.value)
            }
            _ => String::new(),
        };
        let what = crate::render::shortened(&crate::output::tame(&what), 60);
        output.line(format!(
            "  {name} {known:>8} known, {:>8} different  {}",
            grouped(statistics.distinct),
            styles.dim.paint(what)
        ));
    }
    Ok(ExitCode::SUCCESS)
}
