//! The rules planner on a catalogue of homes: nothing in it knows what a catalogue is about.

#![expect(clippy::unwrap_used, clippy::format_push_string, reason = "a test, and one that prints")]

use expect_test::{Expect, expect};
use segue_agent::rules::{RulesError, Situation};
use segue_agent::{Constraints, CostHint, Effect, Language, Reading, ShownItem, ToolRole, ToolSpec, rules};
use segue_catalog::{Dataset, Snapshot, Workspace, import, write_lookups};
use segue_world::RealWorld;

const HOMES: &str = "\
id,title,kind,city,price,bedrooms,area,listed
h1,Canal View,apartment,Amsterdam,450000,2,70,2024-03-01
h2,The Old Mill,house,Utrecht,720000,4,160,2023-11-15
h3,Garden Row 7,house,Amsterdam,890000,5,190,2024-05-20
h4,Station Loft,studio,Rotterdam,240000,1,38,2022-07-09
h5,Harbour Tower 12B,apartment,Rotterdam,385000,3,85,2024-01-30
h6,Poppy Lane 3,house,New Haven,510000,3,120,2021-02-11
";

const MAP: &str = r#"
name = "homes"
noun = "home"
[items]
file = "homes.csv"
[[fields]]
name = "id"
role = "id"
[[fields]]
name = "title"
role = "title"
aliases = ["place", "property"]
[[fields]]
name = "kind"
role = "category"
synonyms = { "flat" = "apartment" }
[[fields]]
name = "city"
role = "category"
aliases = ["in"]
[[fields]]
name = "price"
role = "number"
unit = "eur"
high = ["expensive"]
low = ["cheap", "affordable"]
[[fields]]
name = "bedrooms"
role = "number"
type = "integer"
aliases = ["beds"]
[[fields]]
name = "area"
role = "number"
unit = "square_metres"
aliases = ["size"]
high = ["large", "spacious", "big"]
low = ["small"]
[[fields]]
name = "listed"
role = "date"
high = ["new"]
low = ["old"]
"#;

fn homes() -> (tempfile::TempDir, Snapshot) {
    let folder = tempfile::tempdir().unwrap();
    segue_world::fs::write_atomic(&folder.path().join("homes.csv"), HOMES.as_bytes()).unwrap();
    let dataset = Dataset::parse(MAP, &folder.path().join("homes.toml")).unwrap();
    let workspace = Workspace::at(folder.path().join("workspace"));
    import(&workspace, &dataset, &RealWorld::new(), &mut |_| {}, &|| false).unwrap();
    write_lookups(&workspace, 1, &|| false).unwrap();
    let snapshot = Snapshot::of(&workspace, 1).unwrap();
    (folder, snapshot)
}

fn render(reading: &Reading) -> String {
    let mut lines: Vec<String> = Vec::new();
    for u in &reading.understood {
        lines.push(format!("{} | {}{}", u.text, if u.hard { "must: " } else { "" }, u.meaning));
    }
    for words in &reading.not_understood {
        lines.push(format!("{words} | not understood"));
    }
    for title in &reading.absent {
        lines.push(format!("{title} | absent"));
    }
    lines.join("\n")
}

fn read(
    request: &str,
    snapshot: &Snapshot,
    before: &Constraints,
    shown: &[ShownItem],
    turn: u32,
) -> Result<Reading, RulesError> {
    rules::read(
        request,
        &Situation { snapshot, before, shown, turn, today: Some("2024-06-15"), language: Language::English },
    )
}

fn check(snapshot: &Snapshot, request: &str, expected: &Expect) {
    let reading = read(request, snapshot, &Constraints::default(), &[], 1).unwrap();
    expected.assert_eq(&render(&reading));
}

