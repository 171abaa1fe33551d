use roaring::RoaringBitmap;
use segue_world::{FixedWorld, fs};

use super::*;
use crate::{Dataset, Snapshot, Workspace, import, write_lookups};

const MAPPING: &str = r#"
name = "tools"
items = { file = "tools.csv" }
fields = [
  { name = "id", role = "id" }, { name = "title", role = "title" }, { name = "kind", role = "category" },
  { name = "cost", role = "number" }, { name = "supplier", role = "category" }, { name = "price", role = "number" },
]"#;

const ROWS: &str = "id,title,kind,cost,supplier,price
a,Red Saw,Saw,3,Hollow & Sons,9
b,Blue Saw,Saw,4,Acme,12
c,Claw Hammer,Hammer,2,Acme,8
d,Sledge,Hammer,9,Quiet Ltd,30
";

struct Shop {
    workspace: Workspace,
    whole: Snapshot,
    _folder: tempfile::TempDir,
}

fn shop() -> Shop {
    let folder = tempfile::tempdir().unwrap();
    fs::write_atomic(&folder.path().join("tools.csv"), ROWS.as_bytes()).unwrap();
    let dataset = Dataset::parse(MAPPING, &folder.path().join("dataset.toml")).unwrap();
    let workspace = Workspace::at(folder.path().join("ws"));
    let world = FixedWorld::new("2026-04-01T12:00:00Z".parse().unwrap());
    import(&workspace, &dataset, &world, &mut |_| {}, &|| false).unwrap();
    write_lookups(&workspace, 1, &|| false).unwrap();
    let whole = Snapshot::of(&workspace, 1).unwrap();
    Shop { workspace, whole, _folder: folder }
}

impl Shop {
    fn read(&self, rules: &str, synonyms: &str) -> Result<Steering, SteeringError> {
        fs::write_atomic(&self.workspace.root().join("steering.toml"), rules.as_bytes()).unwrap();
        fs::write_atomic(&self.workspace.root().join("synonyms.txt"), synonyms.as_bytes()).unwrap();
        let all: Vec<u32> = self.whole.all().iter().collect();
        Steering::read(&self.workspace, &self.whole, &|predicate| {
            let rows = self.whole.rows(&all)?;
            Ok(rows
                .iter()
                .filter(|r| predicate.matches(r, self.whole.catalog()))
                .map(|r| r.ordinal)
                .collect())
        })
    }

    fn wrong(&self, rules: &str, synonyms: &str) -> String {
        let error = self.read(rules, synonyms).unwrap_err().to_string();
        error.rsplit_once('/').map_or(error.clone(), |(_, name)| name.to_owned())
    }
}

