//! Planning with a language model, behind the same reading, resolution and checks as without one.
//!
//! [`Routing`] is residual routing, for models of any size: the rules read what they can, the model is asked only about
//! the words that are left, and what it says counts only as far as the request and the catalogue bear it out. Like
//! the run it is a machine without IO: it says what to ask, and is fed what came back.

mod brief;
mod exchange;
mod paraphrase;
mod phrases;
mod prompt;
mod routing;
mod support;

pub(crate) use brief::short;
pub use exchange::Exchange;
pub use prompt::{Prompt, PromptError, Prompts};
pub(crate) use routing::PROMPT as ROUTE;
pub use routing::{RouteNext, Routed, Routing};
