//! Requests by the file.
use segue_agent::{Agent, Cancellation};
use segue_retrieval::Engine;
use segue_world::World;

use super::ScenarioOutcome;
use super::parse::CasesBlock;

pub(super) async fn run(
    _agent: &Agent,
    _engine: &Engine,
    _world: &dyn World,
    block: &CasesBlock,
    _cancellation: &Cancellation,
    outcome: &mut ScenarioOutcome,
) {
    outcome.fail(block.line, "", "not yet".to_owned());
}
