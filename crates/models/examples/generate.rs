//! Runs a GGUF model on its own and measures it.
//!
//! `generate FILE [--prompt TEXT] [--tokens N] [--fill N] [--schema FILE]` prints one JSON document: the likeliest
//! answer, and tokens a second of reading (`--fill` puts so many words before the prompt) and of writing.

use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use segue_models::gguf::{GenerateRequest, GgufModel, GgufOptions, Prompt, Speaker, Turn};
use segue_world::{RealWorld, World, fs};

fn main() -> Result<()> {
    let (mut file, mut prompt, mut tokens, mut fill, mut schema) =
        (None, "Name three films set at sea.".to_owned(), 30, 0, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut next = || arguments.next().context("a value is missing");
        match argument.as_str() {
            "--prompt" => prompt = next()?,
            "--tokens" => tokens = next()?.parse().context("no number")?,
            "--fill" => fill = next()?.parse().context("no number")?,
            "--schema" => schema = Some(serde_json::from_str(&fs::read_to_string(next()?.as_ref())?)?),
            path if !path.starts_with("--") => file = Some(PathBuf::from(path)),
            unknown => bail!("unknown option `{unknown}`"),
        }
    }
    let file =
        file.context("usage: generate FILE [--prompt TEXT] [--tokens N] [--fill N] [--schema FILE]")?;
    let world = RealWorld::new();
    let seconds = |since: std::time::Duration| world.elapsed().saturating_sub(since).as_secs_f64();

    let started = world.elapsed();
    let model = GgufModel::open(&file, GgufOptions::default())?;
    let loading = seconds(started);
    // The first pass lays the weights out anew.
    let warm = GenerateRequest::new(Prompt::Text("Warm up every path of it. ".repeat(10)), 3);
    model.generate(&warm, &mut |_| (), &|| false)?;

    let words = "the film of the long night by the sea ".split_inclusive(' ').cycle().take(fill);
    let turn = Turn::new(Speaker::User, words.collect::<String>() + &prompt);
    let mut request = GenerateRequest::new(Prompt::Chat(vec![turn]), tokens);
    request.schema = schema;
    let started = world.elapsed();
    let first = std::cell::Cell::new(None);
    let answer = model.generate(
        &request,
        &mut |text| {
            if !text.is_empty() && first.get().is_none() {
                first.set(Some(seconds(started)));
            }
        },
        &|| false,
    )?;
    let (whole, reading) = (seconds(started), first.get().unwrap_or_default());
    let report = serde_json::json!({
        "model": model.name(), "loading": loading, "text": answer.text, "finish": format!("{:?}", answer.finish),
        "log_probabilities": answer.tokens.iter().map(|t| t.log_probability).collect::<Vec<_>>(),
        "ids": answer.tokens.iter().map(|t| t.token).collect::<Vec<_>>(),
        "prompt_tokens": answer.prompt_tokens, "cached_tokens": answer.cached_tokens,
        "read_per_second": (answer.prompt_tokens - answer.cached_tokens) as f64 / reading,
        "written_per_second": answer.tokens.len().saturating_sub(1) as f64 / (whole - reading),
    });
    writeln!(stdout(), "{report}")?;
    Ok(())
}
