//! `segue demo`: from nothing to a conversation about 17,472 films.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use segue_agent::{PlannerKind, grouped};
use segue_catalog::{Dataset, Snapshot};
use segue_world::fs;

use crate::args::{Demo, TurnArgs};
use crate::commands::models::FetchView;
use crate::commands::{chat, import, index};
use crate::failure::Failure;
use crate::house::House;
use crate::output::Output;
use crate::render::Detail;

/// How the films' columns become fields.
const FILMS: &str = include_str!("../../../../evals/datasets/films.toml");

/// How many items a turn of the demo shows.
const SHOWN: u16 = 3;

/// The conversation: a request with hard conditions, one that narrows it, one that refers back and changes
/// direction, one that takes something back.
const CONVERSATION: [&str; 4] = [
    "science fiction films from the eighties under two hours, not horror",
    "only the American ones, best rated first",
    "more like the second one, but newer",
    "never mind the year: anything with Harrison Ford?",
];

pub(crate) async fn run(house: &House, args: &Demo, output: &mut Output) -> Result<ExitCode, Failure> {
    prepare(house, output)?;
    let door = house.open(&[])?;
    let mut session = door.sessions.create();
    let turn_args = TurnArgs { count: Some(SHOWN), ..TurnArgs::default() };
    for request in CONVERSATION {
        if !output.is_json() {
            let styles = output.styles();
            output.line(format!("{} {}", styles.strong.paint("you>"), styles.strong.paint(request)));
        }
        chat::turn(&door, &mut session, request, PlannerKind::Rules, &turn_args, Detail::Evidence, output)
            .await?;
        if !output.is_json() {
            output.line("");
        }
    }
    if output.is_interactive() && !args.no_chat {
        return chat::converse(house, &door, session, PlannerKind::Rules, &turn_args, output).await;
    }
    output.note(format!("go on with: segue chat --session {}", session.id));
    Ok(ExitCode::SUCCESS)
}

/// Fetches, imports and indexes whatever is not there yet. Every step can be interrupted; what was done stays.
fn prepare(house: &House, output: &mut Output) -> Result<(), Failure> {
    let workspace = house.workspace();
    let mut dataset = Dataset::parse(FILMS, Path::new("films.toml"))?;
    if let Ok(current) = workspace.current() {
        let name = Snapshot::of(workspace, current)?.catalog().name.clone();
        if name != dataset.name {
            let folder = workspace.root().display();
            return Err(Failure::new(
                "workspace",
                format!("the workspace `{folder}` holds `{name}`, not the films of the demo"),
            )
            .remedy("give the demo a workspace of its own: segue demo --workspace DIR"));
        }
        return Ok(());
    }
    if !workspace.is_there() {
        let files = fetch(house)?;
        dataset = dataset.with_files(&files)?;
        let report = import::import(house, &dataset, None, output)?;
        output.note(format!("{} films, {} ratings", grouped(report.items), grouped(report.interactions)));
    }
    let report = index::index(house, index::Meaning::AsSet, output)?;
    let seconds = report.embedding_ms / 1000.0;
    output.note(format!("indexed; {} texts embedded in {seconds:.0} s", grouped(report.embedded)));
    Ok(())
}

/// The films and their ratings, from the package index.
fn fetch(house: &House) -> Result<Vec<PathBuf>, Failure> {
    let shelf = house.shelf()?;
    let mut view = FetchView::default();
    let mut files = Vec::new();
    for name in ["films", "movielens-100k"] {
        let resource = shelf.ensure(name, &mut |p| view.show(&p))?;
        files.extend(resource.digests.keys().map(|file| resource.path(file)).filter(|p| fs::exists(p)));
    }
    Ok(files)
}