#[test]
fn single_requests() {
    let (_folder, homes) = homes();
    let check = |request: &str, expected: Expect| check(&homes, request, &expected);
    check(
        "a flat in Amsterdam under 500k",
        expect![[r"
        flat | must: kind = apartment
        in Amsterdam | must: city = Amsterdam
        under 500k | must: price < 500000"]],
    );
    check(
        "houses with at least 4 bedrooms, not in New Haven",
        expect![[r"
        houses | must: kind = house
        at least 4 bedrooms | must: bedrooms ≥ 4
        in New Haven | must: not city = New Haven"]],
    );
    check(
        "cheapest 3 bedroom homes",
        expect![[r"
        cheapest | ordered by price, lowest first
        3 bedroom | must: bedrooms = 3"]],
    );
    check(
        "apartment or studio between €200,000 and €400,000",
        expect![[r"
        apartment or studio | must: kind = apartment or kind = studio
        between €200,000 and €400,000 | must: price between 200000 and 400000"]],
    );
    check(
        "large houses over 1500 square feet listed since march 2023",
        expect![[r"
        large | area ≥ 160 (the highest quarter is preferred)
        houses | must: kind = house
        over 1500 square feet | must: area > 139.35456000000002
        listed since march 2023 | must: listed ≥ 2023-03"]],
    );
    check(
        "somewhere quiet near a park, no studios please",
        expect![[r#"
            quiet | words to search for
            near | words to search for
            park | words to search for
            studios | must: not kind = studio"#]],
    );
    check(
        "apartmnts in roterdam",
        expect![[r"
        apartmnts | must: kind = apartment
        in roterdam | must: city = Rotterdam"]],
    );
    check(
        "something like The Old Mill but smaller",
        expect![[r"
        something like The Old Mill | like The Old Mill
        smaller | must: area < 160, compared with what is shown"]],
    );
    check("homes like Buckingham Palace", expect!["Buckingham Palace | absent"]);
}

#[test]
fn a_conversation() {
    let (_folder, homes) = homes();
    let shown: Vec<_> = [("h1", "Canal View"), ("h2", "The Old Mill"), ("h3", "Garden Row 7")]
        .map(|(id, title)| ShownItem { id: id.to_owned(), title: title.to_owned() })
        .into();
    let turns = [
        "houses in Amsterdam under 900k",
        "only those with more than 3 bedrooms",
        "not the second one",
        "in Utrecht instead",
        "more like the first one but cheaper",
        "never mind the price",
        "no houses",
        "show me more",
        "studios for sale",
        "show me some apartments listed in 2024",
        "start over",
    ];
    let mut constraints = Constraints::default();
    let mut out = String::new();
    for (turn, request) in (1..).zip(turns) {
        let reading = read(request, &homes, &constraints, &shown, turn).unwrap();
        constraints = reading.constraints;
        let holding: Vec<_> =
            constraints.conditions.iter().filter(|c| c.holds()).map(|c| c.what.to_string()).collect();
        let ids = |list: &[segue_agent::Asked<String>]| {
            list.iter().filter(|a| a.holds()).map(|a| a.what.clone()).collect::<Vec<_>>().join(" ")
        };
        out += &format!("{request}\n  {}", holding.join("; "));
        out += &format!(" [like {}] [without {}]\n", ids(&constraints.likes), ids(&constraints.dislikes));
    }
    expect![[r#"
        houses in Amsterdam under 900k
          kind = house; city = Amsterdam; price < 900000 [like ] [without ]
        only those with more than 3 bedrooms
          kind = house; city = Amsterdam; price < 900000; bedrooms > 3 [like ] [without ]
        not the second one
          kind = house; city = Amsterdam; price < 900000; bedrooms > 3 [like ] [without h2]
        in Utrecht instead
          kind = house; price < 900000; bedrooms > 3; city = Utrecht [like ] [without h2]
        more like the first one but cheaper
          kind = house; bedrooms > 3; city = Utrecht; price < 450000 [like h1] [without h2]
        never mind the price
          kind = house; bedrooms > 3; city = Utrecht [like h1] [without h2]
        no houses
          bedrooms > 3; city = Utrecht; not kind = house [like h1] [without h2]
        show me more
          bedrooms > 3; city = Utrecht; not kind = house; not id in (h1, h2, h3) [like h1] [without h2]
        studios for sale
          bedrooms > 3; city = Utrecht; not kind = house; not id in (h1, h2, h3); kind = studio [like h1] [without h2]
        show me some apartments listed in 2024
          kind = apartment; listed = 2024 [like ] [without ]
        start over
           [like ] [without ]
    "#]]
    .assert_eq(&out);
}

#[test]
fn plans_choose_tools_by_role() {
    let (_folder, homes) = homes();
    let specs: Vec<_> = [
        ("keep", ToolRole::Filter),
        ("letters", ToolRole::Lexical),
        ("sense", ToolRole::Dense),
        ("akin", ToolRole::Similar),
        ("blend", ToolRole::Fuse),
        ("arrange", ToolRole::Order),
    ]
    .map(|(name, role)| ToolSpec {
        name: name.to_owned(),
        role,
        summary: String::new(),
        description: String::new(),
        schema: serde_json::json!({ "properties": { "k": { "type": "integer" } } }),
        set_args: Vec::new(),
        effect: Effect::Reads,
        parallel_safe: true,
        cost: CostHint::Cheap,
        timeout_ms: 1000,
        examples: Vec::new(),
    })
    .into();
    let mut out = String::new();
    for request in [
        "houses near a park",
        "something like The Old Mill in Utrecht",
        "three cheapest homes",
        "preferably large houses",
        "how many flats are there?",
    ] {
        let reading = read(request, &homes, &Constraints::default(), &[], 1).unwrap();
        out += &format!("{request}\n");
        for step in rules::plan(&reading, homes.catalog(), &specs).steps {
            let within = step.within.map(|w| format!(" within {w}")).unwrap_or_default();
            out += &format!("  {} = {} {}{within}\n", step.id, step.tool, step.args);
        }
    }
    expect![[r#"
        houses near a park
          s1 = keep {"where":{"field":"kind","op":"eq","value":"house"}}
          s2 = letters {"query":"near park"} within s1
          s3 = sense {"query":"near park"} within s1
          s4 = blend {"sets":["s2","s3"],"k":10}
        something like The Old Mill in Utrecht
          s1 = keep {"where":{"all":[{"field":"city","op":"eq","value":"Utrecht"},{"not":{"field":"id","op":"in","value":["h2"]}}]}}
          s2 = akin {"like":["h2"],"k":10} within s1
        three cheapest homes
          s1 = arrange {"by":"price","direction":"ascending","k":3}
        preferably large houses
          s1 = keep {"where":{"all":[]}}
          s2 = keep {"where":{"field":"area","op":"ge","value":160}}
          s3 = keep {"where":{"field":"kind","op":"eq","value":"house"}}
          s4 = blend {"sets":["s1","s2","s3"],"k":10}
        how many flats are there?
          s1 = keep {"where":{"field":"kind","op":"eq","value":"apartment"}}
    "#]].assert_eq(&out);
}
