//! Indexes a workspace without embeddings: `cargo run --release -p segue-retrieval --example index -- WORKSPACE`.

use segue_catalog::Workspace;
use segue_retrieval::build_index;
use segue_world::RealWorld;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = std::env::args().nth(1).ok_or("usage: index WORKSPACE")?;
    let workspace = Workspace::at(root);
    let report = build_index(&workspace, None, &RealWorld::new(), &mut |_| {}, &|| false)?;
    let mut out = std::io::stdout();
    std::io::Write::write_all(&mut out, serde_json::to_string_pretty(&report)?.as_bytes())?;
    Ok(())
}
