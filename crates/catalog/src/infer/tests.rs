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
