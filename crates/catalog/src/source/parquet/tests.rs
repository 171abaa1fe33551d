use std::sync::Arc;

use expect_test::expect;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use crate::source::Table;
use crate::source::tests::{file, rows, source};

const ZSTD: &[u8] = include_bytes!("../../../tests/data/types.zstd.parquet");
const SNAPPY: &[u8] = include_bytes!("../../../tests/data/types.snappy.parquet");

#[test]
fn every_type_is_read_as_it_is_meant() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "t.parquet", ZSTD);
    let columns = Table::open(&source(&path)).unwrap().columns().to_vec();
    let read = |name: &str, bytes: &[u8]| {
        let path = file(folder.path(), name, bytes);
        let all = columns.iter().map(|c| format!("{c}  {}", rows(&path, &[c]).unwrap().join("  ")));
        all.collect::<Vec<_>>().join("\n")
    };
    let found = read("zstd", ZSTD);
    expect![[r#"
        id  1: 1  2: 2  3: –
        unsigned  1: 4294967295  2: 1  3: 0
        large  1: 18446744073709551615  2: 1  3: 0
        word  1: ä  2: b  3: –
        single  1: 0.1  2: –  3: -2.75
        half  1: 1.5  2: –  3: 0.099975586
        price  1: 12.34  2: -0.05  3: –
        key  1: 12345678901234567890123  2: -1  3: –
        day  1: 1999-03-31  2: 1950-01-01  3: –
        at  1: 1999-03-31T12:05:06  2: 2000-01-01  3: –
        clock  1: 12:05:06  2: –  3: –
        tags  1: a, b  2:   3: 
        deep  1: a, b, c  2:   3: 
        by.name  1: Ann  2: –  3: –
        by.born.in  1: Ghent  2: –  3: –
        tracks.t  1: x, y  2:   3: 
        tracks.of  1: a, b  2:   3: 
        map.key  1: k  2:   3: 
        map.value  1: v  2:   3: 
        raw  1: raw: the column holds bytes and no text  2: ok  3: –
        truth  1: yes  2: no  3: –"#]]
    .assert_eq(&found);
    assert_eq!(read("snappy", SNAPPY), found);
}

/// Rows of an id and a text, in row groups of 10,000.
fn written(rows: i64, text: impl Fn(i64) -> String) -> Vec<u8> {
    let schema = "message m { REQUIRED INT64 id; REQUIRED BYTE_ARRAY text (UTF8); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut bytes = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut bytes, schema, Arc::new(WriterProperties::builder().build())).unwrap();
    for from in (0..rows).step_by(10_000) {
        let ids: Vec<i64> = (from..rows.min(from + 10_000)).collect();
        let texts: Vec<ByteArray> = ids.iter().map(|i| text(*i).into_bytes().into()).collect();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&ids, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&texts, None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.close().unwrap();
    bytes
}

#[test]
fn row_groups_are_read_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "t.parquet", &written(25_000, |i| format!("row {i}")));
    let found = rows(&path, &["text", "id"]).unwrap();
    assert_eq!(found.len(), 25_000);
    let is_right = |(i, row): (usize, &String)| *row == format!("{}: row {i}|{i}", i + 1);
    assert!(found.iter().enumerate().all(is_right));
}

#[test]
fn what_is_cut_off_or_damaged_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let whole = written(1000, |i| format!("row {i}"));
    let message = |name: &str, bytes: &[u8]| {
        let path = file(folder.path(), name, bytes);
        rows(&path, &["id"]).unwrap_err().to_string().replace(&format!("{}/", folder.path().display()), "")
    };
    expect!["`cut.parquet` is not a table that can be read: it is cut off or damaged (Parquet error: Invalid Parquet file. Corrupt footer); fetch it again"].assert_eq(&message("cut.parquet", &whole[..whole.len() / 2]));
    expect!["`not.parquet` is not a table that can be read: its name says Parquet and its content does not; fetch it again"].assert_eq(&message("not.parquet", b"id,name\n1,a\n"));
    expect!["`secret.parquet` is not a table that can be read: it is an encrypted Parquet file; write it without encryption"].assert_eq(&message("secret.parquet", b"PARE and more"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is done to a file, it is read or refused.
    #[test]
    fn damage_is_no_panic(
        at in 0..ZSTD.len(), len in 0..64_usize, byte: u8, cut in 0..ZSTD.len(), is_cut: bool, is_old: bool,
    ) {
        let mut bytes = if is_old { SNAPPY } else { ZSTD }.to_vec();
        bytes.iter_mut().skip(at).take(len).for_each(|b| *b ^= byte);
        if is_cut {
            let cut = cut.min(bytes.len());
            bytes.drain(cut..(cut + len).min(bytes.len()));
        }
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), "t", &bytes);
        if let Ok(table) = Table::open(&source(&path)) {
            let columns = table.columns().to_vec();
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            let _ = rows(&path, &columns);
        }
    }
}
