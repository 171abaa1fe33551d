//! Whoever writes the SQL, it reads the pool's catalogue fields and nothing else.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::format_push_string, reason = "a test")]

mod common;

use std::collections::BTreeSet;

use common::Dice;
use roaring::RoaringBitmap;
use segue_catalog::Value;
use segue_retrieval::{Engine, SqlError, SqlLimits};
use segue_world::fs;

const FIELDS: &[&str] = &["id", "title", "story", "tags", "year", "rating", "made"];

/// Statements that each reach for something outside, by a way of their own.
const HOSTILE: &[&str] = &[
    "SELECT hash FROM segue_items",
    "SELECT title FROM main.segue_items",
    // What a common table expression is called must not make it pass for the view of that name.
    "WITH items AS (SELECT hash AS id FROM segue_items) SELECT * FROM items",
    "WITH items AS (SELECT * FROM \"ITEMS_1\") SELECT * FROM items",
    "WITH things AS (SELECT ordinal FROM segue_pool) SELECT * FROM things",
    "SELECT items.* FROM (SELECT * FROM main.segue_items) AS items",
    "SELECT * FROM [segue_items] AS items",
    "SELECT ordinal FROM items",
    "SELECT rowid FROM segue_items",
    "SELECT ordinal FROM temp.segue_pool",
    "SELECT * FROM sqlite_master",
    "SELECT sql FROM temp.sqlite_schema",
    "SELECT catalog FROM generations",
    "SELECT * FROM values_1",
    "SELECT * FROM users_1",
    "SELECT * FROM pragma_table_info('segue_items')",
    "SELECT name FROM pragma_database_list",
    "SELECT * FROM dbstat",
    "ATTACH DATABASE 'other.db' AS other",
    "PRAGMA query_only = off",
    "DELETE FROM segue_items",
    "UPDATE items SET title = 'x'",
    "INSERT INTO segue_pool VALUES (1)",
    "DROP VIEW items",
    "CREATE TEMP TABLE t AS SELECT 1",
    "VACUUM INTO 'copy.db'",
    "EXPLAIN SELECT * FROM items",
    "SELECT 1; DROP TABLE segue_items",
    "SELECT load_extension('x')",
    "SELECT writefile('x', 'y')",
    "SELECT readfile('x')",
    "SELECT sqlite_version()",
    "SELECT randomblob(1000000000)",
    "SELECT zeroblob(1000000000)",
    "SELECT printf('%1000000000d', 1)",
    "BEGIN",
    "SAVEPOINT s",
    "",
    "-- nothing",
];

fn engine() -> (tempfile::TempDir, Engine, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let workspace = common::workspace(folder.path(), None);
    let engine = Engine::open(&workspace, None).unwrap();
    (folder, engine, workspace.rows_db(1))
}

#[test]
fn hostile_statements_are_refused() {
    let (_folder, engine, _) = engine();
    let pool = RoaringBitmap::from_iter([3_u32, 5]);
    for within in [None, Some(&pool)] {
        let accepted: Vec<_> =
            HOSTILE.iter().filter(|s| engine.sql(s, within, &SqlLimits::default()).is_ok()).collect();
        assert_eq!(accepted, Vec::<&&str>::new());
    }
}

#[test]
fn a_statement_sees_the_pool_and_says_what_it_read() {
    let (_folder, engine, _) = engine();
    let pool = RoaringBitmap::from_iter([3_u32, 5, 140]);
    let sql = "SELECT id, upper(title) FROM things WHERE fold(story) IS NOT NULL ORDER BY id DESC";
    let answer = engine.sql(sql, Some(&pool), &SqlLimits::default()).unwrap();
    assert_eq!(answer.items, Some(vec![140, 5, 3]));
    let certificate = answer.certificate;
    let names = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(
        (names(&certificate.tables), names(&certificate.columns), names(&certificate.functions)),
        ("things".to_owned(), "id story title".to_owned(), "fold upper".to_owned())
    );
    assert_eq!((certificate.rows, certificate.capped, certificate.pool), (3, false, 3));
}

