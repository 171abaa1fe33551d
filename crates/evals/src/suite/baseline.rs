//! Committed results to compare with: JSON Lines, a heading, a line for each part of the fingerprint and one for each case under a
//! variant, sorted, so that a new baseline shows in a diff as what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use segue_world::{FileError, fs};
use serde::{Deserialize, Serialize};

use super::Fingerprint;
use crate::metrics::{Better, Metric};
use crate::{CaseResult, CaseUsage, Measure};

/// Values are written to six decimals: what lies below is rounding of the machine.
const SCALE: f64 = 1e6;

/// Results of an earlier run.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// The suite they are of.
    pub suite: String,
    /// What they depended on.
    pub fingerprint: Fingerprint,
    /// The results, by variant, case and repeat; without times and details.
    pub results: Vec<CaseResult>,
}

/// A baseline that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not right.
    #[error("`{path}` line {line}: {message}; write a new one with --save-baseline")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// It is another suite's.
    #[error("`{path}` is a baseline of the suite `{is}`, not of `{wanted}`")]
    OtherSuite {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        is: String,
        /// Whose it should be.
        wanted: String,
    },
}

/// Whether a case became better or worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// It became worse.
    Worse,
    /// It became better.
    Better,
}

/// A case that is not what it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Under which variant.
    pub variant: String,
    /// Which case.
    pub case: String,
    /// In which metric.
    pub metric: String,
    /// What it was, over the repeats.
    pub before: f64,
    /// What it is.
    pub now: f64,
    /// Which way.
    pub direction: Direction,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Heading {
    suite: String,
    fingerprint: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    part: String,
    is: String,
}

/// A value alone has weight 1.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    One(f64),
    Share([f64; 2]),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    variant: String,
    case: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    repeat: u32,
    metrics: BTreeMap<String, Written>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Baseline {
    /// Of a run's results.
    pub fn of(suite: &str, fingerprint: &Fingerprint, results: &[CaseResult]) -> Self {
        let mut results = as_kept(results);
        results.sort_by(|a, b| key(a).cmp(&key(b)));
        Self { suite: suite.to_owned(), fingerprint: fingerprint.clone(), results }
    }

    /// Reads the baseline of this suite.
    pub fn read(path: &Path, suite: &str) -> Result<Self, BaselineError> {
        let text = fs::read_to_string(path)?;
        let wrong =
            |i: usize, message: String| BaselineError::Wrong { path: path.to_owned(), line: i + 1, message };
        let mut lines = text.lines().enumerate();
        let (_, heading) = lines.next().unwrap_or_default();
        let heading: Heading = serde_json::from_str(heading).map_err(|e| wrong(0, e.to_string()))?;
        if heading.suite != suite {
            let (is, wanted) = (heading.suite, suite.to_owned());
            return Err(BaselineError::OtherSuite { path: path.to_owned(), is, wanted });
        }
        let mut results: Vec<CaseResult> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut parts = BTreeMap::new();
        for (i, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            if let Ok(Part { part, is }) = serde_json::from_str(line) {
                parts.insert(part, is);
                continue;
            }
            let line: Line = serde_json::from_str(line).map_err(|e| wrong(i, e.to_string()))?;
            let result = line.into_result();
            if !seen.insert((result.variant.clone(), result.case.clone(), result.repeat)) {
                return Err(wrong(
                    i,
                    format!("case `{}` under `{}` stands here twice", result.case, result.variant),
                ));
            }
            results.push(result);
        }
        let fingerprint = Fingerprint { hash: heading.fingerprint, parts };
        Ok(Self { suite: heading.suite, fingerprint, results })
    }

    /// Writes it, atomically.
    pub fn write(&self, path: &Path) -> Result<(), BaselineError> {
        let heading = Heading { suite: self.suite.clone(), fingerprint: self.fingerprint.hash.clone() };
        let part = |(part, is): (&String, &String)| json(&Part { part: part.clone(), is: is.clone() });
        let mut lines = vec![json(&heading)];
        lines.extend(self.fingerprint.parts.iter().map(part));
        lines.extend(self.results.iter().map(|result| json(&Line::of(result))));
        let mut text = lines.join("\n");
        text.push('\n');
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write_atomic(path, text.as_bytes())?)
    }

    /// The cases that became better or worse, the largest changes first, those for the worse before those for the better. A case
    /// that fails is as bad as can be.
    pub fn changes(&self, results: &[CaseResult], metrics: &[Metric]) -> Vec<Change> {
        let mut changes = Vec::new();
        for metric in metrics {
            let (before, now) = (means(&self.results, *metric), means(results, *metric));
            for (key @ (variant, case), now) in &now {
                let Some(before) = before.get(key) else { continue };
                if (now - before).abs() < 1.0 / SCALE {
                    continue;
                }
                let gained = (now > before) != (metric.info.better == Better::Lower);
                let direction = if gained { Direction::Better } else { Direction::Worse };
                let (variant, case, metric) = ((*variant).to_owned(), (*case).to_owned(), metric.to_string());
                changes.push(Change { variant, case, metric, before: *before, now: *now, direction });
            }
        }
        let size = |c: &Change| (c.now - c.before).abs();
        changes.sort_by(|a, b| a.direction.cmp(&b.direction).then(size(b).total_cmp(&size(a))));
        changes
    }

    /// The cases of these variants that the baseline has and a run has not, as `variant/case`.
    pub fn missing_from(&self, results: &[CaseResult], variants: &[&str]) -> Vec<String> {
        let there: BTreeSet<_> = results.iter().map(|r| (&r.variant, &r.case)).collect();
        let of_these = self.results.iter().filter(|r| variants.contains(&r.variant.as_str()));
        let missing = of_these.filter(|r| !there.contains(&(&r.variant, &r.case)));
        let names: BTreeSet<String> = missing.map(|r| format!("{}/{}", r.variant, r.case)).collect();
        names.into_iter().collect()
    }
}

