//! The page: one file that needs no other.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Reported;
use super::cases::cases;
use super::summary::{Summary, summary};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A page that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the page cannot be made: {0}")]
pub struct ReportError(String);

/// What the template sees. `style`, `script` and all JSON go in as they are; everything else is escaped.
#[derive(Serialize)]
struct Page {
    policy: String,
    style: &'static str,
    script: &'static str,
    #[serde(flatten)]
    summary: Summary,
    data: String,
    details: Vec<Detail>,
    details_left_out: usize,
}

#[derive(Serialize)]
struct Detail {
    at: usize,
    json: String,
}

/// The run as one page of HTML. It fetches nothing and runs no script but its own, whatever the results say.
pub fn html(run: &Reported<'_>) -> Result<String, ReportError> {
    let (data, details, details_left_out) = cases(run);
    let detail = |d: super::cases::CaseDetail| Ok(Detail { at: d.at, json: json_in_script(&d.seen)? });
    let page = Page {
        policy: policy(),
        style: STYLE,
        script: SCRIPT,
        summary: summary(run),
        data: json_in_script(&data)?,
        details: details.into_iter().map(detail).collect::<Result<_, ReportError>>()?,
        details_left_out,
    };
    let failed = |e: minijinja::Error| ReportError(format!("{e:#}"));
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(failed)?;
    environment.set_syntax(syntax);
    // The name ends in `.html`, so that the engine escapes.
    environment.add_template("page.html", PAGE).map_err(failed)?;
    let template = environment.get_template("page.html").map_err(failed)?;
    template.render(minijinja::Value::from(Serde(page))).map_err(failed)
}

/// Nothing may be fetched and nothing may run but the page's own script and style, known by their hashes: no handler in an
/// attribute, no script that a text brought along.
fn policy() -> String {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
}

/// JSON that may stand in a script element: without `<` it can neither end the element nor begin a comment in it.
fn json_in_script(value: &impl Serialize) -> Result<String, ReportError> {
    let json = serde_json::to_string(value).map_err(|e| ReportError(e.to_string()))?;
    Ok(json.replace('<', "\\u003c"))
}
