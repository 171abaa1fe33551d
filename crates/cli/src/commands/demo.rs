//! `segue demo`: from nothing to a conversation about 17,472 films.

use std::path::PathBuf;
use std::process::ExitCode;

use segue_catalog::Dataset;
use serde_json::json;

use crate::args::{Demo, TurnArgs};
use crate::commands::{chat, import, index};
use crate::failure::Failure;
use crate::house::{EMBEDDER, House, RUNTIME};
use crate::output::Output;
use crate::render::Detail;

/// How the films' columns become fields.
const FILMS: &str = include_str!("../../../../evals/datasets/films.toml");

/// The conversation: a request with hard conditions, one that narrows it, one that refers back and changes
/// direction, one that takes something back.
const CONVERSATION: [&str; 4] = [
    "science fiction films from the eighties under two hours, not horror",
    "only the ones with a score of at least 7, best first",
    "more like the second one, but newer",
    "never mind the score; what did Ridley Scott direct before 2000?",
];

pub(crate) async fn run(house: &House, args: &Demo, output: &mut Output) -> Result<ExitCode, Failure> {
    prepare(house, output)?;
    let door = house.open(&[])?;
    let mut session = door.sessions.create()?;
    let turn_args = TurnArgs::default();
    for request in CONVERSATION {
        if !output.is_json() {
            output.line(format!("{} {request}", output.styles().strong.paint("you>")));
        }
        chat::turn(&door, &mut session, request, &turn_args, Detail::Evidence, output).await?;
        if !output.is_json() {
            output.line("");
        }
    }
    if output.is_interactive() && !args.no_chat {
        return chat::converse(house, &door, session, &turn_args, output).await;
    }
    if !output.is_json() {
        output.note("go on with: segue chat --resume");
    }
    Ok(ExitCode::SUCCESS)
}

/// Fetches, imports and indexes whatever is not there yet. Every step can be interrupted; what was done stays.
fn prepare(house: &House, output: &mut Output) -> Result<(), Failure> {
    let dataset = Dataset::parse(FILMS, &PathBuf::from("films.toml"))?;
    if house.serves(&dataset)? {
        return Ok(());
    }
    let films = house.fetch("films", output)?;
    let ratings = house.fetch("movielens-100k", output)?;
    house.fetch(RUNTIME, output)?;
    house.fetch(EMBEDDER, output)?;
    let dataset = dataset.with_files(&films, &ratings);
    import::import(house, &dataset, output)?;
    index::index(house, true, output)?;
    output.note(json!({"workspace": house.workspace().root()}));
    Ok(())
}
