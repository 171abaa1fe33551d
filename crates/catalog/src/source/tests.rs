use std::path::PathBuf;

use expect_test::expect;
use rusqlite::Connection;

use super::*;

pub(super) fn source(path: &Path) -> TableSource {
    TableSource::of(path)
}

pub(super) fn file(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write_atomic(&path, content).unwrap();
    path
}

/// Every row as a line: its number, then its cells or what is wrong.
pub(super) fn rows(path: &Path, wanted: &[&str]) -> Result<Vec<String>, SourceError> {
    rows_of(&source(path), wanted)
}

pub(super) fn rows_of(source: &TableSource, wanted: &[&str]) -> Result<Vec<String>, SourceError> {
    let mut found = Vec::new();
    Table::open(source)?.read(wanted, &mut |row| -> Result<(), SourceError> {
        found.push(match row {
            Ok(r) => {
                format!("{}: {}", r.line, r.cells.iter().map(Value::to_string).collect::<Vec<_>>().join("|"))
            }
            Err(b) => {
                format!("{}: {}{}", b.line, b.column.map_or(String::new(), |c| format!("{c}: ")), b.reason)
            }
        });
        Ok(())
    })?;
    Ok(found)
}

#[test]
fn bad_rows_are_reported_and_the_others_read() {
    let folder = tempfile::tempdir().unwrap();
    let text = b"\xef\xbb\xbfid,name\r\n1,\"a, \"\"b\"\"\"\r\n\r\n2,\"two\nlines\"\n3,x,y\n4,\xff\n5,nul\0\n6,\"open\n7,seven\n8,eight";
    let path = file(folder.path(), "t.csv", text);
    let expected = [
        "2: 1|a, \"b\"",
        "4: 2|two\nlines",
        "6: the row has 3 columns and the header 2",
        "7: name: the text is not UTF-8, as other rows are, and seems to be windows-1252; write the file in one encoding",
        "8: name: the text holds a NUL byte",
        "9: a quotation mark is opened and never closed",
        "10: 7|seven",
        "11: 8|eight",
    ];
    assert_eq!(rows(&path, &["id", "name"]).unwrap(), expected);
}

#[test]
fn an_open_quotation_mark_costs_one_line_in_a_long_file() {
    let folder = tempfile::tempdir().unwrap();
    let many: String = (0..60_000).map(|i| format!("{i},row {i}\n")).collect();
    let path = file(folder.path(), "t.csv", format!("id,name\nx,\"open\n{many}").as_bytes());
    let found = rows(&path, &["id"]).unwrap();
    assert_eq!(found.len(), 60_001);
    assert_eq!(found[..2], ["2: a quotation mark is opened and never closed", "3: 0"]);
}

#[test]
fn json_lines_are_read_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        "{\"id\": 1, \"tags\": [\"a\", \"b\"]}\n{\"id\": 2, \"x\": 3}\nnonsense\n\n{\"x\": {\"deep\": 1}}\n";
    let path = file(folder.path(), "t.jsonl", text.as_bytes());
    assert_eq!(
        rows(&path, &["id", "tags"]).unwrap(),
        [
            "1: 1|a, b",
            "2: 2|–",
            "3: the line is not a JSON object: expected ident at line 1 column 2",
            "5: –|–"
        ]
    );
    assert_eq!(rows(&path, &["x"]).unwrap()[3], "5: x: an object cannot be a value");
    assert_eq!(
        rows(&path, &["x.deep"]).unwrap(),
        ["1: –", "2: –", rows(&path, &["id"]).unwrap()[2].as_str(), "5: 1"]
    );
}

#[test]
fn what_is_nested_is_read_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"{"id": 1, "by": {"name": "Ann", "born": {"in": "Ghent"}}, "tracks": [{"t": "x", "of": ["a", "b"]}, {"t": "y"}, 3]}
{"id": 2, "by.name": "its own", "by": {"name": "Bob"}, "tracks": []}
"#;
    let path = file(folder.path(), "t.jsonl", text.as_bytes());
    let columns = Table::open(&source(&path)).unwrap().columns().to_vec();
    assert_eq!(columns, ["id", "by.name", "by.born.in", "tracks.t", "tracks.of", "tracks"]);
    assert_eq!(
        rows(&path, &["by.name", "by.born.in", "tracks.t", "tracks.of"]).unwrap(),
        ["1: Ann|Ghent|x, y|a, b", "2: its own|–||"]
    );
    let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
    let path = file(folder.path(), "deep.jsonl", deep.as_bytes());
    assert_eq!(Table::open(&source(&path)).unwrap().columns(), [["a"; 9].join(".")]);
}

