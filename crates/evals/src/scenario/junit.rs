//! Outcomes as JUnit XML, as CI systems read it.

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::{ScenarioOutcome, ScenarioRun, Status};

/// The run as JUnit XML: a suite a file, a test case a scenario. Characters that XML does not allow are left out.
///
/// # Errors
/// Where it cannot be written as XML.
pub fn junit(run: &ScenarioRun) -> Result<String, SerializeError> {
    let mut report = Report::new("scenarios");
    for of_file in run.outcomes.chunk_by(|a, b| a.path == b.path) {
        let Some(first) = of_file.first() else { continue };
        let mut suite = TestSuite::new(first.path.display().to_string());
        suite.add_test_cases(of_file.iter().map(case));
        report.add_test_suite(suite);
    }
    report.to_string()
}

fn case(outcome: &ScenarioOutcome) -> TestCase {
    let lines: Vec<String> = outcome
        .failures
        .iter()
        .map(|f| format!("{}:{}: {}\n    {}", outcome.path.display(), f.line, f.assertion, f.got))
        .collect();
    let failed = |kind| {
        let mut status = TestCaseStatus::non_success(kind);
        let first =
            outcome.failures.first().map(|f| format!("{} {}", f.assertion, f.got)).unwrap_or_default();
        status.set_message(first.trim().to_owned()).set_description(lines.join("\n"));
        status
    };
    let status = match outcome.status {
        Status::Passed => TestCaseStatus::success(),
        Status::Failed => failed(NonSuccessKind::Failure),
        Status::Broken => failed(NonSuccessKind::Error),
        Status::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(outcome.skipped.clone().unwrap_or_default());
            status
        }
    };
    let mut case = TestCase::new(outcome.name.clone(), status);
    case.set_classname(outcome.path.display().to_string());
    case.set_time(std::time::Duration::try_from_secs_f64(outcome.usage.ms / 1e3).unwrap_or_default());
    case
}
