//! Imports a data set into a workspace: `import WORKSPACE dataset.toml [DATA FILE…]`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to its terminal")]

use std::path::PathBuf;

use segue_catalog::{Dataset, Workspace, import};
use segue_world::RealWorld;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(workspace), Some(map)) = (args.next(), args.next()) else {
        return Err("usage: import WORKSPACE dataset.toml [DATA FILE…]".into());
    };
    let dataset = Dataset::read(&map)?.with_files(&args.collect::<Vec<_>>())?;
    let mut progress = |p: segue_catalog::Progress| eprint!("\r{:?} {}   ", p.phase, p.done);
    let report = import(&Workspace::at(workspace), &dataset, &RealWorld::new(), &mut progress, &|| false)?;
    println!("\n{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}
