//! `segue status`: what is in the workspace, how large and how fresh it is, and what an index would do.

use std::path::PathBuf;
use std::process::ExitCode;

use segue_catalog::{
    Catalog, Generation, GenerationState, Snapshot, SourceChange, SourceFile, SourceKind, Store, Workspace,
    WorkspaceError,
};
use segue_models::Embedder;
use segue_retrieval::{
    IndexRates, IndexesOf, PendingIndex, SpaceOf, TEXT_SPACE, embedding_model, open_snapshot,
};
use segue_world::fs;
use serde::Serialize;
use serde_json::json;

use crate::failure::Failure;
use crate::house::House;
use crate::output::{Output, tame};
use crate::render::bytes;
use segue_agent::grouped;

/// Something that is not as fresh as it could be.
#[derive(Debug, Serialize)]
struct Stale {
    /// A stable name.
    kind: &'static str,
    message: String,
    remedy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<PathBuf>,
}

/// What `segue index` would do.
#[derive(Debug, Serialize)]
struct Planned {
    generation: u32,
    #[serde(flatten)]
    work: PendingIndex,
    /// About so many; `None` where this machine has not done it yet.
    seconds: Option<f64>,
    /// True if the embedding model has to be fetched first.
    fetches_model: bool,
}

#[derive(Debug, Serialize)]
struct Sizes {
    catalog: u64,
    sessions: u64,
    traces: u64,
    cache: u64,
    /// Number of each generation, bytes of its rows and of its indexes.
    generations: Vec<(u32, u64, u64)>,
    total: u64,
    disk_free: Option<u64>,
}

pub(crate) fn run(house: &House, output: &mut Output) -> Result<ExitCode, Failure> {
    let workspace = house.existing()?;
    let store = Store::read(workspace)?;
    let all = store.generations()?;
    let newest = store.newest()?.ok_or_else(|| WorkspaceError::Missing(workspace.root().to_owned()))?;
    let serving = match workspace.current() {
        Err(WorkspaceError::NotIndexed(_)) => None,
        other => Some(other?),
    };
    let shown = serving.unwrap_or(newest.number);
    // Nobody can search what is not indexed, so that no rule acts on it; what is hidden is hidden.
    let snapshot = match serving {
        Some(_) => open_snapshot(workspace)?,
        None => Snapshot::shown(workspace, shown)?,
    };
    let catalog = snapshot.catalog();
    let spaces = serving.map(|n| IndexesOf::look(workspace, n).spaces).unwrap_or_default();
    let model = house.embedding_model()?;
    let embedder = house.embedder_named(&model).ok().flatten();

    let mut stale = Vec::new();
    of_generations(serving, &newest, &mut stale);
    of_sources(&store, newest.number, &mut stale)?;
    let made_otherwise = of_model(&spaces, &model, embedder.as_deref(), &mut stale);
    let planned = if newest.state == GenerationState::Imported || made_otherwise {
        Some(planned(workspace, newest.number, embedder.as_deref())?)
    } else {
        None
    };
    let sizes = sizes(workspace, &all);
    if output.is_json() {
        output.json(&json!({
            "workspace": workspace.root(), "version": store.version()?, "name": catalog.name,
            "generation": serving, "newest": newest.number, "items": catalog.items, "users": catalog.users,
            "interactions": catalog.interactions, "embedding_model": embedding_model(workspace, TEXT_SPACE), "embeddings": !spaces.is_empty(), "spaces": spaces,
            "attribution": catalog.attribution, "sizes": sizes, "stale": stale, "index": planned,
            "fields": catalog.fields.iter().zip(&catalog.statistics).map(|(field, statistics)| json!({
                "name": field.name, "role": field.role, "type": field.ty, "multi": field.multi,
                "known": statistics.known, "nulls": statistics.nulls, "distinct": statistics.distinct,
            })).collect::<Vec<_>>(),
        }));
        return Ok(ExitCode::SUCCESS);
    }
    show_head(catalog, serving, !spaces.is_empty(), output);
    show_fields(catalog, output);
    show_sizes(&sizes, output);
    show_stale(&stale, planned.as_ref(), output);
    Ok(ExitCode::SUCCESS)
}

