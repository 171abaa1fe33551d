//! Against the server whose connection string is in `SEGUE_TEST_POSTGRES`; without one these say that they are skipped.

use expect_test::expect;

use super::*;
use crate::source::Table;
use crate::source::tests::rows_of;

fn server() -> Option<String> {
    let found = segue_world::World::env(&segue_world::RealWorld::new(), "SEGUE_TEST_POSTGRES");
    if found.is_none() {
        eprintln!("SKIPPED: no connection string of a PostgreSQL server in SEGUE_TEST_POSTGRES");
    }
    found
}

fn source(connection: &str, query: &str) -> TableSource {
    let server = Server::new("SEGUE_TEST_POSTGRES").with_connection(connection);
    let query = Some(query.to_owned());
    TableSource { query, postgres: Some(server), ..TableSource::of("TEST".as_ref()) }
}

#[test]
fn a_query_is_read_row_by_row() {
    let Some(connection) = server() else { return };
    let all = "SELECT 1::int AS id, 'Ä'::text AS t, 1.5::float8 AS f, 12.30::numeric AS n, 'NaN'::float8 AS nan, true AS b,
        date '1999-12-31' AS d, timestamptz '1999-12-31 20:30+01' AS at, ARRAY['a,b', NULL, 'c'] AS tags,
        ARRAY[[1,2],[3,4]] AS grid, '[1, \"x\"]'::jsonb AS j, NULL::text AS nothing, 12345678901234567890123::numeric AS big;";
    let columns = Table::open(&source(&connection, all)).unwrap().columns().to_vec();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    expect!["1: 1|Ä|1.5|12.3|–|yes|1999-12-31|1999-12-31 19:30:00|a,b, c|1, 2, 3, 4|1, x|–|12345678901234567890123"].assert_eq(&rows_of(&source(&connection, all), &columns).unwrap().join("\n"));
    let many = source(
        &connection,
        "SELECT i AS id, 'row ' || i AS t FROM generate_series(1, 12345) AS i ORDER BY i",
    );
    let found = rows_of(&many, &["t", "id"]).unwrap();
    assert_eq!(found.len(), 12_345);
    assert!(found.iter().enumerate().all(|(i, row)| *row == format!("{}: row {}|{}", i + 1, i + 1, i + 1)));
    let bad = source(&connection, r"SELECT '\xff'::bytea AS id UNION ALL SELECT NULL");
    assert_eq!(rows_of(&bad, &["id"]).unwrap(), ["1: id: the column holds bytes and no text", "2: –"]);
    let object = source(&connection, r#"SELECT '{"a": 1}'::jsonb AS id"#);
    assert_eq!(
        rows_of(&object, &["id"]).unwrap(),
        ["1: id: an object cannot be a value; select what is in it, `column->>'key'`"]
    );
}

/// A reader that stops early neither waits for the rest nor leaves anything behind.
#[test]
fn what_is_not_taken_is_not_sent() {
    let Some(connection) = server() else { return };
    for _ in 0..20 {
        let endless = source(&connection, "SELECT generate_series(1, 1000000000) AS id");
        let mut taken = 0;
        let read = Table::open(&endless).unwrap().read(&["id"], &mut |_| {
            taken += 1;
            if taken == 1500 { Err(SourceError::Empty(PathBuf::new())) } else { Ok(()) }
        });
        assert!(read.is_err());
    }
}

#[test]
fn nothing_is_changed_and_errors_name_the_place() {
    let Some(connection) = server() else { return };
    let says =
        |connection: &str, query: &str| rows_of(&source(connection, query), &["id"]).unwrap_err().to_string();
    let told = [
        says(&connection, "SELEC 1"),
        says(&connection, "SELECT 1 AS id; DROP TABLE films"),
        says(&connection, "CREATE TABLE segue_made (id int)"),
        says(&connection, "SELECT lo_creat(-1) AS id"),
        says(&connection, "SELECT 1/(i-1500) AS id FROM generate_series(1, 2000) AS i"),
        says(&connection, "SELECT 1 AS ident"),
        says(&connection, "SELECT pg_sleep(0), current_setting('segue.none') AS id"),
        says("postgres://nobody:hunter2@localhost:1/x", "SELECT 1 AS id"),
        says("postgres://nobody:hunter2@localhost:x/x", "SELECT 1 AS id"),
    ];
    let absent = says(&format!("{connection}_no_such_database"), "SELECT 1 AS id");
    assert!(absent.contains("does not exist"), "{absent}");
    assert!(!told.join("").contains("hunter2"));
    expect![[r#"
        `TEST` cannot be read from PostgreSQL: syntax error at or near "SELEC"
        `TEST` cannot be read from PostgreSQL: cannot insert multiple commands into a prepared statement
        `TEST` cannot be read from PostgreSQL: syntax error at or near "CREATE"
        `TEST` cannot be read from PostgreSQL: cannot execute lo_creat() in a read-only transaction; the transaction only reads: give a `SELECT`
        `TEST` cannot be read from PostgreSQL: division by zero
        `TEST` has no column `id`; its columns are `ident`
        `TEST` cannot be read from PostgreSQL: unrecognized configuration parameter "segue.none"
        `TEST` cannot be read from PostgreSQL: error connecting to server: Connection refused (os error 111)
        `TEST` cannot be read from PostgreSQL: its connection string is none; write `postgres://USER:PASSWORD@HOST:PORT/DATABASE`"#]].assert_eq(&told.join("\n"));
}

#[test]
fn a_password_is_told_to_nobody() {
    let source = source("postgres://me:hunter2@localhost/x", "SELECT 1");
    let shown = format!("{source:?} {}", serde_json::to_string(&source).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
    let unset = TableSource { postgres: Some(Server::new("NO_SUCH_VARIABLE")), ..source };
    expect!["`TEST` cannot be read from PostgreSQL: there is no environment variable `NO_SUCH_VARIABLE`; put a connection string into it"]
        .assert_eq(&Table::open(&unset).unwrap_err().to_string());
}
