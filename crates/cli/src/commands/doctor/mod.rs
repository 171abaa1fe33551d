//! `segue doctor`: what is wrong, where, and what to do about it.

mod endpoints;
mod shelf;
mod workspace;

use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;

use crate::args::Doctor;
use crate::failure::Failure;
use crate::house::House;
use crate::output::{Output, tame};
use crate::progress::Stages;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Severity {
    /// Something does not work, or will be lost.
    Error,
    /// Something works less well than it could, or takes room.
    Warning,
    /// Good to know.
    Note,
}

/// One thing that was found.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    severity: Severity,
    /// A stable name.
    kind: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    /// What `--fix` did about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fixed: Option<String>,
}

/// What has been found so far, and whether to do something about it.
#[derive(Debug)]
pub(super) struct Report {
    fix: bool,
    findings: Vec<Finding>,
    /// What was looked at.
    checked: Vec<&'static str>,
    stages: Stages,
}

impl Report {
    fn looking_at(&mut self, what: &'static str) {
        self.stages.at(&format!("looking at {what}"), 0, 0);
        self.checked.push(what);
    }

    fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// A failure as a finding: its message, its remedy.
    fn failed(&mut self, severity: Severity, kind: &'static str, failure: impl Into<Failure>) {
        let Failure { message, remedy, at, .. } = failure.into();
        // The file and the reason are in the message.
        let remedy = remedy.or_else(|| Some("correct that, and run `segue doctor` again".to_owned()));
        self.push(Finding { at, remedy, ..Finding::new(severity, kind, message) });
    }
}

impl Finding {
    fn new(severity: Severity, kind: &'static str, message: impl Into<String>) -> Self {
        Self { severity, kind, message: message.into(), at: None, remedy: None, fixed: None }
    }

    fn at(mut self, path: &Path) -> Self {
        self.at = Some(path.display().to_string());
        self
    }

    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// What was done about it; a failure of that is one more reason.
    fn fixed(mut self, done: Result<String, Failure>) -> Self {
        match done {
            Ok(done) => self.fixed = Some(done),
            Err(failure) => self.message = format!("{}; it could not be put right: {failure}", self.message),
        }
        self
    }
}

pub(crate) async fn run(house: &House, args: &Doctor, output: &mut Output) -> Result<ExitCode, Failure> {
    let mut report =
        Report { fix: args.fix, findings: Vec::new(), checked: Vec::new(), stages: Stages::default() };
    workspace::check(house, &mut report);
    shelf::check(house, args.offline, &mut report);
    endpoints::check(house, args.offline, &mut report).await;
    let Report { mut findings, checked, mut stages, .. } = report;
    stages.end();
    findings.sort_by_key(|found| found.severity);
    let left = |severity| findings.iter().filter(|f| f.severity == severity && f.fixed.is_none()).count();
    let (errors, warnings) = (left(Severity::Error), left(Severity::Warning));
    if output.is_json() {
        output.json(
            &json!({ "errors": errors, "warnings": warnings, "findings": findings, "checked": checked }),
        );
    } else {
        for found in &findings {
            show(found, output);
        }
        let say = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        output.line(format!(
            "{}, {}; looked at {}",
            say(errors, "error"),
            say(warnings, "warning"),
            checked.join(", ")
        ));
    }
    Ok(ExitCode::from(if errors > 0 { 3 } else { 0 }))
}

fn show(found: &Finding, output: &mut Output) {
    let styles = output.styles();
    let mark = match found.severity {
        _ if found.fixed.is_some() => styles.good.paint("fixed  "),
        Severity::Error => styles.bad.paint("error  "),
        Severity::Warning => styles.warn.paint("warning"),
        Severity::Note => styles.dim.paint("note   "),
    };
    let at = found.at.as_ref().map(|at| format!(" ({})", tame(at))).unwrap_or_default();
    output.line(format!("{mark} {}{at}", tame(&found.message)));
    if let Some(done) = found.fixed.as_ref() {
        output.line(format!("        {}", tame(done)));
    } else if let Some(remedy) = &found.remedy {
        output.line(format!("        {} {}", styles.good.paint("remedy:"), tame(remedy)));
    }
}
