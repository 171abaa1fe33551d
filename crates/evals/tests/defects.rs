//! The mistakes in `evals/defects` stay applicable while the code moves on. That the default gate catches them is shown by
//! `evals/defects/run`, which builds each.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use segue_world::fs;

#[test]
fn the_seeded_defects_still_apply() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let git = |args: &[&str]| Command::new("git").current_dir(&root).args(args).output();
    if !git(&["rev-parse", "--is-inside-work-tree"]).is_ok_and(|o| o.status.success()) {
        eprintln!("skipped: there is no git here, or this is no repository");
        return;
    }
    let mut files = fs::list(&root.join("evals/defects")).unwrap();
    files.retain(|f| f.extension().is_some_and(|e| e == "patch"));
    assert!(files.len() >= 10, "{files:?}");
    let mut in_file: BTreeMap<String, usize> = BTreeMap::new();
    for file in &files {
        let patch = fs::read_to_string(file).unwrap();
        let first = patch.lines().next().unwrap_or_default();
        assert!(
            first.ends_with('.') && !first.starts_with("diff"),
            "{file:?} does not say the mistake first: {first}"
        );
        for place in patch.lines().filter_map(|line| line.strip_prefix("+++ b/")) {
            *in_file.entry(place.to_owned()).or_default() += 1;
        }
        let name = format!("evals/defects/{}", file.file_name().unwrap().to_string_lossy());
        let applied = git(&["apply", "--check", &name]).unwrap();
        let told = String::from_utf8_lossy(&applied.stderr);
        assert!(applied.status.success(), "{name} does not apply any more; mend its context lines: {told}");
    }
    assert!(in_file.values().all(|n| *n <= 2), "places should differ: {in_file:?}");
}
