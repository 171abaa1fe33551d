use std::io::Write;
use std::path::Path;

use expect_test::expect;
use proptest::prelude::*;
use zip::write::SimpleFileOptions;

use crate::dataset::TableSource;
use crate::source::Table;
use crate::source::tests::{file, rows, rows_of, source};

const FILMS: &[u8] = include_bytes!("../../../tests/data/films.xlsx");

fn message(path: &Path, table: Option<&str>) -> String {
    let source = TableSource { table: table.map(Into::into), ..source(path) };
    let folder = path.parent().unwrap().display().to_string();
    rows_of(&source, &["id"]).unwrap_err().to_string().replace(&format!("{folder}/"), "")
}

#[test]
fn the_sheet_that_holds_something_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "films.xlsx", FILMS);
    let columns = Table::open(&source(&path)).unwrap().columns().to_vec();
    assert_eq!(columns, ["id", "Title", "column_3", "Released", "Length", "At"]);
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    expect![[r#"
        4: 1|Amélie|–|2001-04-25|2:02:00|2001-04-25T20:30:00
        5: 2.5|true|yes|1904-01-01|30:00:00|20:30:00
        6: id: the cell says `#DIV/0!`; mend its formula or empty it
        8: 4|two
        lines|–|soon|0.25|–
        9: there is a value in column I, which has no name"#]]
    .assert_eq(&rows(&path, &columns).unwrap().join("\n"));
    assert_eq!(rows(&path, &["Length", "id"]).unwrap()[0], "4: 2:02:00|1");
    expect!["`films.xlsx` is not a table that can be read: there is no sheet `Film` in it; did you mean `Films`?; its sheets are `Empty`, `Films`, `Hidden`"].assert_eq(&message(&path, Some("Film")));
    expect!["`films.xlsx` is empty; a table has at least a line of column names and a row"]
        .assert_eq(&message(&path, Some("Empty")));
    assert_eq!(
        rows_of(&TableSource { table: Some("Hidden".into()), ..source(&path) }, &["id"]).unwrap(),
        [""; 0]
    );
}

/// A workbook of these sheets.
fn book(sheets: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut zip = zip::ZipWriter::new(&mut bytes);
    let mut add = |name: &str, text: &str| {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    };
    let each = |f: &dyn Fn(usize, &str) -> String| -> String {
        sheets.iter().enumerate().map(|(i, (name, _))| f(i + 1, name)).collect()
    };
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let packages = "http://schemas.openxmlformats.org/package/2006";
    add("[Content_Types].xml", &format!("<Types xmlns=\"{packages}/content-types\"/>"));
    add(
        "_rels/.rels",
        &format!(
            "<Relationships xmlns=\"{packages}/relationships\"><Relationship Id=\"r\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
        ),
    );
    let listed = each(&|i, name| format!("<sheet name=\"{name}\" sheetId=\"{i}\" r:id=\"r{i}\"/>"));
    add(
        "xl/workbook.xml",
        &format!("<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets>{listed}</sheets></workbook>"),
    );
    let related = each(&|i, _| {
        format!("<Relationship Id=\"r{i}\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet{i}.xml\"/>")
    });
    add(
        "xl/_rels/workbook.xml.rels",
        &format!("<Relationships xmlns=\"{packages}/relationships\">{related}</Relationships>"),
    );
    for (i, (_, rows)) in sheets.iter().enumerate() {
        add(
            &format!("xl/worksheets/sheet{}.xml", i + 1),
            &format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>"),
        );
    }
    zip.finish().unwrap();
    bytes.into_inner()
}

fn cell(at: &str, text: &str) -> String {
    format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let row = format!("<row r=\"1\">{}</row>", cell("A1", "id"));
    let name = |name: &str, bytes: &[u8]| message(&file(folder.path(), name, bytes), None);
    expect!["`two.xlsx` is not a table that can be read: several of its sheets hold something; name one with `table`, of `a`, `b`"].assert_eq(&name("two.xlsx", &book(&[("a", &row), ("b", &row)])));
    expect!["`none.xlsx` is empty; a table has at least a line of column names and a row"]
        .assert_eq(&name("none.xlsx", &book(&[("a", "")])));
    let long = "x".repeat(5 << 20);
    let long = format!("<row r=\"1\">{}</row>", cell("A1", &long));
    expect!["`long.xlsx` is not a table that can be read: `xl/worksheets/sheet1.xml` in it has a text of more than 4 MiB"].assert_eq(&name("long.xlsx", &book(&[("a", &long)])));
    let disorder = format!("<row r=\"1\">{}{}</row>", cell("B1", "id"), cell("A1", "x"));
    expect!["`disorder.xlsx` is not a table that can be read: its cells are not in order; save it again with Excel or LibreOffice"].assert_eq(&name("disorder.xlsx", &book(&[("a", &disorder)])));
    expect!["`cut.xlsx` is not a table that can be read: it is cut off or damaged (invalid Zip archive: Could not find EOCD); fetch it again"].assert_eq(&name("cut.xlsx", &FILMS[..FILMS.len() / 2]));
    expect!["`not.xlsx` is not a table that can be read: its name says Excel and its content does not; fetch it again"].assert_eq(&name("not.xlsx", b"id,name\n1,a\n"));
    expect!["`old.xls` is not a table that can be read: it is an old or a protected Excel file; save it as XLSX without a password"].assert_eq(&name("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and more"));
}

/// A small file that unpacks to 300 MB of texts, which would all be in memory.
#[test]
fn a_zip_bomb_is_refused_before_it_is_in_memory() {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut zip = zip::ZipWriter::new(&mut bytes);
    for name in ["[Content_Types].xml", "xl/sharedStrings.xml"] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        let some = b"<si><t>a</t></si>".repeat(1 << 16);
        for _ in 0..if name.starts_with("xl") { 300 } else { 0 } {
            zip.write_all(&some).unwrap();
        }
    }
    zip.finish().unwrap();
    let bytes = bytes.into_inner();
    assert!(bytes.len() < 3 << 20, "{}", bytes.len());
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "bomb.xlsx", &bytes);
    expect!["`bomb.xlsx` is not a table that can be read: `xl/sharedStrings.xml` in it unpacks to more than 256 MiB; save the table as CSV"].assert_eq(&message(&path, None));
    // The directory of the archive may lie.
    let size = (300_u32 * (17 << 16)).to_le_bytes();
    let mut lying = bytes.clone();
    for at in 0..lying.len() - 4 {
        if lying[at..at + 4] == size {
            lying[at..at + 4].copy_from_slice(&100_u32.to_le_bytes());
        }
    }
    assert_ne!(lying, bytes);
    let path = file(folder.path(), "lying.xlsx", &lying);
    expect!["`lying.xlsx` is not a table that can be read: it is cut off or damaged (File is larger than its declared uncompressed size); fetch it again"].assert_eq(&message(&path, None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is done to a file, it is read or refused.
    #[test]
    fn damage_is_no_panic(at in 0..FILMS.len(), len in 0..64_usize, byte: u8, cut in 0..FILMS.len(), is_cut: bool) {
        let mut bytes = FILMS.to_vec();
        bytes.iter_mut().skip(at).take(len).for_each(|b| *b ^= byte);
        if is_cut {
            bytes.drain(cut..(cut + len).min(bytes.len()));
        }
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), "t", &bytes);
        let _ = rows(&path, &["id"]);
    }

    /// Damage that the archive does not notice: in the sheet's XML itself.
    #[test]
    fn damaged_xml_is_no_panic(at in 0..200_usize, len in 0..9_usize, byte in 32..127_u8) {
        let rows_xml = format!("<row r=\"1\">{}{}</row><row r=\"2\">{}</row>", cell("A1", "id"), cell("C1", "b"), cell("A2", "1"));
        let mut xml = rows_xml.into_bytes();
        xml.iter_mut().skip(at).take(len).for_each(|b| *b = byte);
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), "t", &book(&[("a", &String::from_utf8_lossy(&xml))]));
        let _ = rows(&path, &["id"]);
    }
}
