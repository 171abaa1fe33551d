//! Which generations are kept, and which serves.
//!
//! The serving one stays, and the newest while it is not indexed, and of the others that are indexed as many of the highest
//! numbers as `workspace.toml` says:
//!
//! ```toml
//! [generations]
//! keep = 1     # old ones, to roll back to
//! ```

use std::path::PathBuf;

use segue_world::fs;
use serde::{Deserialize, Serialize};
use toml_edit::{DocumentMut, Item, Table, value};

use crate::{Generation, GenerationState, Store, StoreError, Workspace, WorkspaceError};

/// The part `[generations]` of `workspace.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerationSettings {
    /// How many old generations are kept beside the one that serves.
    #[serde(default = "one")]
    pub keep: u32,
}

fn one() -> u32 {
    1
}

/// Generations that cannot be changed as was wanted. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum GenerationError {
    /// The workspace cannot be written.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The catalogue cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is none of this number.
    #[error("there is no generation {number}; there are {known}")]
    Missing {
        /// What was asked for.
        number: u32,
        /// The numbers there are.
        known: String,
    },
    /// It cannot be searched.
    #[error(
        "generation {number} is imported and not indexed; `segue index` indexes the newest and serves it"
    )]
    NotIndexed {
        /// Which one.
        number: u32,
    },
    /// Its indexes are gone.
    #[error(
        "the indexes of generation {number} are not in `{folder}`; run `segue doctor`, or serve another one"
    )]
    NoFolder {
        /// Which one.
        number: u32,
        /// Where they should be.
        folder: PathBuf,
    },
    /// There is none to roll back to.
    #[error(
        "no indexed generation is older than {number}, which serves; `segue generations keep N` keeps more of those to come"
    )]
    NoneBefore {
        /// The serving one.
        number: u32,
    },
}

/// Which generation served, and which one does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Served {
    /// The one before.
    pub from: u32,
    /// The one that serves now.
    pub to: u32,
}

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// The numbers removed, with rows and indexes.
    pub removed: Vec<u32>,
    /// Those there are.
    pub kept: Vec<u32>,
    /// Bytes that the disk has back.
    pub freed: u64,
}

impl Default for GenerationSettings {
    fn default() -> Self {
        Self { keep: one() }
    }
}

impl GenerationSettings {
    /// Reads them; what `workspace.toml` does not say is as usual.
    pub fn read(workspace: &Workspace) -> Result<Self, WorkspaceError> {
        /// Other parts of the file belong to others.
        #[derive(Deserialize)]
        struct Document {
            #[serde(default)]
            generations: GenerationSettings,
        }
        let path = workspace.settings();
        let text = match fs::read_to_string(&path) {
            Err(e) if e.is_not_found() => return Ok(Self::default()),
            other => other?,
        };
        let document: Document = toml::from_str(&text).map_err(|e| {
            let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            // What the parser quotes may be a key in the wrong place.
            let reason = e.message().split('"').step_by(2).collect::<Vec<_>>().join("\"…\"");
            WorkspaceError::Settings { path, line: before.matches('\n').count() + 1, reason }
        })?;
        Ok(document.generations)
    }

    /// Writes them; the rest of `workspace.toml`, comments too, stays as it is.
    pub fn write(self, workspace: &Workspace) -> Result<(), WorkspaceError> {
        let path = workspace.settings();
        let text = match fs::read_to_string(&path) {
            Err(e) if e.is_not_found() => String::new(),
            other => other?,
        };
        // The reader names line and reason of what does not parse.
        Self::read(workspace)?;
        let mut document: DocumentMut = text.parse().unwrap_or_default();
        let part = document.entry("generations").or_insert_with(|| Item::Table(Table::new()));
        if let Some(part) = part.as_table_like_mut() {
            part.insert("keep", value(i64::from(self.keep)));
        }
        Ok(fs::write_atomic(&path, document.to_string().as_bytes())?)
    }

    /// The numbers of those that stay, ascending: those in use, the newest, and old ones.
    pub fn kept(self, all: &[Generation], in_use: &[u32]) -> Vec<u32> {
        let newest = all.last().filter(|g| g.state == GenerationState::Imported).map(|g| g.number);
        let mut kept: Vec<u32> = in_use.iter().copied().chain(newest).collect();
        kept.sort_unstable();
        kept.dedup();
        let is_old = |g: &&Generation| g.state == GenerationState::Indexed && !kept.contains(&g.number);
        // Of those in use one serves; another one that readers may still have is an old one.
        let old = self.keep.saturating_sub(in_use.len().saturating_sub(1) as u32) as usize;
        let old: Vec<u32> = all.iter().rev().filter(is_old).take(old).map(|g| g.number).collect();
        kept.extend(old);
        kept.sort_unstable();
        kept
    }
}

