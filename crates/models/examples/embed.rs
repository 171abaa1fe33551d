//! Embeds the lines of a file and reports how long it took, for comparison with other libraries.
//!
//! `embed FILE [--threads N] [--runs N] [--queries N] [--vectors OUT]` prints one JSON document: seconds of
//! each run over all lines, and milliseconds of the first N lines embedded one by one.

use std::io::{Write, stdout};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use segue_models::{Embedder, Progress, SentenceEmbedder, SentenceOptions, Shelf};
use segue_world::{RealWorld, World, fs};

fn main() -> Result<()> {
    let mut options = SentenceOptions::default();
    let (mut runs, mut queries, mut file, mut out) = (1, 0, None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number =
            || arguments.next().context("a number is missing")?.parse::<usize>().context("no number");
        match argument.as_str() {
            "--threads" => options.threads = NonZeroUsize::new(number()?).context("at least one thread")?,
            "--runs" => runs = number()?,
            "--queries" => queries = number()?,
            "--vectors" => out = Some(PathBuf::from(arguments.next().context("a file is missing")?)),
            path if !path.starts_with("--") => file = Some(PathBuf::from(path)),
            unknown => bail!("unknown option `{unknown}`"),
        }
    }
    let file = file.context("usage: embed FILE [--threads N] [--runs N] [--queries N] [--vectors OUT]")?;
    let text = fs::read_to_string(&file)?;
    let lines: Vec<&str> = text.lines().collect();

    let world = Arc::new(RealWorld::new());
    let shelf = Shelf::new(world.clone())?;
    let started = world.elapsed();
    let embedder = SentenceEmbedder::open(&shelf, &options, &mut |_: Progress<'_>| ())?;
    embedder.embed(&vec!["warm up every session"; 2048])?;
    let loading = world.elapsed().saturating_sub(started).as_secs_f64();

    let mut seconds = Vec::new();
    let mut vectors = Vec::new();
    for _ in 0..runs {
        let started = world.elapsed();
        vectors = embedder.embed(&lines)?;
        seconds.push(world.elapsed().saturating_sub(started).as_secs_f64());
    }
    let mut milliseconds = Vec::new();
    for line in lines.iter().take(queries) {
        let started = world.elapsed();
        embedder.embed(&[line])?;
        milliseconds.push(world.elapsed().saturating_sub(started).as_secs_f64() * 1e3);
    }
    milliseconds.sort_by(f64::total_cmp);
    if let Some(out) = out {
        write_vectors(&out, &vectors)?;
    }
    let report = serde_json::json!({
        "fingerprint": embedder.fingerprint(), "threads": options.threads, "texts": lines.len(),
        "loading": loading, "seconds": seconds, "query_ms_p50": milliseconds.get(milliseconds.len() / 2),
    });
    writeln!(stdout(), "{report}")?;
    Ok(())
}

fn write_vectors(path: &Path, vectors: &[Vec<f32>]) -> Result<()> {
    let mut file = fs::writer(path)?;
    for x in vectors.iter().flatten() {
        file.write_all(&x.to_le_bytes())?;
    }
    file.flush()?;
    Ok(())
}
