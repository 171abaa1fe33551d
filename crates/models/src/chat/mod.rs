//! Chat models: what they are asked, what they answer, and every way in which they do not.

mod abilities;
mod ability_store;
mod cassette;
mod clean;
mod config;
mod endpoint;
mod error;
mod extract;
mod invariants;
mod message;
mod model;
mod open;
pub(crate) mod repetition;
mod reply;
mod request;
mod scripted;
mod secrets;

pub use abilities::{Abilities, probe};
pub use ability_store::AbilityStore;
pub use cassette::Cassette;
pub use config::{ConfigError, ModelSource, ModelsConfig, Prices, ResolvedModel, TaskRole, Weights};
pub use endpoint::{Endpoint, EndpointOptions, ListingError, OPENAI_BASE_URL};
pub use error::{ChatError, ChatErrorKind, Wait};
pub use extract::{calls_in, json_in};
pub use message::{Message, Role, ToolCallRequest};
pub use model::{ChatModel, Completion};
pub use open::{IN_PROCESS, OpenError};
pub use reply::{ChatReply, Delta, Finish, TokenLogprob, Usage};
pub use request::{ChatRequest, JsonSchemaFormat, ToolChoice, ToolDefinition};
pub use scripted::ScriptedModel;
pub use secrets::Secrets;
