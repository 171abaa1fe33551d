use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;

/// What must not be shown or stored wherever it turns up: keys, and the values of headers that hold one.
#[derive(Clone, Default)]
pub struct Secrets(Arc<[SecretString]>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secrets").field(&self.0.len()).finish()
    }
}

/// Characters of the shortest secret. What servers without keys are given (`local`, `none`, `EMPTY`) are words of any text.
const SHORTEST: usize = 8;

impl Secrets {
    /// These; one of fewer than eight characters hides nothing and is none.
    pub fn new(secrets: Vec<SecretString>) -> Self {
        let is_long = |secret: &SecretString| secret.expose_secret().chars().count() >= SHORTEST;
        Self(secrets.into_iter().filter(is_long).collect())
    }

    /// True if one of them is in the text, as it is or as JSON writes it inside a string.
    pub fn are_in(&self, text: &str) -> bool {
        self.forms().any(|form| text.contains(&*form))
    }

    /// The text with each of them replaced.
    pub fn without(&self, text: &str) -> String {
        self.forms().fold(text.to_owned(), |text, form| match text.contains(&*form) {
            true => text.replace(&*form, "[redacted]"),
            false => text,
        })
    }

    fn forms(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.0.iter().map(|secret| secret.expose_secret()).flat_map(|secret| {
            let quoted = Json::from(secret).to_string();
            let escaped = quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned();
            [Cow::Borrowed(secret), Cow::Owned(escaped)]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_as_it_is_and_as_json_writes_it() {
        let secrets = Secrets::new(vec!["sk-\"hush\\".into(), "local".into(), "".into()]);
        assert_eq!(secrets.without(r#"a sk-"hush\ b"#), "a [redacted] b");
        assert_eq!(secrets.without(r#"{"a":"sk-\"hush\\"}"#), r#"{"a":"[redacted]"}"#);
        assert!(!secrets.are_in("sk-") && secrets.are_in(r#"sk-"hush\"#));
        assert!(!secrets.are_in("a local server"), "a placeholder is a word like others");
        assert_eq!(format!("{secrets:?}"), "Secrets(1)");
    }
}
