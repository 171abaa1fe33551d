//! Finds out what a model can do, asks it a question and shows the pieces as they come.
//!
//! `chat MODEL "QUESTION" [--workspace FILE]`; MODEL is a name in the workspace's `workspace.toml`, a model at
//! `OPENAI_BASE_URL`, or (feature `gguf`) a chat model of the shelf.

use std::io::{Write, stderr, stdout};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use segue_models::{ChatModel, ChatRequest, Delta, Message, ModelsConfig, Shelf, TaskRole, probe};
use segue_world::{RealWorld, World};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, question, file) = match arguments.as_slice() {
        [name, question] => (name, question, ".segue/workspace.toml"),
        [name, question, option, file] if option == "--workspace" => (name, question, file.as_str()),
        _ => bail!("usage: chat MODEL \"QUESTION\" [--workspace FILE]"),
    };
    let world: Arc<dyn World> = Arc::new(RealWorld::new());
    let shelf = Shelf::new(Arc::clone(&world))?;
    let config = ModelsConfig::read(file)?.with_shelf(&shelf);
    let resolved = config.resolve(TaskRole::Write, Some(name), &*world)?.context("no model")?;
    let prices = resolved.prices;
    let model = resolved.open(&shelf)?;

    let started = world.elapsed();
    let abilities = probe(&*model).await?;
    writeln!(stderr(), "{abilities:?}, found out in {:?}", world.elapsed().saturating_sub(started))?;

    let request = ChatRequest::new(vec![Message::user(question)], /*max_tokens*/ 300);
    let mut tell = |delta| {
        let piece = match delta {
            Delta::Text(text) => text,
            Delta::ToolCall { name, arguments, .. } => format!("{name}{arguments}"),
            Delta::Restart => "\n(again)\n".to_owned(),
        };
        let _ = write!(stdout(), "{piece}").and_then(|()| stdout().flush());
    };
    let reply = model.complete(&request, &mut tell).await?;
    writeln!(stdout())?;
    let prices = prices.map(|prices| prices.cost(&reply.usage));
    writeln!(stderr(), "{:?} {:?} cost {prices:?}", reply.finish, reply.usage)?;
    Ok(())
}