fn rule(more: &str) -> String {
    format!("[[rule]]\nname = \"r\"\n{more}\n")
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_what_would_be_right() {
    let shop = shop();
    for (rules, message) in [
        (
            "hid = []",
            "steering.toml` line 1: there is no key `hid` here, did you mean `hide`?; the keys are hide, rule",
        ),
        (
            "\nhide = [\"costs\"]",
            "steering.toml` line 2: there is no field `costs`, did you mean `cost`?; the fields are id, title, kind, cost, supplier, price",
        ),
        (
            "hide = [\"title\"]",
            "steering.toml` line 1: `title` names items and cannot be hidden; hide another",
        ),
        (
            &rule("do = \"bost\"\nids = [\"a\"]"),
            "steering.toml` line 3: a rule cannot `bost`, did you mean `boost`?; it can boost, bury, pin, exclude",
        ),
        (
            &rule("do = \"boost\"\nids = [\"a\"]"),
            "steering.toml` line 3: `boost` needs `by`, a factor above 1; add it",
        ),
        (
            &rule("do = \"bury\"\nby = 2\nids = [\"a\"]"),
            "steering.toml` line 4: `by` is 2 and `bury` needs a factor between 0 and 1; change it",
        ),
        (
            &rule("do = \"pin\"\nat = 0\nids = [\"a\"]"),
            "steering.toml` line 4: `pin` needs `at`, a place from 1 to 100; give one",
        ),
        (
            &rule("do = \"exclude\"\nby = 2.0\nids = [\"a\"]"),
            "steering.toml` line 4: `exclude` has no use for `by`; drop it",
        ),
        (
            &rule("do = \"exclude\""),
            "steering.toml` line 1: the rule `r` has neither of `items` and `ids`; give one",
        ),
        (
            &rule("do = \"exclude\"\nids = [\"a\"]\nfrom = \"2026-02-30\""),
            "steering.toml` line 5: `2026-02-30` is not a day; write one as in 2026-12-31",
        ),
        (
            &rule("do = \"exclude\"\nids = [\"a\"]\nfrom = 2026-02-03\nuntil = 2026-02-02"),
            "steering.toml` line 6: the rule ends on 2026-02-02 and begins on 2026-02-03; swap `from` and `until`",
        ),
        (
            &rule("do = \"exclude\"\nitems = { field = \"kind\", op = \"eq\", value = \"Hamer\" }"),
            "steering.toml` line 4: no item has `kind` = `Hamer`; nearest: `Hammer`",
        ),
        (
            &rule("do = \"exclude\"\nitems = { field = \"kind\" }"),
            "steering.toml` line 4: `items` is not a condition; write { field = \"…\", op = \"eq\", value = … }, or { all = [ … ] }, { any = [ … ] } or { not = … } of such",
        ),
        (
            &rule("do = \"exclude\"\nids = [\"a\"]\nwhen = { fields = [\"kin\"] }"),
            "steering.toml` line 5: there is no field `kin`, did you mean `kind`?; the fields are id, title, kind, cost, supplier, price",
        ),
        (
            &format!("{0}{0}", rule("do = \"exclude\"\nids = [\"a\"]")),
            "steering.toml` line 6: there is a rule `r` in line 1 already; rename one",
        ),
    ] {
        assert_eq!(shop.wrong(rules, ""), message, "{rules}");
    }
    for (synonyms, message) in [
        ("# ok\n\ntv", "synonyms.txt` line 3: `tv` has no other word; write `a, b` or `a => b`"),
        (
            "tv,,telly",
            "synonyms.txt` line 1: there is nothing between two commas or beside `=>`; write a word there, or drop the comma",
        ),
        (
            "tv =>",
            "synonyms.txt` line 1: there is nothing between two commas or beside `=>`; write a word there, or drop the comma",
        ),
        ("a => b => c", "synonyms.txt` line 1: there is more than one `=>`; write it as several lines"),
        ("a, b\\", "synonyms.txt` line 1: the line ends with a backslash; drop it"),
    ] {
        assert_eq!(shop.wrong("", synonyms), message, "{synonyms}");
    }
}

#[test]
fn what_names_nothing_any_more_is_a_warning() {
    let shop = shop();
    let rules = rule("do = \"pin\"\nat = 2\nids = [\"zz\", \"b\", \"a\", \"b\"]")
        + "[[rule]]\nname = \"dear\"\ndo = \"exclude\"\nitems = { field = \"price\", op = \"gt\", value = 100 }\n";
    let steering = shop.read(&rules, "").unwrap();
    assert_eq!(
        steering.warnings,
        [
            "steering.toml line 1: rule `r` names `zz`, which is not in the catalogue; drop it",
            "steering.toml line 6: rule `dear` touches nothing: no item satisfies `price > 100`; change or drop it",
        ]
    );
    assert_eq!(steering.rules.first().map(|r| r.order.clone()), Some(vec![1, 0]));
}

#[test]
fn a_rule_holds_from_its_first_day_to_its_last_and_for_its_requests() {
    let shop = shop();
    let rules = rule(
        "do = \"exclude\"\nids = [\"a\"]\nfrom = 2026-03-01\nuntil = \"2026-05-31\"\nwhen = { words = [\"Garden saw\"], fields = [\"price\"] }",
    );
    let steering = shop.read(&rules, "").unwrap();
    let asked = crate::Predicate::field("price", crate::Operator::Lt, 10);
    let excluded = |today, request, conditions: &[&crate::Predicate]| {
        !steering.excluded(&Occasion { today, request, conditions }).is_empty()
    };
    let request = Some("a GARDEN saw, please");
    for (today, holds) in
        [("2026-02-28", false), ("2026-03-01", true), ("2026-05-31", true), ("2026-06-01", false)]
    {
        assert_eq!(excluded(today, request, &[&asked]), holds, "{today}");
    }
    let today = "2026-04-01";
    assert!(!excluded(today, request, &[]), "no condition on the field");
    assert!(!excluded(today, Some("gardens, saws"), &[&asked]), "not these words");
    assert!(!excluded(today, None, &[&asked]), "nobody spoke");
}

#[test]
fn synonyms_are_read_as_other_engines_read_them() {
    let shop = shop();
    let file = "# household\ntv, television set , telly\nnotebook, portable => laptop # one way\nrock\\, paper => game\n";
    let synonyms = shop.read("", file).unwrap().synonyms;
    let told = |text: &str| synonyms.of(text).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        told("a Telly"),
        ["“telly” as “tv” (synonyms.txt line 2)", "“telly” as “television set” (synonyms.txt line 2)"]
    );
    assert_eq!(told("no television set!").len(), 2);
    assert_eq!(told("television").len(), 0);
    assert_eq!(told("notebook"), ["“notebook” as “laptop” (synonyms.txt line 3)"]);
    assert_eq!(told("laptop").len(), 0);
    assert_eq!(told("rock, paper"), ["“rock, paper” as “game” (synonyms.txt line 4)"]);
    assert_eq!(synonyms.of_query("\"telly\" tv").len(), 2);
}

