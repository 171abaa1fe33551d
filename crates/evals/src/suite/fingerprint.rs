//! One hash of all that results depend on, with its parts, so that a person sees which one changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Suite, System, Task};

/// The crates whose sources results depend on, each with the hash of them.
const CODE: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/code_parts.rs"));

/// What results depend on. Equal hashes stand for equal results, but for what a model draws and a clock shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The first 16 hexadecimal digits of the SHA-256 of the parts.
    pub hash: String,
    /// Each part by the hash of it, or by its name where that says all (a model's).
    pub parts: BTreeMap<String, String>,
}

/// A part that two fingerprints differ in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartChange {
    /// Which.
    pub part: String,
    /// What it was; `None` if it was not there.
    pub before: Option<String>,
    /// What it is; `None` if it is not there any more.
    pub now: Option<String>,
}

/// The sources of the crates, as parts.
pub fn code_parts() -> Vec<(String, String)> {
    CODE.iter().map(|(name, hash)| (format!("code: {name}"), (*hash).to_owned())).collect()
}

impl Fingerprint {
    /// Of a suite, what its task depends on, and the code.
    pub fn of(suite: &Suite, task: &dyn Task) -> Self {
        let mut parts: BTreeMap<String, String> = task.depends().into_iter().collect();
        let agents = suite.variants.iter().any(|v| matches!(v.system, System::Agent { .. }));
        let matters = |part: &str| agents || !matches!(part, "code: agent" | "code: tools");
        parts.extend(code_parts().into_iter().filter(|(part, _)| matters(part)));
        for variant in &suite.variants {
            parts.insert(format!("variant: {}", variant.name), json(variant));
        }
        parts.insert("data".to_owned(), json(&suite.data));
        parts.insert(
            "metrics".to_owned(),
            json(&suite.metrics.iter().map(ToString::to_string).collect::<Vec<_>>()),
        );
        parts.insert("repeats".to_owned(), suite.repeats.to_string());
        Self::from_parts(parts)
    }

    /// Of these parts.
    pub fn from_parts(parts: BTreeMap<String, String>) -> Self {
        let hash = digest(&json(&parts));
        Self { hash, parts }
    }

    /// The parts that differ from those before.
    pub fn changes(&self, before: &Fingerprint) -> Vec<PartChange> {
        let names: std::collections::BTreeSet<&String> =
            self.parts.keys().chain(before.parts.keys()).collect();
        let change = |part: &String| PartChange {
            part: part.clone(),
            before: before.parts.get(part).cloned(),
            now: self.parts.get(part).cloned(),
        };
        names.into_iter().map(change).filter(|c| c.before != c.now).collect()
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The first 16 hexadecimal digits of the SHA-256.
pub(crate) fn digest(text: &str) -> String {
    use std::fmt::Write;
    Sha256::digest(text).iter().take(8).fold(String::with_capacity(16), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
