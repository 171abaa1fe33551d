//! Judgments of items: which item answers which request, and how well.
//!
//! A file of them is in the layout of BEIR's `qrels`: a heading, then a line each of request, item and grade with tabs between
//! them; below 1 is not relevant, and the last line of a pair counts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use segue_world::{FileError, FileLock, fs};

/// Request to item to grade; below 1 is not relevant.
pub type Judgments = BTreeMap<String, BTreeMap<String, i64>>;

const HEADING: &str = "query-id\tcorpus-id\tscore\n";

/// A file of judgments that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JudgmentsError {
    /// A line is not as the layout wants it.
    #[error("`{path}` line {line}: {message}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong and what would be right.
        message: String,
    },
    /// Somebody else writes to it.
    #[error("somebody is judging into `{0}` already; end that, or name another judge")]
    Busy(PathBuf),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Reads a file of judgments.
pub fn read(path: &Path) -> Result<Judgments, JudgmentsError> {
    parse(&fs::read_to_string(path)?, path)
}

fn parse(text: &str, path: &Path) -> Result<Judgments, JudgmentsError> {
    let mut judgments = Judgments::new();
    for (i, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |message: String| JudgmentsError::Wrong { path: path.to_owned(), line: i + 1, message };
        let mut columns = line.split('\t').map(str::trim);
        let (Some(request), Some(item), Some(grade), None) =
            (columns.next(), columns.next(), columns.next(), columns.next())
        else {
            return Err(wrong(
                "a line should be query, document and grade, with tabs between them".to_owned(),
            ));
        };
        let grade: i64 =
            grade.parse().map_err(|_| wrong(format!("the grade `{grade}` should be a whole number")))?;
        judgments.entry(request.to_owned()).or_default().insert(item.to_owned(), grade);
    }
    Ok(judgments)
}

/// What several people judged, as one: the median of the grades of a pair, the lower of two in the middle.
pub fn median(of: &[Judgments]) -> Judgments {
    let mut grades: BTreeMap<(&str, &str), Vec<i64>> = BTreeMap::new();
    for (request, items) in of.iter().flatten() {
        for (item, grade) in items {
            grades.entry((request, item)).or_default().push(*grade);
        }
    }
    let mut judgments = Judgments::new();
    for ((request, item), mut grades) in grades {
        grades.sort_unstable();
        if let Some(grade) = grades.get((grades.len().saturating_sub(1)) / 2) {
            judgments.entry(request.to_owned()).or_default().insert(item.to_owned(), *grade);
        }
    }
    judgments
}

/// A file that a judge adds to. Whoever holds it is alone in writing there.
#[derive(Debug)]
pub struct JudgmentFile {
    path: PathBuf,
    judgments: Judgments,
    _lock: FileLock,
}

impl JudgmentFile {
    /// Opens it, or makes it. A last line without its end was cut by a kill and is dropped.
    pub fn open(path: &Path) -> Result<Self, JudgmentsError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        let lock = fs::try_lock(Path::new(&lock))?.ok_or_else(|| JudgmentsError::Busy(path.to_owned()))?;
        let mut text = if fs::exists(path) { fs::read_to_string(path)? } else { String::new() };
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole == 0 || whole < text.len() {
            text.truncate(whole);
            if text.is_empty() {
                HEADING.clone_into(&mut text);
            }
            fs::write_atomic(path, text.as_bytes())?;
        }
        Ok(Self { path: path.to_owned(), judgments: parse(&text, path)?, _lock: lock })
    }

    /// What is judged.
    pub fn judgments(&self) -> &Judgments {
        &self.judgments
    }

    /// Adds a grade, or takes an earlier one's place; it is on the disk when this returns.
    pub fn add(&mut self, request: &str, item: &str, grade: i64) -> Result<(), JudgmentsError> {
        if let Some(name) = [request, item].iter().find(|name| name.contains(['\t', '\n', '\r'])) {
            let message =
                format!("`{}` cannot be written: it has a tab or a line break", name.escape_debug());
            return Err(JudgmentsError::Wrong { path: self.path.clone(), line: 0, message });
        }
        fs::append(&self.path, format!("{request}\t{item}\t{grade}\n").as_bytes())?;
        self.judgments.entry(request.to_owned()).or_default().insert(item.to_owned(), grade);
        Ok(())
    }
}