fn of_generations(serving: Option<u32>, newest: &Generation, stale: &mut Vec<Stale>) {
    let n = newest.number;
    if newest.state == GenerationState::Imported {
        let message = format!("generation {n} is imported and not indexed");
        stale.push(Stale { kind: "not_indexed", message, remedy: "segue index".to_owned(), at: None });
    } else if serving.is_some_and(|serving| serving < n) {
        stale.push(Stale {
            kind: "rolled_back",
            message: format!("generation {n} is newer than the one that serves"),
            remedy: format!("segue generations rollback {n}"),
            at: None,
        });
    }
}

/// Vectors of texts that are not those that an index would make now; true if there are any. Spaces that came with the data have
/// no embedder here.
fn of_model(
    spaces: &[SpaceOf],
    wanted: &str,
    embedder: Option<&dyn Embedder>,
    stale: &mut Vec<Stale>,
) -> bool {
    let Some(space) = spaces.iter().find(|s| s.name == TEXT_SPACE && s.fault.is_none()) else { return false };
    let message = if space.model != wanted {
        format!("embedded by {}, and workspace.toml asks for {wanted}", space.model)
    } else if embedder.is_some_and(|e| e.fingerprint() != space.fingerprint) {
        format!("embedded by another version of {wanted}")
    } else {
        return false;
    };
    stale.push(Stale { kind: "model", message, remedy: "segue index".to_owned(), at: None });
    true
}

fn of_sources(store: &Store, generation: u32, stale: &mut Vec<Stale>) -> Result<(), Failure> {
    let source = store.source_of(generation)?.unwrap_or_default();
    let files = source.get("files").cloned().unwrap_or_default();
    let files: Vec<SourceFile> = serde_json::from_value(files).unwrap_or_default();
    for file in files {
        let Some(change) = file.change() else { continue };
        let (kind, what) = match file.kind {
            SourceKind::Data => ("source", "the data"),
            SourceKind::Mapping => ("mapping", "the mapping"),
        };
        let (message, remedy) = match change {
            SourceChange::Gone => {
                (format!("{what} is not there any more"), "put it back, or import from elsewhere")
            }
            SourceChange::Changed => {
                (format!("{what} has changed since the import"), "segue import, then segue index")
            }
            SourceChange::Rewritten => (
                format!("{what} was written again since the import"),
                "if it has changed: segue import, then segue index",
            ),
        };
        stale.push(Stale { kind, message, remedy: remedy.to_owned(), at: Some(file.path) });
    }
    Ok(())
}

fn planned(workspace: &Workspace, generation: u32, by: Option<&dyn Embedder>) -> Result<Planned, Failure> {
    let snapshot = Snapshot::of(workspace, generation)?;
    let work = PendingIndex::of(workspace, &snapshot, by)?;
    let seconds = IndexRates::read(workspace).seconds(work.rows, work.texts, by.map(Embedder::name));
    Ok(Planned { generation, work, seconds: seconds.filter(|_| by.is_some()), fetches_model: by.is_none() })
}

fn sizes(workspace: &Workspace, all: &[Generation]) -> Sizes {
    let folder = |g: &Generation| {
        let rows = fs::size_of(&workspace.rows_db(g.number));
        (g.number, rows, fs::size_of(&workspace.generation_dir(g.number)).saturating_sub(rows))
    };
    Sizes {
        catalog: fs::size_of(&workspace.catalog_db()),
        sessions: fs::size_of(&workspace.sessions_db())
            + fs::size_of(&workspace.sessions_db().with_extension("db-wal")),
        traces: fs::size_of(&workspace.traces_dir()),
        cache: fs::size_of(&workspace.cache_dir()),
        generations: all.iter().map(folder).collect(),
        total: fs::size_of(workspace.root()),
        disk_free: fs::free_space(workspace.root()).ok(),
    }
}

