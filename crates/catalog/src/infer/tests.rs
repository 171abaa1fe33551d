use expect_test::expect;

use super::*;
use crate::Dataset;

#[test]
fn roles_types_separators_and_units_are_guessed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("Houses.csv");
    let rows: String = (0..40)
        .map(|i| {
            format!(
                "h{i},Villa {i},\"{}\",{},1999-0{}-01,{}.5,52.{i},4.{i},https://x.example/{i}.jpg,{}\n",
                if i % 2 == 0 { "garden;pool" } else { "garden" },
                100_000 + i,
                1 + i % 9,
                i % 5,
                if i % 3 == 0 { "yes" } else { "no" },
            )
        })
        .collect();
    let header = "House ID,Name,Features,Price (USD),Built,Rating,lat,lng,Photo,Sold\n";
    segue_world::fs::write_atomic(&file, format!("{header}{rows}").as_bytes()).unwrap();
    let text = infer(&file, None).unwrap();
    let without_comments: Vec<_> = text.lines().filter(|l| !l.starts_with('#')).collect();
    expect![[r#"
        name = "houses"
        noun = "house"    # what one item is called

        [items]
        file = "Houses.csv"

        [[fields]]
        name = "house_id"
        role = "id"
        column = "House ID"

        [[fields]]
        name = "name"
        role = "title"
        column = "Name"

        [[fields]]
        name = "features"
        role = "category"
        column = "Features"
        separator = ";"    # several values in one cell

        [[fields]]
        name = "price_usd"
        role = "number"
        column = "Price (USD)"
        type = "integer"
        unit = "usd"

        [[fields]]
        name = "built"
        role = "date"
        column = "Built"

        [[fields]]
        name = "rating"
        role = "number"
        column = "Rating"
        quality = true    # what "best" orders by

        [[fields]]
        name = "lat"
        role = "latitude"

        [[fields]]
        name = "lng"
        role = "longitude"

        [[fields]]
        name = "photo"
        role = "image"
        column = "Photo"

        [[fields]]
        name = "sold"
        role = "category"
        column = "Sold"
        type = "boolean""#]]
    .assert_eq(&without_comments.join("\n"));
    let dataset = Dataset::parse(&text, &folder.path().join("dataset.toml")).unwrap();
    assert_eq!(dataset.items.source.file, file);
}

#[test]
fn a_table_without_rows_or_without_an_id_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let message = |name: &str, content: &str| {
        let file = folder.path().join(name);
        segue_world::fs::write_atomic(&file, content.as_bytes()).unwrap();
        let error = infer(&file, None).unwrap_err().to_string();
        error.replace(&format!("{}/", folder.path().display()), "")
    };
    expect!["`a.csv` has column names and no row; an import needs at least one item"]
        .assert_eq(&message("a.csv", "id,title\n"));
    expect!["no column of `b.csv` tells its rows apart; add one, or write a `dataset.toml`. Its columns are `colour`, `size`"]
        .assert_eq(&message("b.csv", "colour,size\nred,1\nred,1\n"));
}