#[test]
fn arrays_are_read_element_by_element() {
    let folder = tempfile::tempdir().unwrap();
    let text = "\u{feff} [\n {\"id\": 1, \"t\": \"a,\\\"]b\"},\n {\n\"id\": 2,\n\"t\": [\"x\", \"y\"]}, nonsense, {\"id\": 3}\n]\n";
    for name in ["t.json", "t"] {
        let path = file(folder.path(), name, text.as_bytes());
        let found = rows(&path, &["id", "t"]).unwrap();
        assert_eq!([&found[0], &found[1], &found[3]], ["1: 1|a,\"]b", "2: 2|x, y", "4: 3|–"]);
        assert!(found[2].starts_with("3: the line is not a JSON object"), "{}", found[2]);
    }
    let says = |name: &str, text: &str| {
        rows(&file(folder.path(), name, text.as_bytes()), &["id"]).unwrap_err().to_string()
    };
    assert!(
        says("cut.json", "[{\"id\": 1}, {\"id\"").contains("cut off or damaged (the array is not closed)")
    );
    assert!(says("more.json", "[{\"id\": 1}] x").contains("something stands beside the array"));
    assert!(says("none.json", "[1, 2]").contains("no element of its array is a JSON object"));
}

#[test]
fn packed_text_and_utf_16_are_read_as_they_are_meant() {
    use std::io::Write as _;
    let pack = |bytes: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    };
    let wide = |text: &str| {
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect::<Vec<u8>>()
    };
    let folder = tempfile::tempdir().unwrap();
    let table = "id;name\n1;Ökonomie\n";
    for (name, bytes) in [
        ("a.csv", wide(table)),
        ("b.csv.gz", pack(table.as_bytes())),
        ("c.gz", pack(&wide(table))),
        // Two members, one after the other, are one text.
        ("d.csv.gz", [pack(b"id;name\n"), pack("1;Ökonomie\n".as_bytes())].concat()),
        ("e.jsonl.gz", pack("{\"id\": 1, \"name\": \"Ökonomie\"}".as_bytes())),
    ] {
        let path = file(folder.path(), name, &bytes);
        let found = rows(&path, &["id", "name"]).unwrap();
        assert!(matches!(found.as_slice(), [row] if row.ends_with(": 1|Ökonomie")), "{name}: {found:?}");
    }
    let many: String = (0..5000).map(|i| format!("{i};name {}\n", i * i)).collect();
    let packed = pack(format!("{table}{many}").as_bytes());
    let path = file(folder.path(), "cut.csv.gz", &packed[..packed.len() / 2]);
    let told = rows(&path, &["id"]).unwrap_err().to_string();
    assert!(told.contains("cut off or damaged"), "{told}");
    let path = file(folder.path(), "t.db.gz", &pack(b"SQLite format 3\0 and more"));
    let told = rows(&path, &["id"]).unwrap_err().to_string();
    assert!(told.contains("packed SQLite database; unpack it first"), "{told}");
}

#[test]
fn sqlite_is_read_by_table_and_by_query() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE t (id, name); INSERT INTO t VALUES (1, 'a'), (2, x'00'), (3, CAST(x'ff' AS TEXT));",
        )
        .unwrap();
    let expected = ["1: a", "2: name: the column holds bytes and no text", "3: name: the text is not UTF-8"];
    assert_eq!(rows(&path, &["name"]).unwrap(), expected);
    let message = |table: Option<&str>, query: Option<&str>| {
        let source =
            TableSource { table: table.map(Into::into), query: query.map(Into::into), ..source(&path) };
        let error = Table::open(&source).unwrap_err().to_string();
        error.replace(&format!("{}/", folder.path().display()), "")
    };
    connection.execute_batch("CREATE TABLE people (id)").unwrap();
    expect!["`t.db` cannot be read as an SQLite database: there are several tables in it; name one with `table`, of people, t"]
        .assert_eq(&message(None, None));
    expect!["`t.db` cannot be read as an SQLite database: no such table: peopl; did you mean `people`?; the tables are people, t"]
        .assert_eq(&message(Some("peopl"), None));
    let change = message(None, Some("DELETE FROM t"));
    assert!(change.contains("the query would change something"), "{change}");
}