fn show_head(catalog: &Catalog, serving: Option<u32>, has_vectors: bool, output: &mut Output) {
    let styles = output.styles();
    let generation = match serving {
        Some(n) => format!("generation {n}"),
        None => format!("generation {}, which nobody can search yet", catalog.generation),
    };
    let name = styles.strong.paint(tame(&catalog.name));
    output.line(format!("{name} {} {}, {generation}", grouped(catalog.items), tame(&catalog.name)));
    if catalog.interactions > 0 {
        let (interactions, users) = (grouped(catalog.interactions), grouped(catalog.users));
        output.line(format!("{interactions} interactions of {users} users"));
    }
    let meaning =
        if has_vectors { "words and meaning" } else { "words only: `segue index` adds search by meaning" };
    if serving.is_some() {
        output.line(format!("searched by {meaning}"));
    }
}

fn show_fields(catalog: &Catalog, output: &mut Output) {
    let styles = output.styles();
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
        let what = crate::render::shortened(&tame(&what), 60);
        output.line(format!(
            "  {name} {known:>8} known, {:>8} different  {}",
            grouped(statistics.distinct),
            styles.dim.paint(what)
        ));
    }
}

fn show_sizes(sizes: &Sizes, output: &mut Output) {
    output.line("");
    let sum = |of: fn(&(u32, u64, u64)) -> u64| sizes.generations.iter().map(of).sum::<u64>();
    let numbers: Vec<String> = sizes
        .generations
        .iter()
        .map(|(n, rows, indexes)| format!("{n}: {}", bytes(rows + indexes)))
        .collect();
    for (what, size, more) in [
        ("rows", sizes.catalog + sum(|g| g.1), format!("  (generation {})", numbers.join(", "))),
        ("indexes", sum(|g| g.2), String::new()),
        ("embeddings kept", sizes.cache, String::new()),
        ("conversations", sizes.sessions, String::new()),
        ("traces", sizes.traces, String::new()),
        (
            "all",
            sizes.total,
            sizes.disk_free.map(|free| format!("  ({} free)", bytes(free))).unwrap_or_default(),
        ),
    ] {
        output.line(format!("  {what:15} {:>10}{more}", bytes(size)));
    }
}

fn show_stale(stale: &[Stale], planned: Option<&Planned>, output: &mut Output) {
    let styles = output.styles();
    output.line("");
    for Stale { message, remedy, at, .. } in stale {
        let at =
            at.as_ref().map(|path| format!(" ({})", tame(&path.display().to_string()))).unwrap_or_default();
        output.line(format!("{}{at}: {remedy}", styles.warn.paint(message)));
    }
    let Some(Planned { work, seconds, fetches_model, .. }) = planned else {
        if stale.is_empty() {
            output.line("all is fresh: an index has nothing to do");
        }
        return;
    };
    let texts = match (fetches_model, work.is_exact) {
        (true, _) => "texts to embed, once the embedding model is here".to_owned(),
        (false, true) => format!("{} texts to embed", grouped(work.texts)),
        (false, false) => format!("about {} texts to embed", grouped(work.texts)),
    };
    let time = seconds.map_or_else(
        || "how long that takes is unknown on this machine".to_owned(),
        |seconds| format!("about {}", duration(seconds)),
    );
    output.line(format!("an index would take in the words of {} items, {texts}; {time}", grouped(work.rows)));
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "a second".to_owned(),
        s if s < 100.0 => format!("{s:.0} seconds"),
        s if s < 6000.0 => format!("{:.0} minutes", s / 60.0),
        s => format!("{:.1} hours", s / 3600.0),
    }
}