#[test]
fn of_stretches_that_overlap_the_first_and_longest_counts() {
    let shop = shop();
    let synonyms = shop.read("", "new york, big apple\nyork, city\nnew, fresh\n").unwrap().synonyms;
    let found: Vec<_> = synonyms.of("new york new").into_iter().map(|a| (a.at, a.length, a.means)).collect();
    assert_eq!(found, [(0, 2, "big apple".to_owned()), (2, 1, "fresh".to_owned())]);
}

#[test]
fn nothing_of_a_hidden_field_is_in_the_view() {
    let shop = shop();
    let steering = shop.read("hide = [\"supplier\", \"cost\"]", "").unwrap();
    let hash = shop.whole.row(0).unwrap().unwrap().hash;
    let view = shop.whole.clone().steered(steering).unwrap();
    let names: Vec<_> = view.catalog().fields.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["id", "title", "kind", "price"]);
    assert_eq!(view.catalog().statistics.len(), 4);
    let row = view.row(0).unwrap().unwrap();
    assert_eq!((row.values.len(), row.hash), (4, hash));
    assert!(view.lexicon_exact("Acme").unwrap().is_empty());
    assert!(view.lexicon_squashed("acme").unwrap().is_empty());
    assert!(view.lexicon_with_words("quiet", 9).unwrap().is_empty());
    assert!(
        view.lexicon_nearest("hollow sons", None, 9).unwrap().iter().all(|(e, _)| e.value != "Hollow & Sons")
    );
    assert!(view.column("cost", None).unwrap().is_empty());
    let hammer = view.lexicon_exact("hammer").unwrap();
    assert_eq!(hammer.first().map(|e| (e.field, e.count)), Some((2, 2)));
}

#[test]
fn an_item_that_is_left_out_is_neither_found_nor_counted() {
    let shop = shop();
    let view = shop.whole.clone().steered(shop.read("hide = [\"cost\"]", "").unwrap()).unwrap();
    let out: RoaringBitmap = [0, 3].into_iter().collect();
    let left = view.without(&out).unwrap();
    assert_eq!((left.catalog().items, left.all().iter().collect::<Vec<_>>()), (2, vec![1, 2]));
    assert!(left.ordinal("a").unwrap().is_none() && left.row(3).unwrap().is_none());
    assert_eq!(left.rows(&[0, 1, 2, 3]).unwrap().len(), 2);
    assert_eq!(left.column("price", None).unwrap().len(), 2);
    assert!(left.lexicon_exact("Sledge").unwrap().is_empty());
    assert!(left.lexicon_exact("Quiet Ltd").unwrap().is_empty());
    assert_eq!(left.lexicon_exact("hammer").unwrap().first().map(|e| e.count), Some(1));
    let kind = left.catalog().statistics_of("kind").unwrap();
    assert_eq!(kind.known, 2);
    assert!(kind.top.iter().all(|t| t.count == 1), "{:?}", kind.top);
    assert_eq!(left.catalog().statistics_of("supplier").unwrap().distinct, 1);
    assert_eq!(view.catalog().items, 4, "the view it was made from stays as it is");
}

#[test]
fn a_synonym_of_a_value_is_one_of_its_fields_and_never_takes_a_values_place() {
    let shop = shop();
    let view = shop.whole.clone();
    let view = view.steered(shop.read("", "mallet, hammer\nsaw, hammer\n").unwrap()).unwrap();
    let synonyms = &view.catalog().field("kind").unwrap().synonyms;
    assert_eq!(synonyms.get("mallet").map(String::as_str), Some("Hammer"));
    assert_eq!(synonyms.len(), 1, "{synonyms:?}");
}
