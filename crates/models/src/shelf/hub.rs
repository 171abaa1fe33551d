//! Files from the model hub, over HTTP.

use std::time::Duration;

use segue_world::World;

use super::manifest::{FileSpec, HubRepository};

const ENDPOINT: &str = "https://huggingface.co";

/// A machine without a network must find out in seconds, also where packets vanish without an answer.
const REACH: Duration = Duration::from_secs(4);
const ANSWER: Duration = Duration::from_secs(15);
/// A download may take as long as it takes, but not stand still.
const STALL: Duration = Duration::from_secs(30);

/// The hub as this world configures it: `HF_ENDPOINT`, `HF_HUB_OFFLINE`.
#[derive(Debug)]
pub(crate) struct Hub {
    endpoint: String,
    agent: ureq::Agent,
}

impl Hub {
    /// # Errors
    /// Says so if the hub is switched off.
    pub(crate) fn new(world: &dyn World) -> Result<Self, String> {
        let offline = world.env("HF_HUB_OFFLINE").unwrap_or_default().to_ascii_lowercase();
        if matches!(offline.as_str(), "1" | "true" | "yes" | "on") {
            return Err("switched off by `HF_HUB_OFFLINE`".to_owned());
        }
        let endpoint = world.env("HF_ENDPOINT").filter(|e| !e.is_empty());
        let agent = ureq::Agent::config_builder()
            .timeout_resolve(Some(REACH))
            .timeout_connect(Some(REACH))
            .timeout_recv_response(Some(ANSWER))
            .timeout_per_read(Some(STALL))
            .build()
            .new_agent();
        Ok(Self { endpoint: endpoint.as_deref().unwrap_or(ENDPOINT).trim_end_matches('/').to_owned(), agent })
    }

    /// The content of one file.
    ///
    /// # Errors
    /// Why not, in one line with the address.
    pub(crate) fn open(
        &self,
        repository: &HubRepository,
        file: &FileSpec,
    ) -> Result<impl std::io::Read + 'static, String> {
        let HubRepository { repo, revision } = repository;
        let address = format!("{}/{repo}/resolve/{revision}/{}", self.endpoint, file.origin());
        match self.agent.get(&address).call() {
            Ok(response) => Ok(response.into_body().into_with_config().limit(file.bytes + 1).reader()),
            Err(error) => Err(format!("cannot get `{address}`: {error}")),
        }
    }
}
