//! Sorting more than fits in memory: keys and payloads as bytes, in memory up to a budget, then in sorted
//! runs on disk that are merged when read (Knuth, The Art of Computer Programming, vol. 3, section 5.4).
//!
//! Everything that an import writes is written in the order of its key, from such a sorter, so that SQLite
//! only ever appends.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use segue_world::{FileError, fs};

/// Collects records and gives them back in the order of their keys, bytewise.
#[derive(Debug)]
pub(crate) struct Sorter {
    folder: PathBuf,
    name: &'static str,
    budget: usize,
    arena: Vec<u8>,
    entries: Vec<Entry>,
    runs: Vec<PathBuf>,
}

/// Where a record lies in the arena. The first sixteen bytes of the key stand here too, so that most
/// comparisons touch nothing else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    prefix: u128,
    start: usize,
    key: u32,
    payload: u32,
}

impl Entry {
    fn key(self, arena: &[u8]) -> &[u8] {
        arena.get(self.start..self.start + self.key as usize).unwrap_or_default()
    }

    fn payload(self, arena: &[u8]) -> &[u8] {
        let start = self.start + self.key as usize;
        arena.get(start..start + self.payload as usize).unwrap_or_default()
    }

    fn compare(&self, other: &Self, arena: &[u8]) -> Ordering {
        self.prefix.cmp(&other.prefix).then_with(|| self.key(arena).cmp(other.key(arena)))
    }
}

impl Sorter {
    /// A sorter that keeps its runs in `folder` under `name` once it holds more than `budget` bytes.
    pub(crate) fn new(folder: &Path, name: &'static str, budget: usize) -> Self {
        let folder = folder.to_owned();
        Self { folder, name, budget, arena: Vec::new(), entries: Vec::new(), runs: Vec::new() }
    }

    /// Adds a record. Records of the same key come back in no particular order.
    pub(crate) fn push(&mut self, key: &[u8], payload: &[u8]) -> Result<(), FileError> {
        let mut prefix = [0; 16];
        prefix.iter_mut().zip(key).for_each(|(p, k)| *p = *k);
        self.entries.push(Entry {
            prefix: u128::from_be_bytes(prefix),
            start: self.arena.len(),
            key: key.len() as u32,
            payload: payload.len() as u32,
        });
        self.arena.extend_from_slice(key);
        self.arena.extend_from_slice(payload);
        if self.arena.len() + self.entries.len() * size_of::<Entry>() > self.budget {
            self.spill()?;
        }
        Ok(())
    }

    /// The records in order.
    pub(crate) fn sorted(mut self) -> Result<Sorted, FileError> {
        if self.runs.is_empty() {
            self.sort();
            return Ok(Sorted::Memory { arena: self.arena, entries: self.entries, next: 0 });
        }
        self.spill()?;
        let mut runs = Vec::with_capacity(self.runs.len());
        let mut heads = BinaryHeap::new();
        for path in self.runs {
            let mut run = Run { reader: fs::open(&path)?, path };
            if let Some((key, payload)) = run.next()? {
                heads.push(Reverse((key, runs.len(), payload)));
            }
            runs.push(run);
        }
        Ok(Sorted::Disk { runs, heads, current: None })
    }

    fn sort(&mut self) {
        let arena = &self.arena;
        self.entries.sort_unstable_by(|a, b| a.compare(b, arena));
    }

    fn spill(&mut self) -> Result<(), FileError> {
        if self.entries.is_empty() {
            return Ok(());
        }
        self.sort();
        fs::create_dir_all(&self.folder)?;
        let path = self.folder.join(format!("{}-{}.run", self.name, self.runs.len()));
        let mut file = fs::writer(&path)?;
        self.write_to(&mut file).map_err(|source| FileError {
            action: "write",
            path: path.clone(),
            source,
        })?;
        self.runs.push(path);
        self.arena.clear();
        self.entries.clear();
        Ok(())
    }

    fn write_to(&self, file: &mut BufWriter<File>) -> io::Result<()> {
        for entry in &self.entries {
            file.write_all(&entry.key.to_le_bytes())?;
            file.write_all(&entry.payload.to_le_bytes())?;
            file.write_all(entry.key(&self.arena))?;
            file.write_all(entry.payload(&self.arena))?;
        }
        file.flush()
    }
}

type Owned = (Vec<u8>, Vec<u8>);

/// Records in the order of their keys.
#[derive(Debug)]
pub(crate) enum Sorted {
    Memory { arena: Vec<u8>, entries: Vec<Entry>, next: usize },
    Disk { runs: Vec<Run>, heads: BinaryHeap<Reverse<(Vec<u8>, usize, Vec<u8>)>>, current: Option<Owned> },
}

impl Sorted {
    /// The next record's key and payload.
    pub(crate) fn next(&mut self) -> Result<Option<(&[u8], &[u8])>, FileError> {
        match self {
            Self::Memory { arena, entries, next } => {
                let entry = entries.get(*next);
                *next += 1;
                Ok(entry.map(|e| (e.key(arena), e.payload(arena))))
            }
            Self::Disk { runs, heads, current } => {
                let Some(Reverse((key, run, payload))) = heads.pop() else { return Ok(None) };
                if let Some((next_key, next_payload)) =
                    runs.get_mut(run).map(Run::next).transpose()?.flatten()
                {
                    heads.push(Reverse((next_key, run, next_payload)));
                }
                Ok(Some(current.insert((key, payload))).map(|(k, p)| (k.as_slice(), p.as_slice())))
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct Run {
    path: PathBuf,
    reader: BufReader<File>,
}

impl Run {
    fn next(&mut self) -> Result<Option<Owned>, FileError> {
        let mut lengths = [0; 8];
        match self.reader.read_exact(&mut lengths) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other.map_err(|source| self.failed(source))?,
        }
        let [a, b, c, d, e, f, g, h] = lengths;
        let key = self.take(u32::from_le_bytes([a, b, c, d]))?;
        Ok(Some((key, self.take(u32::from_le_bytes([e, f, g, h]))?)))
    }

    fn take(&mut self, len: u32) -> Result<Vec<u8>, FileError> {
        let mut bytes = vec![0; len as usize];
        self.reader.read_exact(&mut bytes).map_err(|source| self.failed(source))?;
        Ok(bytes)
    }

    fn failed(&self, source: io::Error) -> FileError {
        FileError { action: "read", path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the budget, the records come back as a sort in memory gives them.
        #[test]
        fn spilling_changes_nothing(records in proptest::collection::btree_map(
            proptest::collection::vec(any::<u8>(), 0..20), proptest::collection::vec(any::<u8>(), 0..5), 0..60),
            budget in 1_usize..4000)
        {
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = Sorter::new(folder.path(), "test", budget);
            for (key, payload) in records.iter().rev() {
                sorter.push(key, payload).unwrap();
            }
            let mut sorted = sorter.sorted().unwrap();
            let mut found = Vec::new();
            while let Some((key, payload)) = sorted.next().unwrap() {
                found.push((key.to_vec(), payload.to_vec()));
            }
            prop_assert_eq!(found, records.into_iter().collect::<Vec<_>>());
        }
    }
}
