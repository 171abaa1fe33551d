//! A run as JUnit XML, as CI systems read it.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::CaseResult;
use crate::suite::{Assessment, GateResult};

/// Results that cannot be written as XML.
#[derive(Debug, thiserror::Error)]
#[error("the results cannot be written as JUnit XML: {0}")]
pub struct JunitError(#[from] quick_junit::SerializeError);

/// The run as JUnit XML: a suite a variant, in it a test case a case run with its measures as properties, and a suite of the
/// gates.
///
/// A gate that does not hold is a failure, one that could not be judged is skipped, and a case that has no result is an error.
/// Characters that XML does not allow are left out.
pub fn junit(assessment: &Assessment, results: &[CaseResult]) -> Result<String, JunitError> {
    let mut report = Report::new(assessment.suite.as_str());
    for variant in &assessment.variants {
        let name = format!("{}.{}", assessment.suite, variant.name);
        let mut suite = TestSuite::new(name.as_str());
        for (metric, figure) in &variant.metrics {
            suite.add_property(Property::new(metric.as_str(), figure.value.to_string()));
        }
        suite.add_test_cases(results.iter().filter(|r| r.variant == variant.name).map(|r| case(&name, r)));
        report.add_test_suite(suite);
    }
    if !assessment.gate.results.is_empty() {
        let name = format!("{}.gate", assessment.suite);
        let mut suite = TestSuite::new(name.as_str());
        suite.add_property(Property::new("fingerprint", assessment.fingerprint.as_str()));
        suite.add_test_cases(assessment.gate.results.iter().map(|g| gate(&name, g)));
        report.add_test_suite(suite);
    }
    Ok(report.to_string()?)
}

fn case(suite: &str, result: &CaseResult) -> TestCase {
    let status = match &result.error {
        None => TestCaseStatus::success(),
        Some(reason) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(reason.as_str());
            status
        }
    };
    let name = match result.repeat {
        0 => result.case.clone(),
        repeat => format!("{} (repeat {})", result.case, repeat + 1),
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(suite);
    case.set_time(Duration::try_from_secs_f64(result.usage.ms / 1e3).unwrap_or_default());
    for (metric, measure) in result.metrics.iter().filter(|(_, m)| m.weight > 0.0) {
        case.add_property(Property::new(metric.as_str(), (measure.value / measure.weight).to_string()));
    }
    case
}

fn gate(suite: &str, gate: &GateResult) -> TestCase {
    let told = |mut status: TestCaseStatus| {
        status.set_message(gate.because.as_str());
        status
    };
    let status = match gate.passed {
        Some(true) => TestCaseStatus::success(),
        Some(false) => told(TestCaseStatus::non_success(NonSuccessKind::Failure)),
        None => told(TestCaseStatus::skipped()),
    };
    let mut case = TestCase::new(format!("{} of {}", gate.metric, gate.variant), status);
    case.set_classname(suite);
    case
}