#[test]
fn files_that_are_no_tables_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = folder.path().join("whole.db");
    Connection::open(&sqlite).unwrap().execute_batch("CREATE TABLE t (a); CREATE TABLE u (a);").unwrap();
    let bytes = fs::read(&sqlite).unwrap();
    file(folder.path(), "cut.db", &bytes[..5000]);
    file(folder.path(), "empty.csv", b"");
    file(folder.path(), "not.db", b"id,name\n1,a\n");
    file(folder.path(), "nul.csv", b"\0\0\0\0,\0\0\n");
    file(folder.path(), "t.csv", b"id,name\n1,a\n");
    let message = |name: &str| {
        let error = rows(&folder.path().join(name), &["nam"]).unwrap_err().to_string();
        error
            .replace(&format!("{}/", folder.path().display()), "")
            .replace(&format!("{}", folder.path().display()), "folder")
    };
    let all: Vec<_> =
        ["none.csv", "", "empty.csv", "cut.db", "not.db", "nul.csv", "t.csv"].map(message).into();
    expect![[r#"
        there is no file `none.csv`; check the path, or give the file on the command line
        `` is a folder; give the file in it that holds the table
        `empty.csv` is empty; a table has at least a line of column names and a row
        `cut.db` cannot be read as an SQLite database: it is cut off: 5000 bytes of 12288; fetch it again
        `not.db` is not a table that can be read: its name says SQLite and its content does not; fetch it again
        `nul.csv` is not a table that can be read: it holds NUL bytes where column names should be; it is no text file, or is UTF-16 without a mark: then add `encoding = "utf-16le"`
        `t.csv` has no column `nam`; did you mean `name`?; its columns are `id`, `name`"#]]
    .assert_eq(&all.join("\n"));
}

/// Rows of Dutch, Polish, Japanese and Chinese, as the world writes them.
const WRITTEN: [(&str, &str); 4] = [
    (
        "windows-1252",
        "Café – één crème brûlée à la carte; Île-de-France, “Übermut”; façade, señor, Malmö, smørrebrød",
    ),
    (
        "windows-1250",
        "Zażółć gęślą jaźń – łódź, wąż, źdźbło; Kraków, Wrocław, Świętokrzyskie, Gdańsk i Białystok",
    ),
    ("shift_jis", "東京都の人気レストラン、日本語の説明文です。とても美味しいラーメン屋さん"),
    ("gbk", "北京市朝阳区的餐厅，中文说明文字，价格便宜，味道很好，推荐大家去吃"),
];

#[test]
fn an_encoding_is_guessed_told_and_never_acted_upon() {
    let folder = tempfile::tempdir().unwrap();
    for (label, text) in WRITTEN {
        let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
        let table = format!("id,name\n1,\"{text}\"\n2,plain\n");
        let (bytes, _, lossy) = encoding.encode(&table);
        assert!(!lossy, "{label}");
        let path = file(folder.path(), label, &bytes);
        let told = rows(&path, &["id", "name"]).unwrap();
        let key = format!("the file seems to be {}: add `encoding = ", encoding.name());
        assert!(told[0].contains(&key) && told[1] == "3: 2|plain", "{label}: {told:?}");
        let decoded = TableSource { encoding: Some(label.into()), ..source(&path) };
        assert_eq!(rows_of(&decoded, &["name"]).unwrap(), [format!("2: {text}"), "3: plain".into()]);
        let path = file(folder.path(), "t.jsonl", &encoding.encode(&format!("{{\"name\": \"{text}\"}}")).0);
        let decoded = TableSource { encoding: Some(label.into()), ..source(&path) };
        assert_eq!(rows_of(&decoded, &["name"]).unwrap(), [format!("1: {text}")]);
        assert!(rows(&path, &["name"]).unwrap_err().to_string().contains("JSON object"), "{label}");
    }
}

#[test]
fn mixed_encodings_cost_the_rows_that_are_in_another() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = "id,name\n1,Malmö\n2,Café\n3,".as_bytes().to_vec();
    bytes.extend(b"Gen\xe8ve et Z\xfcrich\n4,plain\n");
    let path = file(folder.path(), "t.csv", &bytes);
    let expected = [
        "2: 1|Malmö",
        "3: 2|Café",
        "4: name: the text is not UTF-8, as other rows are, and seems to be windows-1252; write the file in one encoding",
        "5: 4|plain",
    ];
    assert_eq!(rows(&path, &["id", "name"]).unwrap(), expected);
    // In a named encoding, what is not in it is found as well.
    let mut bytes = b"id,name\n1,".to_vec();
    bytes.extend(encoding_rs::SHIFT_JIS.encode("東京").0.iter());
    bytes.extend(b"\n2,\x81\xff\n3,c\n");
    let path = file(folder.path(), "j.csv", &bytes);
    let decoded = TableSource { encoding: Some("shift_jis".into()), ..source(&path) };
    let found = rows_of(&decoded, &["id", "name"]).unwrap();
    assert_eq!(found, ["2: 1|東京", "3: name: the text is not Shift_JIS", "4: 3|c"]);
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write as _;
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut zip = zip::ZipWriter::new(&mut bytes);
    for (name, content) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
    bytes.into_inner()
}