/// Makes an indexed generation serve: this one, or the newest of those before the one that does.
pub fn roll_back(workspace: &Workspace, to: Option<u32>) -> Result<Served, GenerationError> {
    let _lock = workspace.lock_for_writing()?;
    let from = workspace.current()?;
    let all = Store::open(workspace)?.generations()?;
    let number = match to {
        Some(number) => number,
        None => {
            let before = |g: &&Generation| g.number < from && g.state == GenerationState::Indexed;
            let found = all.iter().rev().find(before);
            found.ok_or(GenerationError::NoneBefore { number: from })?.number
        }
    };
    let Some(wanted) = all.iter().find(|g| g.number == number) else {
        let known: Vec<String> = all.iter().map(|g| g.number.to_string()).collect();
        return Err(GenerationError::Missing { number, known: known.join(", ") });
    };
    let folder = workspace.generation_dir(number);
    if wanted.state != GenerationState::Indexed {
        return Err(GenerationError::NotIndexed { number });
    }
    if !fs::is_dir(&folder) {
        return Err(GenerationError::NoFolder { number, folder });
    }
    workspace.set_current(number)?;
    Ok(Served { from, to: number })
}

/// Removes all generations but those to keep, with their rows and indexes.
pub fn prune(workspace: &Workspace, settings: GenerationSettings) -> Result<Pruned, GenerationError> {
    let _lock = workspace.lock_for_writing()?;
    let current = workspace.current()?;
    let mut store = Store::open(workspace)?;
    let keep = settings.kept(&store.generations()?, &[current]);
    let before = fs::size_of(workspace.root());
    let removed = store.keep_only(&keep)?;
    for number in &removed {
        let folder = workspace.generation_dir(*number);
        for path in [folder.with_extension("part"), folder.with_extension("old"), folder] {
            fs::remove_dir_all(&path).map_err(WorkspaceError::from)?;
        }
    }
    let kept = store.generations()?.into_iter().map(|g| g.number).collect();
    Ok(Pruned { removed, kept, freed: before.saturating_sub(fs::size_of(workspace.root())) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(number: u32, state: GenerationState) -> Generation {
        Generation { number, state, created: String::new(), content_hash: String::new(), items: 1 }
    }

    #[test]
    fn what_serves_and_what_is_new_stay_and_as_many_old_ones_as_is_said() {
        use GenerationState::{Imported, Indexed};
        let states = [(1, Indexed), (2, Indexed), (4, Imported), (5, Indexed), (6, Imported)];
        let all: Vec<_> = states.map(|(n, state)| generation(n, state)).into();
        let kept = |keep, in_use: &[u32]| GenerationSettings { keep }.kept(&all, in_use);
        assert_eq!(kept(0, &[5]), [5, 6]);
        assert_eq!(kept(1, &[5]), [2, 5, 6]);
        assert_eq!(kept(9, &[5]), [1, 2, 5, 6]);
        // After a roll-back the newer one is an old one too.
        assert_eq!(kept(1, &[1]), [1, 5, 6]);
        // While readers end with the one before, it is the old one.
        assert_eq!(kept(1, &[5, 1]), [1, 5, 6]);
        assert_eq!(kept(2, &[5, 1]), [1, 2, 5, 6]);
    }

    #[test]
    fn settings_are_written_into_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        assert_eq!(GenerationSettings::read(&workspace).unwrap().keep, 1);
        let text = "# mine\n[models.small]\nmodel = \"x\" # the small one\n";
        fs::write_atomic(&workspace.settings(), text.as_bytes()).unwrap();
        GenerationSettings { keep: 3 }.write(&workspace).unwrap();
        let written = fs::read_to_string(&workspace.settings()).unwrap();
        assert!(written.starts_with(text) && written.ends_with("[generations]\nkeep = 3\n"), "{written}");
        assert_eq!(GenerationSettings::read(&workspace).unwrap().keep, 3);
        fs::write_atomic(&workspace.settings(), b"[generations]\nkeep = \"sk-secret\"\n").unwrap();
        for error in [
            GenerationSettings::read(&workspace).unwrap_err(),
            GenerationSettings { keep: 1 }.write(&workspace).unwrap_err(),
        ] {
            let message = error.to_string();
            assert!(message.contains("line 2") && !message.contains("sk-secret"), "{message}");
        }
    }
}
