use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use segue_world::fs;

use super::LoadError;

static LOADED: Mutex<Option<Environment>> = Mutex::new(None);

/// ONNX Runtime from the library at `path`, loaded once a process: a second library is never loaded beside it.
pub(crate) fn environment(path: &Path) -> Result<Environment, LoadError> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = loaded.as_ref() {
        return Ok(environment.clone());
    }
    let failed = |reason: String| LoadError::Runtime { path: PathBuf::from(path), reason };
    // The loader panics on some of the ways in which a library can be missing.
    if !fs::exists(path) || fs::is_dir(path) {
        return Err(failed("there is no such file".to_owned()));
    }
    let environment = ort::init_from(path)
        .map_err(|e| failed(e.to_string()))?
        .with_name("segue")
        .with_telemetry(false)
        .build()
        .map_err(|e| failed(e.to_string()))?;
    *loaded = Some(environment.clone());
    Ok(environment)
}
