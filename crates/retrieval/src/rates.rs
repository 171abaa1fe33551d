//! How fast this machine indexes, taken down at each build, so that the next one can be foretold.

use segue_catalog::Workspace;
use segue_world::{FileError, fs};
use serde::{Deserialize, Serialize};

use crate::IndexReport;

/// Fewer texts than this in a build say more about how long a model takes to load.
const ENOUGH_TEXTS: u64 = 32;

/// What was measured last. It belongs to the machine and is in no backup.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct IndexRates {
    /// Rows a second into the lexical index.
    pub rows_per_second: Option<f64>,
    /// Texts a second through the embedding model.
    pub texts_per_second: Option<f64>,
    /// Which model that was.
    pub model: Option<String>,
}

impl IndexRates {
    /// What is known; nothing, if nothing was measured or it cannot be read.
    pub fn read(workspace: &Workspace) -> Self {
        let json = fs::read(&workspace.rates()).unwrap_or_default();
        serde_json::from_slice(&json).unwrap_or_default()
    }

    /// Takes down what a build measured.
    pub fn note(workspace: &Workspace, report: &IndexReport) -> Result<(), FileError> {
        let mut rates = Self::read(workspace);
        let per_second = |count: u64, ms: f64| (ms > 0.0).then(|| count as f64 * 1000.0 / ms);
        rates.rows_per_second = per_second(report.items, report.lexical_ms).or(rates.rows_per_second);
        if report.embedded >= ENOUGH_TEXTS {
            rates.texts_per_second = per_second(report.embedded, report.embedding_ms);
            rates.model.clone_from(&report.model);
        }
        fs::write_atomic(&workspace.rates(), &serde_json::to_vec_pretty(&rates).unwrap_or_default())
    }

    /// Seconds for so many rows and texts of this model; `None` where a rate that is needed is not known.
    pub fn seconds(&self, rows: u64, texts: u64, model: Option<&str>) -> Option<f64> {
        let time = |count: u64, rate: Option<f64>| match count {
            0 => Some(0.0),
            count => rate.filter(|rate| *rate > 0.0).map(|rate| count as f64 / rate),
        };
        let of_model = self.texts_per_second.filter(|_| self.model.as_deref() == model);
        Some(time(rows, self.rows_per_second)? + time(texts, of_model)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_foretold_is_what_was_measured() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        assert_eq!(IndexRates::read(&workspace).seconds(10, 0, None), None);
        let report = |embedded, embedding_ms| IndexReport {
            generation: 1,
            items: 1000,
            embedded,
            model: Some("m".to_owned()),
            lexical_ms: 100.0,
            embedding_ms,
        };
        IndexRates::note(&workspace, &report(100, 2000.0)).unwrap();
        IndexRates::note(&workspace, &report(1, 2000.0)).unwrap();
        let rates = IndexRates::read(&workspace);
        assert_eq!(rates.seconds(20_000, 100, Some("m")), Some(4.0));
        assert_eq!(rates.seconds(20_000, 0, None), Some(2.0));
        assert_eq!(rates.seconds(20_000, 100, Some("another")), None);
    }
}