#[test]
fn what_runs_on_is_ended_and_what_is_cut_is_said() {
    let (_folder, engine, _) = engine();
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(i) FROM n";
    let limits = SqlLimits { fuel: 100_000, ..SqlLimits::default() };
    assert!(matches!(engine.sql(endless, None, &limits), Err(SqlError::OutOfFuel(100_000))));
    let limits = SqlLimits { interrupted: Some(std::sync::Arc::new(|| true)), ..SqlLimits::default() };
    assert!(matches!(engine.sql(endless, None, &limits), Err(SqlError::Interrupted)));
    let limits = SqlLimits { rows: 7, ..SqlLimits::default() };
    let answer = engine.sql("SELECT id FROM items", None, &limits).unwrap();
    assert_eq!((answer.rows.len(), answer.certificate.capped), (7, true));
}

#[test]
fn an_unknown_column_brings_the_nearest() {
    let (_folder, engine, _) = engine();
    let error = engine.sql("SELECT ratings FROM items", None, &SqlLimits::default()).unwrap_err();
    assert!(error.to_string().starts_with("there is no column `ratings`; there are `rating`"), "{error}");
}

/// Writes statements: most hang together, many reach for what is not theirs.
struct Writer(Dice);

impl Writer {
    fn table(&mut self, depth: usize) -> String {
        let d = &mut self.0;
        match d.below(14) {
            0..=7 => d.pick(&["items", "things", "\"items\"", "temp.items", "Things"]).to_owned(),
            8 | 9 if depth > 0 => {
                format!("({}) AS {}", self.select(depth - 1), self.0.pick(&["items", "things", "q"]))
            }
            10 => "items, json_each(items.tags)".to_owned(),
            11 => "items AS a JOIN things AS b ON a.year = b.year".to_owned(),
            12 => d
                .pick(&[
                    "segue_items",
                    "main.segue_items",
                    "segue_pool",
                    "sqlite_master",
                    "users_1",
                    "generations",
                    "values_1",
                    "lexicon_1",
                    "[segue_items] AS items",
                    "pragma_table_list",
                    "sqlite_temp_master",
                ])
                .to_owned(),
            _ => "items".to_owned(),
        }
    }

    fn value(&mut self, depth: usize) -> String {
        let d = &mut self.0;
        match d.below(16) {
            0..=6 => d.pick(FIELDS).to_owned(),
            7 => d.pick(&["'Red'", "2000", "1.5", "NULL", "'t0001'", "x'00'", "'items'"]).to_owned(),
            8 => d.pick(&["hash", "ordinal", "rowid", "\"hash\"", "items.hash", "secret", "*"]).to_owned(),
            9 | 10 => {
                let f = d.pick(&[
                    "upper",
                    "length",
                    "abs",
                    "count",
                    "max",
                    "min",
                    "group_concat",
                    "typeof",
                    "fold",
                ]);
                format!("{f}({})", d.pick(FIELDS))
            }
            11 => {
                let f = d.pick(&[
                    "load_extension",
                    "readfile",
                    "randomblob",
                    "zeroblob",
                    "sqlite_version",
                    "sqlite_compileoption_get",
                    "fts5",
                    "edit",
                    "printf",
                    "random",
                    "changes",
                    "json_group_array",
                ]);
                format!("{f}({})", d.pick(&["1", "'x'", "title"]))
            }
            12 if depth > 0 => format!("({})", self.select(depth - 1)),
            13 => format!("rank() OVER (ORDER BY {})", d.pick(FIELDS)),
            14 => format!("CASE WHEN year > 2000 THEN {} ELSE {} END", d.pick(FIELDS), d.pick(FIELDS)),
            _ => "id".to_owned(),
        }
    }