#[test]
fn a_table_in_a_zip_archive_is_read_without_unpacking_it() {
    let folder = tempfile::tempdir().unwrap();
    let csv = b"id;name\n1;a\n";
    let one = [("__MACOSX/._t.csv", &b"x"[..]), ("data/t.csv", csv), (".hidden", b"y")];
    for (name, members) in
        [("t.csv.zip", &one[..]), ("t.zip", &[("t.jsonl", b"{\"id\": 1, \"name\": \"a\"}")])]
    {
        let path = file(folder.path(), name, &zipped(members));
        let found = rows(&path, &["id", "name"]).unwrap();
        assert!(matches!(found.as_slice(), [row] if row.ends_with(": 1|a")), "{name}: {found:?}");
    }
    let path = file(folder.path(), "two.zip", &zipped(&[("a/t.csv", csv), ("b.tsv", b"id\tname\n2\tb\n")]));
    let named = |table: &str| TableSource { table: Some(table.into()), ..source(&path) };
    assert_eq!(rows_of(&named("b.tsv"), &["name"]).unwrap(), ["2: b"]);
    assert_eq!(rows_of(&named("t.csv"), &["name"]).unwrap(), ["2: a"]);
    let says = |source: &TableSource| {
        let told = rows_of(source, &["id"]).unwrap_err().to_string();
        told.replace(&format!("{}/", folder.path().display()), "")
    };
    expect!["`two.zip` is not a table that can be read: there are several files in it; name one with `table`, of `a/t.csv`, `b.tsv`"].assert_eq(&says(&source(&path)));
    expect!["`two.zip` is not a table that can be read: there is no `b.csv` in it; did you mean `b.tsv`?; it holds `a/t.csv`, `b.tsv`"].assert_eq(&says(&named("b.csv")));
    let whole = zipped(&[("t.csv", csv)]);
    expect!["`cut.zip` is not a table that can be read: it is cut off or damaged (invalid Zip archive: Could not find EOCD); fetch it again"].assert_eq(&says(&source(&file(folder.path(), "cut.zip", &whole[..whole.len() - 30]))));
    let many: String = (0..5000).map(|i| format!("{i};name {}\n", i * i)).collect();
    let mut damaged = zipped(&[("t.csv", format!("id;name\n{many}").as_bytes())]);
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x55;
    let told = says(&source(&file(folder.path(), "damaged.zip", &damaged)));
    assert!(told.contains("cut off or damaged"), "{told}");
    expect!["`empty.zip` is not a table that can be read: it is an archive with no file in it; give another"]
        .assert_eq(&says(&source(&file(folder.path(), "empty.zip", &zipped(&[(".x", b"")])))));
    let nested = zipped(&[("t.zip", &whole)]);
    expect!["`nested.zip` is not a table that can be read: it is an archive in an archive; unpack it first"]
        .assert_eq(&says(&source(&file(folder.path(), "nested.zip", &nested))));
}

/// A line of 100 MB costs a row and no memory to speak of.
#[test]
fn a_line_of_100_mb_is_one_bad_row() {
    let folder = tempfile::tempdir().unwrap();
    for (name, open, close) in
        [("t.csv", "id\n1\n", "\n2\n"), ("t.jsonl", "{\"id\": 1}\n\"", "\"\n{\"id\": 2}\n")]
    {
        let mut bytes = open.as_bytes().to_vec();
        bytes.resize(bytes.len() + 100_000_000, b'x');
        bytes.extend(close.as_bytes());
        let path = file(folder.path(), name, &bytes);
        let found = rows(&path, &["id"]).unwrap();
        assert!(found.len() == 3 && found[1].contains("the line is longer than"), "{name}: {}", found.len());
        assert!(found[0].ends_with(": 1") && found[2].ends_with(": 2"), "{name}: {} {}", found[0], found[2]);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(400))]

    /// Whatever the bytes are, they are read or refused.
    #[test]
    fn bytes_are_no_panic(
        start in 0..9_usize, bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400), ending in 0..8_usize,
    ) {
        let starts: [&[u8]; 9] =
            [b"", b"PK\x03\x04", b"\x1f\x8b\x08\0", b"PAR1", b"SQLite format 3\0", b"{\"id\": ", b"[{\"id\":", b"\xff\xfe", b"id,\"a"];
        let endings = ["csv", "tsv", "json", "jsonl", "xlsx", "db", "parquet", "gz"];
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), &format!("t.{}", endings[ending]), &[starts[start], &bytes].concat());
        if let Ok(table) = Table::open(&source(&path)) {
            let columns = table.columns().to_vec();
            let _ = rows(&path, &columns.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}
