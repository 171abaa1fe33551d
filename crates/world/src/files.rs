#![expect(clippy::disallowed_methods, reason = "this is the one place that touches files")]

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A file operation that failed, with the path it failed on.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{path}`: {source}")]
pub struct FileError {
    /// What was tried: `read`, `write`, …
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

impl FileError {
    /// True if the file or folder is not there.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

type Result<T> = std::result::Result<T, FileError>;

trait At<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| FileError { action, path: path.to_owned(), source })
    }
}

/// What is known of a file without opening it.
#[derive(Debug, Clone, Copy)]
pub struct Metadata {
    /// Bytes.
    pub len: u64,
    /// True for a folder.
    pub is_dir: bool,
    /// When it was last written, where the file system tells.
    pub modified: Option<SystemTime>,
}

/// Reads a whole file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).at("read", path)
}

/// Reads a whole UTF-8 file.
pub fn read_to_string(path: &Path) -> Result<String> {
    fs::read_to_string(path).at("read", path)
}

/// Opens a file for streaming.
pub fn open(path: &Path) -> Result<BufReader<File>> {
    File::open(path).map(|f| BufReader::with_capacity(1 << 16, f)).at("open", path)
}

/// Creates or truncates a file for streaming. Use [`write_atomic`] for anything a reader may see half-way.
pub fn writer(path: &Path) -> Result<BufWriter<File>> {
    File::create(path).map(|f| BufWriter::with_capacity(1 << 16, f)).at("create", path)
}

/// Adds to the end of a file, creating it if need be, and waits until it is on the disk.
pub fn append(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path).at("open", path)?;
    file.write_all(bytes).and_then(|()| file.sync_data()).at("append to", path)
}

/// Replaces a file so that a reader sees the old content or the new, never a part: writes beside it,
/// waits for the disk, renames, and waits for the folder.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = PathBuf::from(beside);
    let mut file = File::create(&beside).at("create", &beside)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).at("write", &beside)?;
    rename(&beside, path)
}

/// Renames a file or folder, replacing a file, and waits until the folder is on the disk.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).at("rename", from)?;
    sync_parent(to)
}

fn sync_parent(path: &Path) -> Result<()> {
    match path.parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(parent) => File::open(parent).and_then(|d| d.sync_all()).at("sync", parent),
        None => Ok(()),
    }
}

/// Waits until what was written to a file is on the disk.
pub fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|f| f.sync_all()).at("sync", path)
}

/// Gives a file a second name; where the file system has no such thing, copies it.
pub fn link(from: &Path, to: &Path) -> Result<()> {
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(|_| ())).at("copy", from)
}

/// Creates a folder and those above it.
pub fn create_dir_all(path: &Path) -> Result<()> {
    fs::create_dir_all(path).at("create folder", path)
}

/// Removes a file; one that is not there is no error.
pub fn remove_file(path: &Path) -> Result<()> {
    ignore_missing(fs::remove_file(path)).at("remove", path)
}

/// Removes a folder with everything in it; one that is not there is no error.
pub fn remove_dir_all(path: &Path) -> Result<()> {
    ignore_missing(fs::remove_dir_all(path)).at("remove folder", path)
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// True if there is a file or folder.
pub fn exists(path: &Path) -> bool {
    path.exists()
}

/// True if there is a folder.
pub fn is_dir(path: &Path) -> bool {
    path.is_dir()
}

/// Size, kind and time of a file.
pub fn metadata(path: &Path) -> Result<Metadata> {
    let found = fs::metadata(path).at("look at", path)?;
    Ok(Metadata { len: found.len(), is_dir: found.is_dir(), modified: found.modified().ok() })
}

/// Creates a file for streaming that must not be there yet.
pub fn create_new(path: &Path) -> Result<BufWriter<File>> {
    let file = OpenOptions::new().write(true).create_new(true).open(path).at("create", path)?;
    Ok(BufWriter::with_capacity(1 << 16, file))
}

/// Exchanges two folders, so that whoever looks sees both before or both after; where the system cannot, by three
/// renames, of which the second may be cut from the first: then `a` is gone, and `b` and `aside` are there.
pub fn exchange(a: &Path, b: &Path, aside: &Path) -> Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
            Ok(()) => return sync_parent(a),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
            Err(errno) => return Err(io::Error::from(errno)).at("exchange", a),
        }
    }
    rename(a, aside)?;
    if let Err(error) = rename(b, a) {
        rename(aside, a)?;
        return Err(error);
    }
    rename(aside, b)
}

/// Bytes that may still be written where this file or folder is.
pub fn free_space(path: &Path) -> Result<u64> {
    fs4::available_space(path).at("look at the disk of", path)
}

/// Bytes of a file, or of all files of a folder; what vanishes meanwhile counts nothing. Links are not followed.
pub fn size_of(path: &Path) -> u64 {
    let Ok(found) = fs::symlink_metadata(path) else { return 0 };
    if !found.is_dir() {
        return found.len();
    }
    list(path).unwrap_or_default().iter().map(|inside| size_of(inside)).sum()
}

/// True of a link, whatever it leads to.
pub fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}

/// What is in a folder, sorted by name.
pub fn list(path: &Path) -> Result<Vec<PathBuf>> {
    let mut found = fs::read_dir(path)
        .and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect::<io::Result<Vec<_>>>())
        .at("list", path)?;
    found.sort();
    Ok(found)
}

/// An exclusive lock on a file, held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct FileLock {
    file: File,
}

impl FileLock {
    /// Writes into the locked file, for whoever finds it locked. It stays there when the lock is let go.
    pub fn note(&self, text: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        (&self.file).write_all(text.as_bytes())
    }
}

/// Takes the lock on `path` if nobody holds it; `None` if somebody does.
pub fn try_lock(path: &Path) -> Result<Option<FileLock>> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path).at("open", path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(FileLock { file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(source).at("lock", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_atomic_write_leaves_one_file() -> Result<()> {
        let folder = tempfile::tempdir().map_err(|source| FileError {
            action: "create",
            path: PathBuf::new(),
            source,
        })?;
        let path = folder.path().join("CURRENT");
        write_atomic(&path, b"1")?;
        write_atomic(&path, b"2")?;
        assert_eq!(read_to_string(&path)?, "2");
        assert_eq!(list(folder.path())?, [path]);
        Ok(())
    }

    #[test]
    fn exchanged_folders_have_each_others_content() -> Result<()> {
        let folder = tempfile::tempdir().map_err(|source| FileError {
            action: "create",
            path: PathBuf::new(),
            source,
        })?;
        let path = |name: &str| folder.path().join(name);
        for name in ["a", "b"] {
            create_dir_all(&path(name))?;
            write_atomic(&path(name).join("name"), name.as_bytes())?;
        }
        exchange(&path("a"), &path("b"), &path("aside"))?;
        assert_eq!(read_to_string(&path("a/name"))? + &read_to_string(&path("b/name"))?, "ba");
        assert_eq!((size_of(folder.path()), exists(&path("aside"))), (2, false));
        assert!(free_space(folder.path())? > 0);
        Ok(())
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(Path::new("no/such/file")).err().map(|e| (e.is_not_found(), e.to_string()));
        assert!(matches!(error, Some((true, text)) if text.contains("no/such/file")));
    }
}
