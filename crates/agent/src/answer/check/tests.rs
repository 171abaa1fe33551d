use segue_catalog::{Dataset, Operator, Snapshot, Workspace, import, write_lookups};
use segue_world::RealWorld;

use super::*;

const FILMS: &str = "\
id,title,genre,year,minutes,director,cast,language,score,oscars
f1,The Long Walk,Drama;Crime,1994,150,Ann Lee,Tom Berg;Ida Moss,English,8.1,2
f2,Night Bus,Horror;Thriller,2003,88,Ida Moss,Joe Park,English;French,5.9,0
f3,Paper Moons,Comedy;Drama,1999,95,Ann Lee,Tom Berg,French,7.4,0
x1,Other,Western,1950,70,Xu,Yi,Greek,5,0
x2,Another,Western,1951,71,Xu,Yi,Greek,5,0
x3,A Third,Western,1952,100,Xu,Yi,Greek,6,0
x4,A Fourth,Western,2010,180,Xu,Yi,Greek,6.5,0
x5,Drama,Western,2011,185,Xu,Yi,Greek,6.6,1
";

const MAP: &str = r#"
name = "films"
noun = "film"
[items]
file = "films.csv"
[[fields]]
name = "id"
role = "id"
[[fields]]
name = "title"
role = "title"
[[fields]]
name = "genre"
role = "category"
separator = ";"
synonyms = { "scary" = "Horror" }
[[fields]]
name = "year"
role = "number"
type = "integer"
unit = "year"
aliases = ["released"]
high = ["new", "recent"]
low = ["old"]
[[fields]]
name = "minutes"
role = "number"
unit = "minutes"
aliases = ["runtime", "length", "runs"]
high = ["long"]
low = ["short"]
[[fields]]
name = "director"
role = "category"
separator = ";"
[[fields]]
name = "cast"
role = "category"
separator = ";"
aliases = ["starring", "stars", "with"]
[[fields]]
name = "language"
role = "category"
separator = ";"
aliases = ["in"]
[[fields]]
name = "score"
role = "number"
type = "real"
aliases = ["rating", "critics score"]
quality = true
high = ["good", "great", "best"]
low = ["bad"]
[[fields]]
name = "oscars"
role = "number"
type = "integer"
aliases = ["oscar", "academy awards"]
high = ["oscar-winning"]
"#;

fn films() -> (tempfile::TempDir, Snapshot) {
    let folder = tempfile::tempdir().unwrap();
    segue_world::fs::write_atomic(&folder.path().join("films.csv"), FILMS.as_bytes()).unwrap();
    let dataset = Dataset::parse(MAP, &folder.path().join("films.toml")).unwrap();
    let workspace = Workspace::at(folder.path().join("workspace"));
    import(&workspace, &dataset, &RealWorld::new(), &mut |_| {}, &|| false).unwrap();
    write_lookups(&workspace, 1, &|| false).unwrap();
    let snapshot = Snapshot::of(&workspace, 1).unwrap();
    (folder, snapshot)
}

/// The share of true sentences that must pass: strictness is bought with some of them, and no more than this.
const FLOOR: f64 = 0.9;

/// Sentences of `planted.txt`, each judged by itself or, with `>`, after the one before: `+` true, `-` false, of
/// films #1 to #3 where "no westerns" and "before 2005" were asked for and 12 films satisfy that.
#[test]
fn every_false_sentence_is_removed_and_nearly_every_true_one_kept() {
    let (_folder, snapshot) = films();
    let catalog = snapshot.catalog();
    let rows = snapshot.rows(&[0, 1, 2]).unwrap();
    assert_eq!(rows[0].title(catalog), "The Long Walk");
    let none = nothing(catalog);
    let before = Predicate::field("year", Operator::Lt, 2005);
    let no_westerns = Predicate::field("genre", Operator::Eq, "Western").negate();
    let evidence = Evidence {
        catalog,
        rows: rows.iter().collect(),
        asked: vec![("before 2005", &before), ("no westerns", &no_westerns), ("westerns", &no_westerns)],
        matched: Some(12),
        ordered: Some(("score", Direction::Descending)),
        fits: true,
        language: Language::English,
    };
    let (mut kept, mut lost, mut passed) = (0, Vec::new(), Vec::new());
    let mut checker = Checker::new(&evidence, &none);
    for line in include_str!("planted.txt").lines().filter(|l| !l.is_empty() && !l.starts_with("//")) {
        let (follows, line) = line.strip_prefix('>').map_or((false, line), |rest| (true, rest));
        if !follows {
            checker = Checker::new(&evidence, &none);
        }
        let (truth, sentence) = line.split_at(1);
        let sentence = sentence.trim();
        match (truth, checker.check(sentence)) {
            ("+", Some(_)) => kept += 1,
            ("+", None) => lost.push(sentence),
            ("-", Some(_)) => passed.push(sentence),
            ("-", None) => {}
            _ => panic!("a line begins with + or -: {line}"),
        }
    }
    let share = f64::from(kept) / (f64::from(kept) + lost.len() as f64);
    println!("{kept} true sentences kept, {:.0} %; lost:\n{}", share * 100.0, lost.join("\n"));
    assert_eq!(passed, [""; 0], "false sentences that pass");
    assert!(share >= FLOOR, "{share}");
}

#[test]
fn titles_come_from_the_rows() {
    let (_folder, snapshot) = films();
    let catalog = snapshot.catalog();
    let rows = snapshot.rows(&[0, 1]).unwrap();
    let none = nothing(catalog);
    let evidence = Evidence {
        catalog,
        rows: rows.iter().chain(rows.get(1)).collect(),
        asked: Vec::new(),
        matched: None,
        ordered: None,
        fits: false,
        language: Language::English,
    };
    let said = |sentence: &str| Checker::new(&evidence, &none).check(sentence);
    assert_eq!(said("#1's director is Ann Lee.").unwrap(), "“The Long Walk”'s director is Ann Lee.");
    assert_eq!(said("#2 is in French.").unwrap(), "“Night Bus” (#2) is in French.");
    assert_eq!(said("#1 fits your request."), None, "something was given up");
}

#[test]
fn sentences_in_other_languages_say_no_more_than_the_rows() {
    let (_folder, snapshot) = films();
    let catalog = snapshot.catalog();
    let rows = snapshot.rows(&[0, 1]).unwrap();
    let none = nothing(catalog);
    let said = |language: Language, sentence: &str| {
        let evidence = Evidence {
            catalog,
            rows: rows.iter().collect(),
            asked: Vec::new(),
            matched: None,
            ordered: None,
            fits: false,
            language,
        };
        Checker::new(&evidence, &none).check(sentence)
    };
    use Language::{Dutch, Portuguese};
    assert_eq!(said(Dutch, "#1 is van Ann Lee.").unwrap(), "“The Long Walk” is van Ann Lee.");
    assert_eq!(said(Portuguese, "#1 é de Ann Lee.").unwrap(), "“The Long Walk” é de Ann Lee.");
    for sentence in ["#2 is van Ann Lee.", "#1 is niet van Ann Lee.", "#1 is een prachtige film van Ann Lee."]
    {
        assert_eq!(said(Dutch, sentence), None, "{sentence}");
    }
    assert_eq!(said(Portuguese, "#1 é um filme lindo de Ann Lee."), None);
}
