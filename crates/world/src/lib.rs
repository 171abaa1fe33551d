//! Where Segue runs: clock, randomness, environment and files, behind one trait.
//!
//! Nothing else in the house asks the operating system for the time, a random number, an environment
//! variable or a file. Everything takes a [`World`], so a run can be replayed byte for byte: give it the
//! same world and it takes the same decisions. `clippy.toml` bans the standard calls outside this crate.
//!
//! Databases and indexes (SQLite, tantivy, memory maps) open their own files under a path they are given;
//! what they contain is a function of what was written, not of the machine.
//!
//! ```
//! use segue_world::{FixedWorld, World};
//!
//! let world = FixedWorld::new("2026-01-31T12:00:00Z".parse()?).with_env("SEGUE_DATA", "data");
//! assert_eq!(world.env("SEGUE_DATA").as_deref(), Some("data"));
//! assert_eq!(world.random_u64(), FixedWorld::new(world.now()).random_u64());
//! # Ok::<(), jiff::Error>(())
//! ```

mod files;
mod fixed;
mod real;

use std::fmt::Debug;
use std::time::Duration;

pub use files::{FileError, FileLock};
pub use fixed::FixedWorld;
pub use jiff::Timestamp;
pub use real::RealWorld;

pub mod fs {
    //! Files: the only place that touches the file system directly.
    pub use crate::files::{
        Metadata, append, create_dir_all, create_new, exchange, exists, free_space, is_dir, is_link, link,
        list, metadata, open, read, read_to_string, remove_dir_all, remove_file, rename, size_of, sync,
        try_lock, write_atomic, writer,
    };
}

/// What a run may ask of its surroundings.
pub trait World: Send + Sync + Debug {
    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// Time since this world began, from a clock that never goes back. For measuring, not for dates.
    fn elapsed(&self) -> Duration;

    /// Sixty-four random bits; the only source of randomness (session names, seeds).
    fn random_u64(&self) -> u64;

    /// An environment variable, if it is set and valid Unicode.
    fn env(&self, name: &str) -> Option<String>;
}