/// Results as a baseline keeps them: to six decimals, without times and details. What is compared with a baseline is taken so
/// too, or the rounding would show as a difference.
pub(super) fn as_kept(results: &[CaseResult]) -> Vec<CaseResult> {
    results.iter().map(|result| Line::of(result).into_result()).collect()
}

fn key(result: &CaseResult) -> (&str, &str, u32) {
    (&result.variant, &result.case, result.repeat)
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A metric by variant and case, over the repeats.
fn means(results: &[CaseResult], metric: Metric) -> BTreeMap<(&str, &str), f64> {
    let name = metric.to_string();
    let mut sums: BTreeMap<(&str, &str), Measure> = BTreeMap::new();
    for result in results {
        let worst = || metric.info.worst().filter(|_| result.error.is_some()).map(Measure::one);
        let Some(measure) = result.metrics.get(&name).copied().or_else(worst) else { continue };
        let sum = sums.entry((&result.variant, &result.case)).or_insert(Measure { value: 0.0, weight: 0.0 });
        sum.value += measure.value;
        sum.weight += measure.weight;
    }
    sums.into_iter().filter(|(_, m)| m.weight > 0.0).map(|(key, m)| (key, m.value / m.weight)).collect()
}

impl Line {
    fn of(result: &CaseResult) -> Self {
        let round = |x: f64| (x * SCALE).round() / SCALE;
        let written = |m: &Measure| match m.weight {
            1.0 => Written::One(round(m.value)),
            weight => Written::Share([round(m.value), round(weight)]),
        };
        Self {
            variant: result.variant.clone(),
            case: result.case.clone(),
            cluster: (result.cluster != result.case).then(|| result.cluster.clone()),
            repeat: result.repeat,
            metrics: result.metrics.iter().map(|(name, measure)| (name.clone(), written(measure))).collect(),
            error: result.error.clone(),
        }
    }

    fn into_result(self) -> CaseResult {
        let measure = |written: Written| match written {
            Written::One(value) => Measure::one(value),
            Written::Share([value, weight]) => Measure { value, weight },
        };
        CaseResult {
            cluster: self.cluster.unwrap_or_else(|| self.case.clone()),
            variant: self.variant,
            case: self.case,
            repeat: self.repeat,
            metrics: self.metrics.into_iter().map(|(name, written)| (name, measure(written))).collect(),
            usage: CaseUsage::default(),
            tools: Vec::new(),
            detail: serde_json::Value::Null,
            fallback: None,
            shown: Vec::new(),
            error: self.error,
        }
    }
}
