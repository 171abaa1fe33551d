//! Embeddings by the hash of their text: an index that was stopped goes on where it was, and one that is built again
//! embeds only what changed.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};
use segue_world::fs;
use sha2::{Digest, Sha256};

use crate::IndexError;

/// SHA-256 of a text.
pub(crate) type TextKey = [u8; 32];

/// One database for all generations and models of a workspace. It may be deleted at any time.
#[derive(Debug)]
pub(crate) struct VectorCache {
    path: PathBuf,
    connection: Connection,
    model: i64,
}

impl VectorCache {
    pub(crate) fn open(folder: &Path, fingerprint: &str) -> Result<Self, IndexError> {
        fs::create_dir_all(folder)?;
        let path = folder.join("embeddings.db");
        let opened = Connection::open(&path).and_then(|connection| {
            connection.execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
                 CREATE TABLE IF NOT EXISTS models (id INTEGER PRIMARY KEY, fingerprint TEXT UNIQUE);
                 CREATE TABLE IF NOT EXISTS vectors (model INTEGER, text BLOB, vector BLOB,
                     PRIMARY KEY (model, text)) WITHOUT ROWID;",
            )?;
            connection.execute("INSERT OR IGNORE INTO models (fingerprint) VALUES (?1)", [fingerprint])?;
            let sql = "SELECT id FROM models WHERE fingerprint = ?1";
            let model = connection.query_row(sql, [fingerprint], |r| r.get(0))?;
            Ok((connection, model))
        });
        match opened {
            Ok((connection, model)) => Ok(Self { path, connection, model }),
            Err(source) => Err(IndexError::Cache { path, source }),
        }
    }

    /// The same to read only; `None` where nothing was embedded by this model yet.
    pub(crate) fn open_to_read(folder: &Path, fingerprint: &str) -> Result<Option<Self>, IndexError> {
        let path = folder.join("embeddings.db");
        if !fs::exists(&path) {
            return Ok(None);
        }
        let found = segue_catalog::open_read_only(&path).and_then(|connection| {
            let sql = "SELECT id FROM models WHERE fingerprint = ?1";
            let model = connection.query_row(sql, [fingerprint], |r| r.get(0)).optional()?;
            Ok(model.map(|model| (connection, model)))
        });
        match found {
            Ok(found) => Ok(found.map(|(connection, model)| Self { path, connection, model })),
            Err(source) => Err(IndexError::Cache { path, source }),
        }
    }

    /// True if there is a vector of the text.
    pub(crate) fn has(&self, text: &TextKey, dimensions: usize) -> Result<bool, IndexError> {
        let sql = "SELECT 1 FROM vectors WHERE model = ?1 AND text = ?2 AND length(vector) = ?3";
        self.connection
            .prepare_cached(sql)
            .and_then(|mut s| s.exists(params![self.model, text, (dimensions * size_of::<f32>()) as i64]))
            .map_err(|source| self.failed(source))
    }

    pub(crate) fn get(&self, text: &TextKey, dimensions: usize) -> Result<Option<Vec<f32>>, IndexError> {
        let found: Option<Vec<u8>> = self
            .connection
            .prepare_cached("SELECT vector FROM vectors WHERE model = ?1 AND text = ?2")
            .and_then(|mut s| s.query_row(params![self.model, text], |r| r.get(0)).optional())
            .map_err(|source| self.failed(source))?;
        let vector =
            found.map(|bytes| bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect());
        // A vector of another length is a damaged one: it is embedded again.
        Ok(vector.filter(|v: &Vec<f32>| v.len() == dimensions))
    }

    pub(crate) fn put(&mut self, texts: &[&str], vectors: &[Vec<f32>]) -> Result<(), IndexError> {
        let model = self.model;
        let written = (|| {
            let transaction = self.connection.transaction()?;
            {
                let sql = "INSERT OR REPLACE INTO vectors (model, text, vector) VALUES (?1, ?2, ?3)";
                let mut insert = transaction.prepare_cached(sql)?;
                for (text, vector) in texts.iter().zip(vectors) {
                    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
                    insert.execute(params![model, text_key(text), bytes])?;
                }
            }
            transaction.commit()
        })();
        written.map_err(|source| self.failed(source))
    }

    /// Forgets every other text, whichever model embedded it; what was forgotten is written over.
    pub(crate) fn keep_only(&mut self, texts: &[TextKey]) -> Result<(), IndexError> {
        let forgotten = (|| {
            self.connection.execute_batch(
                "PRAGMA secure_delete = on; CREATE TEMP TABLE kept (text BLOB PRIMARY KEY) WITHOUT ROWID;",
            )?;
            let transaction = self.connection.transaction()?;
            {
                let mut insert = transaction.prepare("INSERT OR IGNORE INTO kept VALUES (?1)")?;
                for text in texts {
                    insert.execute([text])?;
                }
            }
            transaction.execute("DELETE FROM vectors WHERE text NOT IN kept", [])?;
            transaction.commit()?;
            self.connection.execute_batch("DROP TABLE kept")?;
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        })();
        forgotten.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: rusqlite::Error) -> IndexError {
        IndexError::Cache { path: self.path.clone(), source }
    }
}

/// The hash that stands for a text.
pub(crate) fn text_key(text: &str) -> TextKey {
    Sha256::digest(text.as_bytes()).into()
}
