//! Readers of others, kept from ending the process.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::SourceError;

/// Does what reads the file. A damaged one can bring its reader to a panic, which is an error like others here.
pub(super) fn guarded<T, E: Display>(
    path: &Path,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, SourceError> {
    let reason = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(e)) => format!("it is cut off or damaged ({e}); fetch it again"),
        Err(_) => "it is damaged; fetch it again".to_owned(),
    };
    Err(SourceError::Format { path: path.to_owned(), reason })
}
