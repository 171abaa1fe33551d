//! Generations as an owner sees them: listed, compared, rolled back, pruned.
#![expect(clippy::expect_used, reason = "a test")]

mod support;

use segue_world::fs;
use serde_json::{Value as Json, json};
use support::{import, ok, put_homes, segue, serve, served};

fn numbers(list: &Json) -> Vec<(u64, &str, bool)> {
    let all = list["generations"].as_array().expect("generations");
    let one = |g: &Json| (g["number"].as_u64().expect("n"), g["serves"].as_bool().expect("serves"));
    all.iter().map(|g| (one(g).0, g["state"].as_str().expect("a state"), one(g).1)).collect()
}

#[test]
fn generations_are_listed_compared_rolled_back_and_pruned() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    serve(at, "h1,Canal house,Utrecht,5\nh2,Garden flat,Utrecht,3\nh3,Sea view,Zandvoort,4\n");
    ok(at, &["generations", "keep", "2"]);
    serve(at, "h1,Canal house,Utrecht,6\nh3,Sea view,Zandvoort,4\nh4,New,Delft,2\nh5,Newer,Delft,2\n");
    let list = ok(at, &["generations"]);
    assert_eq!(numbers(&list), [(1, "indexed", false), (2, "indexed", true)]);
    assert_eq!(
        (&list["serving"], &list["keep"], &list["generations"][1]["items"]),
        (&json!(2), &json!(2), &json!(4))
    );
    for part in [0, 1] {
        assert!(list["generations"][0]["bytes"][part].as_u64().expect("bytes") > 0, "{list}");
    }

    let compared = ok(at, &["generations", "compare", "1", "2", "--limit", "1"]);
    let items = &compared["items"];
    let counts = ["added", "removed", "changed", "same"].map(|what| items[what].as_u64().expect("a count"));
    assert_eq!(counts, [2, 1, 1, 1], "{compared}");
    assert_eq!((&items["first_added"], &items["first_removed"]), (&json!(["h4"]), &json!(["h2"])));
    assert_eq!(items["first_changed"], json!([{"id": "h1", "fields": [["rooms", 5, 6]]}]));
    let highest = json!({"field": "rooms", "figure": "highest", "before": 5.0, "after": 6.0});
    assert!(compared["statistics"].as_array().expect("a list").contains(&highest), "{compared}");
    assert_eq!(ok(at, &["generations", "compare", "2", "2"])["same"], json!(true));

    // Back, at once; and forward again.
    assert_eq!(served(at), 4);
    assert_eq!(ok(at, &["generations", "rollback"]), json!({"from": 2, "to": 1}));
    assert_eq!(served(at), 3);
    let (code, nothing) = segue(at, &["generations", "rollback"]);
    assert_eq!((code, nothing["error"]["kind"].as_str()), (1, Some("generations")), "{nothing}");
    assert_eq!(ok(at, &["generations", "rollback", "2"]), json!({"from": 1, "to": 2}));
    ok(at, &["generations", "rollback", "1"]);

    // The serving one stays, whatever goes; and a number that was given is not given again.
    let pruned = ok(at, &["generations", "prune", "--keep", "0"]);
    assert_eq!((&pruned["removed"], &pruned["kept"]), (&json!([2]), &json!([1])));
    assert!(!fs::exists(&at.join(".segue/generations/0002")));
    assert_eq!(served(at), 3);
    assert_eq!(import(at)["import"]["generation"], json!(3));

    let (code, refused) = segue(at, &["generations", "rollback", "3"]);
    let message = refused["error"].to_string();
    assert!(code == 1 && message.contains("not indexed") && message.contains("segue index"), "{refused}");
    let (code, refused) = segue(at, &["generations", "rollback", "9"]);
    assert!(code == 1 && refused["error"]["remedy"] == json!("there are 1, 3"), "{refused}");
    assert_eq!(served(at), 3);

    let settings = fs::read_to_string(&at.join(".segue/workspace.toml")).expect("settings");
    assert_eq!(settings, "[generations]\nkeep = 2\n");
}

/// As many old generations stay as the setting says, also over imports that were never indexed.
#[test]
fn old_generations_are_kept_as_the_owner_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let row = |n: usize| format!("h1,House {n},Utrecht,{n}\n");
    serve(at, &row(1));
    serve(at, &row(2));
    serve(at, &row(3));
    assert_eq!(numbers(&ok(at, &["generations"])), [(2, "indexed", false), (3, "indexed", true)]);
    ok(at, &["generations", "keep", "2"]);
    for n in 4..6 {
        put_homes(at, &row(n));
        import(at);
    }
    let states = [(2, "indexed", false), (3, "indexed", true), (5, "imported", false)];
    assert_eq!(numbers(&ok(at, &["generations"])), states);
    ok(at, &["index", "--no-embeddings"]);
    assert_eq!(
        numbers(&ok(at, &["generations"])),
        [(2, "indexed", false), (3, "indexed", false), (5, "indexed", true)]
    );
    let folders: Vec<_> = fs::list(&at.join(".segue/generations")).expect("folders");
    assert_eq!(folders.len(), 3);
}