#[test]
fn a_guessed_encoding_is_written_down_and_a_packed_file_has_its_own_name() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let (bytes, ..) = encoding_rs::WINDOWS_1252.encode("id,Café\n1,crème brûlée\n2,Malmö\n3,plain\n");
    let mut zipped = std::io::Cursor::new(Vec::new());
    let mut zip = zip::ZipWriter::new(&mut zipped);
    zip.start_file("data/any.csv", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(&bytes).unwrap();
    zip.finish().unwrap();
    let file = folder.path().join("Dishes.csv.zip");
    segue_world::fs::write_atomic(&file, &zipped.into_inner()).unwrap();
    let text = infer(&file, None).unwrap();
    expect![[r##"
        # Guessed from the names of the columns and a sample of the rows of `"Dishes.csv.zip"`.
        # Correct what is wrong, then import again with `--map`. What each key means is in the documentation of the
        # data set file; the most useful to add are `aliases` (other names for a field), `high` and `low` (adjectives for
        # more and for less of a number) and `synonyms` (other words for a value).
        name = "dishes"
        noun = "dishe"    # what one item is called

        [items]
        file = "Dishes.csv.zip"
        encoding = "windows-1252"    # guessed: it is not UTF-8; look whether names with accents are right
    "##]].assert_eq(text.split("\n[[fields]]").next().unwrap());
    let dataset = Dataset::parse(&text, &folder.path().join("dataset.toml")).unwrap();
    assert_eq!(dataset.items.source.encoding.as_deref(), Some("windows-1252"));
    assert!(text.contains("column = \"Café\""), "{text}");
    let wrong = text.replace("windows-1252", "windows-1");
    let told = Dataset::parse(&wrong, "dataset.toml".as_ref()).unwrap_err().to_string();
    assert!(told.contains("line 10: there is no encoding `windows-1`"), "{told}");
}

/// What is inferred of one column of these values, beside an id: the lines of its field after its name.
fn inferred(name: &str, values: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.csv");
    let rows: String =
        (0..40).map(|i| format!("x{i},\"{}\"\n", values[i % values.len()].replace('"', "\"\""))).collect();
    segue_world::fs::write_atomic(&file, format!("id,{name}\n{rows}").as_bytes()).unwrap();
    let text = infer(&file, None).unwrap();
    Dataset::parse(&text, &folder.path().join("dataset.toml")).unwrap();
    let (_, field) = text.split_once(&format!("name = \"{name}\"\n")).unwrap();
    let lines =
        field.lines().take_while(|l| !l.is_empty()).map(|l| l.split("    #").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("; ")
}

#[test]
fn how_a_column_is_written_is_decided_over_the_sample() {
    let cases: [(&str, &[&str], &str); 17] = [
        ("released", &["03/04/1999", "31/12/1999"], "role = \"date\"; dates = \"day_first\""),
        ("released", &["03/04/1999", "12/31/1999"], "role = \"date\"; dates = \"month_first\""),
        ("released", &["03/04/1999", "05/06/2001"], "role = \"date\"; # dates = \"day_first\""),
        ("released", &["31/12/1999", "12/31/1999"], "role = \"title\""),
        ("released", &["31 December 1999", "Jan 2001"], "role = \"date\""),
        ("released", &["19991231", "20010401"], "role = \"date\""),
        ("price", &["€ 1.250,-", "€ 3,99", "€ 1.250"], "role = \"number\"; unit = \"eur\"; decimal = \",\""),
        ("price", &["$1,250", "$3.99"], "role = \"number\"; unit = \"usd\"; decimal = \".\""),
        ("votes", &["1,250", "3,991"], "role = \"number\"; type = \"integer\"; # decimal = \",\""),
        ("votes", &["1,250", "3,991,000", "12"], "role = \"number\"; type = \"integer\"; decimal = \".\""),
        ("share", &["12 %", "3,5 %"], "role = \"number\"; unit = \"percent\"; decimal = \",\""),
        (
            "runtime",
            &["1h 45m", "90 min", "2h 5m"],
            "role = \"number\"; type = \"integer\"; unit = \"minutes\"",
        ),
        ("runtime", &["1:45:00", "0:30:00"], "role = \"number\"; type = \"integer\"; unit = \"minutes\""),
        ("height", &["5'11\"", "6'2\""], "role = \"number\"; type = \"integer\"; unit = \"inches\""),
        ("kind", &["2D", "3D"], "role = \"title\""),
        ("cover", &["covers/a.jpg", "covers/b b.JPG"], "role = \"image\""),
        ("sample", &["https://x.example/a.mp3?k=1", "https://x.example/b.ogg"], "role = \"audio\""),
    ];
    for (name, values, expected) in cases {
        assert_eq!(inferred(name, values), expected, "{values:?}");
    }
}

#[test]
fn the_language_of_prose_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let check = |rows: &[(&str, &str)]| {
        let file = folder.path().join("things.csv");
        let lines: String = rows.iter().enumerate().map(|(i, (a, b))| format!("{i},{a},{b}\n")).collect();
        segue_world::fs::write_atomic(&file, format!("id,uno,two\n{lines}").as_bytes()).unwrap();
        let text = infer(&file, None).unwrap();
        Dataset::parse(&text, &file).unwrap();
        let stated = text.lines().filter(|l| l.starts_with("language")).filter_map(|l| l.split('"').nth(1));
        stated.map(str::to_owned).collect::<Vec<_>>()
    };
    let dutch = [
        "Met dit programma kunt u afbeeldingen bekijken en bewerken",
        "Een eenvoudig spel waarin u de vallende blokken moet stapelen",
        "Hulpmiddel voor het maken van reservekopieën van uw bestanden",
        "Speelt muziek af en beheert uw verzameling van opnamen",
    ];
    let english = [
        "A program that shows pictures and lets you change them",
        "A simple game in which falling blocks have to be stacked",
        "A tool which makes copies of all the files that matter to you",
        "Plays music and looks after your collection of recordings",
    ];
    let chinese = [
        "用于查看和编辑图像的程序，简单易用",
        "把下落的方块堆成墙的经典游戏",
        "为您的文件创建备份的实用工具",
        "播放音乐并管理您的音乐收藏",
    ];
    let both = |a: [&'static str; 4], b: [&'static str; 4]| a.into_iter().zip(b).collect::<Vec<_>>();
    assert_eq!(check(&both(english, english)), [""; 0]);
    assert_eq!(check(&both(dutch, dutch)), ["nl"]);
    assert_eq!(check(&both(chinese, chinese)), ["zh"]);
    assert_eq!(check(&both(english, dutch)), ["nl"]);
}
