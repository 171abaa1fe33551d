//! What Segue can do: the built-in tools, one a file, over the searches of `segue_retrieval`.
//!
//! Each tool is a thin layer: it checks its arguments against the catalogue (a wrong one comes back with the
//! reason and the nearest real values), calls the engine within the pool it was given, and records the call in the
//! set it returns, so that every score keeps its origin. Three rules hold for all of them: nothing outside
//! `within` comes back, a filter neither cuts nor orders, and `k` is optional, since only the last ranking step
//! cuts. What a tool says of itself ([`ToolSpec`](segue_agent::ToolSpec)) is made from the catalogue at hand.

mod bm25_search;
mod combine;
mod diversify;
mod embedding_search;
mod explain;
mod fuse;
mod look_up;
mod order_by;
mod predicate_args;
mod predicate_schema;
mod ranking;
mod references;
mod similar_items;
mod spec;
mod sql_filter;

use segue_agent::Registry;
use segue_retrieval::Engine;

pub use explain::explain;

/// The built-in tools over this engine, in the order in which a plan usually needs them.
pub fn builtin(engine: Engine) -> Registry {
    Registry::default()
        .with(sql_filter::SqlFilter::new(engine.clone()))
        .with(bm25_search::Bm25Search::new(engine.clone()))
        .with(embedding_search::EmbeddingSearch::new(engine.clone()))
        .with(similar_items::SimilarItems::new(engine.clone()))
        .with(fuse::Fuse)
        .with(combine::Combine)
        .with(order_by::OrderByField)
        .with(diversify::Diversify::new(engine.clone()))
        .with(look_up::LookUp::new(engine))
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