    fn select(&mut self, depth: usize) -> String {
        let columns = (0..=self.0.below(3)).map(|_| self.value(depth)).collect::<Vec<_>>().join(", ");
        let mut sql = format!("SELECT {columns} FROM {}", self.table(depth));
        if self.0.below(2) == 0 {
            let operator = self.0.pick(&["=", "<", ">", "IS NOT", "LIKE", "IN"]);
            let right = if operator == "IN" { "(2000, 2001, 'Red')".to_owned() } else { self.value(depth) };
            sql += &format!(" WHERE {} {operator} {right}", self.value(depth));
        }
        if self.0.below(4) == 0 {
            sql += &format!(" ORDER BY {} DESC LIMIT 20", self.value(0));
        }
        if depth > 0 && self.0.below(8) == 0 {
            sql += &format!(
                " {} {}",
                self.0.pick(&["UNION", "UNION ALL", "EXCEPT", "INTERSECT"]),
                self.select(depth - 1)
            );
        }
        sql
    }

    fn statement(&mut self) -> String {
        let select = self.select(2);
        match self.0.below(20) {
            0 => format!("WITH {} AS ({}) {select}", self.0.pick(&["items", "things", "q"]), self.select(1)),
            1 => format!("EXPLAIN {select}"),
            2 => format!("{select}; {}", self.select(0)),
            3 => format!("CREATE TEMP TABLE x AS {select}"),
            4 => format!("INSERT INTO {} {select}", self.0.pick(&["segue_items", "segue_pool", "items"])),
            5 => self.0.pick(HOSTILE).to_owned(),
            6 => format!("{select} -- {}", self.0.pick(&["segue_items", ";", "*/"])),
            _ => select,
        }
    }
}

#[test]
fn a_hundred_thousand_statements_stay_inside() {
    let (_folder, engine, database) = engine();
    let before = fs::read(&database).unwrap();
    let pool = RoaringBitmap::from_iter([2_u32, 40, 41, 77]);
    let limits = SqlLimits { fuel: 30_000, rows: 50, ..SqlLimits::default() };
    // What must never be seen is found by other means than the sandbox's own: rows' hashes and rows outside the pool.
    let all: Vec<u32> = (0..common::ITEMS as u32).collect();
    let catalog = engine.snapshot().catalog();
    let rows = engine.snapshot().rows(&all).unwrap();
    let hidden: BTreeSet<&str> = rows
        .iter()
        .flat_map(|row| {
            let outside =
                [row.id(catalog), row.title(catalog)].into_iter().filter(|_| !pool.contains(row.ordinal));
            outside.chain([row.hash.as_str()])
        })
        .collect();
    let written_out = ["t0001"];
    let tables = ["items", "things"];
    let mut writer = Writer(Dice(42));
    let mut accepted = 0;
    for n in 0..100_000 {
        let sql = writer.statement();
        let Ok(answer) = engine.sql(&sql, Some(&pool), &limits) else { continue };
        accepted += 1;
        let certificate = &answer.certificate;
        assert!(
            certificate.tables.iter().all(|t| tables.contains(&t.as_str())),
            "{n}: {sql}: {certificate:?}"
        );
        assert!(
            certificate.columns.iter().all(|c| FIELDS.contains(&c.as_str())),
            "{n}: {sql}: {certificate:?}"
        );
        assert_eq!(
            (certificate.pool, certificate.rows),
            (pool.len(), answer.rows.len() as u64),
            "{n}: {sql}"
        );
        assert!(certificate.fuel <= limits.fuel && answer.rows.len() <= limits.rows, "{n}: {sql}");
        assert!(answer.items.iter().flatten().all(|i| pool.contains(*i)), "{n}: {sql}");
        for cell in answer.rows.iter().flatten().filter_map(Value::as_str) {
            let is_hidden = cell.split(',').any(|part| hidden.contains(part) && !written_out.contains(&part));
            assert!(!is_hidden, "{n}: {sql}: {cell}");
        }
    }
    assert_eq!(fs::read(&database).unwrap(), before);
    // A sandbox that refuses everything would pass, too.
    assert!(accepted > 10_000, "only {accepted} statements were accepted");
    println!("{accepted} of 100000 statements were accepted");
}
