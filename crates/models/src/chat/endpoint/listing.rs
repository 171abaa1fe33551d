//! Which models a server has.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value as Json;
use tokio::time::timeout;

use super::Endpoint;

/// A list of models is smaller.
const LARGEST_LIST: usize = 8 << 20;

/// Why it is not known which models a server has. No message shows a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// It cannot be reached, or not in time.
    #[error("it does not answer: {0}")]
    Unreachable(String),
    /// It does not take the key, or wants one.
    #[error("it refuses the key (status {0})")]
    Refused(u16),
    /// It answers something else: not every server that can chat lists its models.
    #[error("it does not list its models: {0}")]
    NoList(String),
}

impl Endpoint {
    /// The models that the server lists, asked once, within this time.
    pub async fn list_models(&self, wait: Duration) -> Result<Vec<String>, ListingError> {
        let unreachable = |reason: String| ListingError::Unreachable(self.secrets.without(&reason));
        match timeout(wait, self.listed()).await {
            Ok(listed) => listed,
            Err(_) => Err(unreachable(format!("no answer within {} s", wait.as_secs_f32()))),
        }
    }

    async fn listed(&self) -> Result<Vec<String>, ListingError> {
        let told = |reason: String| self.secrets.without(&reason);
        let address = self.options.address().map_err(|e| ListingError::Unreachable(told(e.to_string())))?;
        let headers =
            self.options.header_map().map_err(|e| ListingError::Unreachable(told(e.to_string())))?;
        let asked = self.http.get(format!("{address}/models")).headers(headers).send().await;
        let mut response = asked.map_err(|e| ListingError::Unreachable(told(cause(&e))))?;
        match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(ListingError::Refused(response.status().as_u16()));
            }
            status if !status.is_success() => {
                return Err(ListingError::NoList(format!("status {}", status.as_u16())));
            }
            _ => {}
        }
        let mut body = Vec::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|e| ListingError::Unreachable(told(cause(&e))))?
        {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST_LIST {
                return Err(ListingError::NoList("the answer does not end".to_owned()));
            }
        }
        let json: Json = serde_json::from_slice(&body)
            .map_err(|_| ListingError::NoList("the answer is no JSON".to_owned()))?;
        let list = json.get("data").or_else(|| json.get("models")).and_then(Json::as_array);
        let list = list.ok_or_else(|| ListingError::NoList("the answer has no `data`".to_owned()))?;
        let name = |one: &Json| {
            let name = one.get("id").or_else(|| one.get("name")).unwrap_or(one);
            name.as_str().map(str::to_owned)
        };
        Ok(list.iter().filter_map(name).collect())
    }
}

/// What is behind an error of the library, whose own words are an address and little else.
fn cause(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