/// How far two judges agree on which items are relevant.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Agreement {
    /// Pairs that both judged.
    pub pairs: usize,
    /// Of these, on so many they are of one mind.
    pub same: usize,
    /// Agreement beyond chance, at most 1; none where one of them found all or nothing relevant, so that chance explains all
    /// (Cohen, "A coefficient of agreement for nominal scales", 1960).
    pub kappa: Option<f64>,
}

/// Compares two judges; `None` if no pair was judged by both.
pub fn agreement(a: &Judgments, b: &Judgments) -> Option<Agreement> {
    let both = a.iter().filter_map(|(request, items)| Some((items, b.get(request)?)));
    let both = both.flat_map(|(items, theirs)| items.iter().filter_map(|(i, x)| Some((*x, *theirs.get(i)?))));
    let relevant: Vec<(bool, bool)> = both.map(|(x, y)| (x > 0, y > 0)).collect();
    if relevant.is_empty() {
        return None;
    }
    let n = relevant.len() as f64;
    let same = relevant.iter().filter(|(x, y)| x == y).count();
    let first = relevant.iter().filter(|(x, _)| *x).count() as f64 / n;
    let second = relevant.iter().filter(|(_, y)| *y).count() as f64 / n;
    let by_chance = first * second + (1.0 - first) * (1.0 - second);
    let kappa = (by_chance < 1.0).then(|| (same as f64 / n - by_chance) / (1.0 - by_chance));
    Some(Agreement { pairs: relevant.len(), same, kappa })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str, i64)]) -> Judgments {
        let mut judgments = Judgments::new();
        for (request, item, grade) in pairs {
            judgments.entry((*request).to_owned()).or_default().insert((*item).to_owned(), *grade);
        }
        judgments
    }

    #[test]
    fn what_was_judged_is_there_after_a_kill_and_nobody_writes_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes/ann.tsv");
        let mut file = JudgmentFile::open(&path).unwrap();
        file.add("q1", "a", 2).unwrap();
        file.add("q1", "a", 1).unwrap();
        file.add("q2", "b", 0).unwrap();
        assert!(matches!(JudgmentFile::open(&path), Err(JudgmentsError::Busy(_))));
        assert!(file.add("q\t", "b", 0).unwrap_err().to_string().contains("a tab"));
        drop(file);
        fs::append(&path, b"q2\tc").unwrap();
        let file = JudgmentFile::open(&path).unwrap();
        assert_eq!(*file.judgments(), of(&[("q1", "a", 1), ("q2", "b", 0)]));
        assert_eq!(read(&path).unwrap(), *file.judgments());
        fs::append(&path, b"q2 c 1\n").unwrap();
        let told = read(&path).unwrap_err().to_string();
        assert!(told.contains("line 5: a line should be query, document and grade"), "{told}");
    }

    #[test]
    fn several_judges_are_their_median() {
        let judges = [of(&[("q", "a", 2), ("q", "b", 1)]), of(&[("q", "a", 0), ("q", "b", 0)])];
        assert_eq!(median(&judges), of(&[("q", "a", 0), ("q", "b", 0)]));
        let three = [judges[0].clone(), judges[1].clone(), of(&[("q", "a", 1)])];
        assert_eq!(median(&three), of(&[("q", "a", 1), ("q", "b", 0)]));
    }

    #[test]
    fn agreement_is_taken_beyond_chance() {
        let a = of(&[("q", "a", 1), ("q", "b", 1), ("q", "c", 0), ("q", "d", 0), ("r", "a", 1)]);
        let b = of(&[("q", "a", 2), ("q", "b", 0), ("q", "c", 0), ("q", "d", 0)]);
        let agreed = agreement(&a, &b).unwrap();
        // 3 of 4; by chance ½·¼ + ½·¾ = ½.
        assert_eq!((agreed.pairs, agreed.same, agreed.kappa), (4, 3, Some(0.5)));
        let all = of(&[("q", "a", 1), ("q", "b", 1)]);
        assert_eq!(agreement(&all, &all).unwrap().kappa, None);
        assert_eq!(agreement(&a, &of(&[("s", "a", 1)])), None);
    }
}
