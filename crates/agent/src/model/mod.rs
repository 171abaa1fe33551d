//! Planning with a language model, behind the same reading, resolution and checks as without one.
//!
//! [`Routing`] is residual routing, for models of any size: the rules read what they can, the model is asked only about
//! the words that are left. [`Drafting`] asks for a whole plan in one reply, [`Native`] lets the model call the tools
//! itself. What a model says counts only as far as the request and the catalogue bear it out. Like the run these are
//! machines without IO: they say what to ask, and are fed what came back.

mod asking;
mod assemble;
mod brief;
mod calling;
mod drafting;
mod exchange;
mod linking;
mod native;
mod offer;
mod paraphrase;
mod phrases;
mod prompt;
mod routing;
mod support;

pub(crate) use brief::short;
pub use calling::{CallNext, Callable, Called, Calling, FunctionCall, plain, plain_calls};
pub(crate) use drafting::PROMPT as PLAN;
pub use drafting::{DraftNext, Drafted, Drafting};
pub use exchange::Exchange;
pub use linking::Ground;
pub(crate) use native::PROMPT as NATIVE;
pub use native::{Conversed, Native, NativeNext};
pub use prompt::{Prompt, PromptError, Prompts};
pub(crate) use routing::PROMPT as ROUTE;
pub use routing::{RouteNext, Routed, Routing};
