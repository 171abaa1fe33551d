use std::path::PathBuf;

use expect_test::expect;
use rusqlite::Connection;

use super::*;

pub(super) fn source(path: &Path) -> TableSource {
    TableSource { file: path.to_owned(), table: None, query: None, delimiter: None }
}

pub(super) fn file(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write_atomic(&path, content).unwrap();
    path
}

/// Every row as a line: its number, then its cells or what is wrong.
pub(super) fn rows(path: &Path, wanted: &[&str]) -> Result<Vec<String>, SourceError> {
    let mut found = Vec::new();
    Table::open(&source(path))?.read(wanted, &mut |row| -> Result<(), SourceError> {
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
        "7: name: the text is not UTF-8",
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
        `nul.csv` is not a table that can be read: it holds NUL bytes where column names should be; it is not a text file
        `t.csv` has no column `nam`; did you mean `name`?; its columns are `id`, `name`"#]]
    .assert_eq(&all.join("\n"));
}
