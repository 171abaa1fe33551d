//! Turns for an OpenTelemetry collector: each finished trace as spans, OTLP over HTTP in JSON. Set up by the variables
//! that OpenTelemetry gives names to:
//!
//! | variable | means |
//! |---|---|
//! | `OTEL_EXPORTER_OTLP_ENDPOINT` | the collector; `/v1/traces` is added. Without it nothing is exported |
//! | `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` | the whole address, in place of the other |
//! | `OTEL_EXPORTER_OTLP_HEADERS` | `name=value,name=value`, sent along |
//! | `OTEL_SERVICE_NAME` | `segue`, if not given |
//! | `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` | `true` exports what was said as well |
//! | `OTEL_SDK_DISABLED` | `true` exports nothing |

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use segue_agent::trace::{SpanOptions, Trace};
use segue_world::World;

use crate::output::{remark, tame};

/// How long one export may take.
const LONGEST: Duration = Duration::from_secs(10);
/// How long the end of a command waits for exports under way.
const LAST: Duration = Duration::from_secs(3);

/// Where traces go, beside the conversation: what takes long or fails there is no matter of the turn.
#[derive(Debug)]
pub(crate) struct Exports {
    paths: Option<Sender<PathBuf>>,
    ended: Receiver<()>,
}

impl Exports {
    /// As the environment says; `None` if it does not ask for exports.
    pub(crate) fn of(world: &dyn World) -> Option<Self> {
        let set = |name: &str| world.env(name).filter(|value| !value.trim().is_empty());
        let is_true = |name| set(name).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
        if is_true("OTEL_SDK_DISABLED") {
            return None;
        }
        let whole = set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let base =
            || set("OTEL_EXPORTER_OTLP_ENDPOINT").map(|a| format!("{}/v1/traces", a.trim_end_matches('/')));
        let collector = Collector {
            address: whole.or_else(base)?,
            headers: headers(&set("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default()),
            options: SpanOptions {
                service: set("OTEL_SERVICE_NAME").unwrap_or_else(|| "segue".to_owned()),
                content: is_true("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"),
            },
        };
        let (paths, traces) = channel::<PathBuf>();
        let (end, ended) = channel();
        std::thread::spawn(move || {
            for path in traces {
                if let Err(problem) = collector.export(&path) {
                    remark(format!("the turn was not exported: {}", tame(&problem)));
                }
            }
            let _ = end.send(());
        });
        Some(Self { paths: Some(paths), ended })
    }

    /// Exports this trace in its turn.
    pub(crate) fn add(&self, path: PathBuf) {
        // The thread ends after its sender.
        let _ = self.paths.as_ref().map(|paths| paths.send(path));
    }
}

impl Drop for Exports {
    fn drop(&mut self) {
        self.paths = None;
        if self.ended.recv_timeout(LAST).is_err() {
            remark("the collector has not answered in time; some turns may not have been exported");
        }
    }
}

/// A server that takes spans.
struct Collector {
    address: String,
    headers: Vec<(String, String)>,
    options: SpanOptions,
}

impl Collector {
    fn export(&self, path: &Path) -> Result<(), String> {
        let trace = Trace::read(path).map_err(|e| e.to_string())?;
        let agent = ureq::Agent::config_builder().timeout_global(Some(LONGEST)).build().new_agent();
        let mut request = agent.post(&self.address).header("content-type", "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let body = trace.to_otlp(&self.options).to_string();
        request.send(body).map(drop).map_err(|e| format!("cannot post to `{}`: {e}", self.address))
    }
}

/// `name=value,name=value`, with `%20` and the like in values.
fn headers(text: &str) -> Vec<(String, String)> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), decoded(value.trim()))).collect()
}

fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend(part.bytes().skip(2));
            }
            None => bytes.extend(["%", part].concat().bytes()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn headers_are_read_as_opentelemetry_writes_them() {
        let read = super::headers("authorization=Bearer%20a%3Db, x-team = films ,nonsense,p=100%");
        let expected = [("authorization", "Bearer a=b"), ("x-team", "films"), ("p", "100%")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
