//! `segue index`: builds the indexes of what was imported and serves them.

use std::process::ExitCode;

use segue_models::{Embedder, SentenceEmbedder, SentenceOptions};
use segue_retrieval::{IndexRates, IndexReport, build_index};

use crate::args::Index;
use crate::commands::models::FetchView;
use crate::failure::Failure;
use crate::house::House;
use crate::output::Output;
use crate::progress::Stages;
use crate::signals::Interrupt;
use segue_agent::grouped;

pub(crate) fn run(house: &House, args: &Index, output: &mut Output) -> Result<ExitCode, Failure> {
    let meaning = match &args.model {
        _ if args.no_embeddings => Meaning::LeftOut,
        Some(model) => Meaning::By(model),
        None => Meaning::AsSet,
    };
    let report = index(house, meaning, output)?;
    if output.is_json() {
        output.json(&report);
    } else {
        show(&report, output);
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether texts are embedded, and by which model.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Meaning<'a> {
    /// They are not.
    LeftOut,
    /// By the workspace's model.
    AsSet,
    /// By this one.
    By(&'a str),
}

/// Indexes, with progress; Ctrl-C stops it, the old generation serves on, and what was embedded is kept.
pub(crate) fn index(house: &House, meaning: Meaning<'_>, _: &mut Output) -> Result<IndexReport, Failure> {
    if !house.workspace().is_there() {
        return Err(segue_catalog::WorkspaceError::Missing(house.workspace().root().to_owned()).into());
    }
    let interrupt = Interrupt::listen();
    let model = match meaning {
        Meaning::LeftOut => None,
        Meaning::AsSet => Some(house.embedding_model()?),
        Meaning::By(model) => Some(model.to_owned()),
    };
    let embedder = model.map(|model| embedder(house, &model)).transpose()?;
    let mut stages = Stages::default();
    let mut progress = |p: segue_retrieval::IndexProgress| {
        let label = match p.stage {
            "values" => "writing look-up tables",
            "words" => "indexing words",
            _ => "embedding",
        };
        stages.at(label, p.done, p.total);
    };
    let cancelled = || interrupt.cancellation().is_cancelled();
    let embedder = embedder.as_ref().map(|e| e as &dyn Embedder);
    let world = house.world().as_ref();
    let report = build_index(house.workspace(), embedder, world, &mut progress, &cancelled)?;
    // It serves `segue status` alone.
    let _ = IndexRates::note(house.workspace(), &report);
    Ok(report)
}

/// The embedder of this name, fetched if need be.
fn embedder(house: &House, model: &str) -> Result<SentenceEmbedder, Failure> {
    let shelf = house.shelf()?;
    if !shelf.resource(model)?.is_embedder() {
        let fitting: Vec<_> =
            shelf.list().iter().filter(|r| r.is_embedder()).map(|r| r.name.as_str()).collect();
        return Err(Failure::usage(format!("`{model}` is no model that embeds texts"))
            .at("model")
            .remedy(format!("name one of: {}", fitting.join(", "))));
    }
    let mut view = FetchView::default();
    Ok(SentenceEmbedder::open(&shelf, &SentenceOptions::with_model(model), &mut |p| view.show(&p))?)
}

/// What an index did, in a line.
pub(crate) fn show(report: &IndexReport, output: &mut Output) {
    let meaning = match &report.model {
        Some(model) => format!(
            "; {} texts embedded by {model} in {:.1} s",
            grouped(report.embedded),
            report.embedding_ms / 1000.0
        ),
        None => "; without embeddings: nothing can be searched by meaning".to_owned(),
    };
    let words = report.lexical_ms / 1000.0;
    output.line(format!(
        "generation {} serves {} items; words in {words:.1} s{meaning}",
        report.generation,
        grouped(report.items)
    ));
}
