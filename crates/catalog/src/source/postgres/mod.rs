//! A table or a query of a PostgreSQL database: one read-only transaction, a cursor on the server, and a batch of rows at a time.
//!
//! Rows come as text, as the server writes them, so that every type can be read that it knows. The connection has a thread of
//! its own: its client waits for the network, which threads of an asynchronous runtime must not, and the next batch is on
//! its way while one is worked on.

mod cells;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use postgres::config::SslMode;
use postgres::types::Type;
use postgres::{Client, Config, NoTls, SimpleQueryMessage, SimpleQueryRow};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value as Json, json};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{BadRow, Record, SourceError, Visit};
use crate::Value;
use crate::dataset::{Server, TableSource};
use crate::snapshot::quote;

/// Rows fetched at a time.
const ROWS: usize = 1000;
/// How long to wait for a connection, unless the connection string says otherwise.
const CONNECT: Duration = Duration::from_secs(15);
/// What the transaction is: it sees one state of the database, changes nothing, and ends if a step of it takes ten minutes or it waits for
/// a lock. Dates come in ISO 8601 and UTC.
const BEGIN: &str = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SET LOCAL statement_timeout = '10min'; SET LOCAL lock_timeout = '30s';
    SET LOCAL datestyle = 'ISO'; SET LOCAL timezone = 'UTC'; SET LOCAL intervalstyle = 'postgres';
    SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1";

#[derive(Debug)]
pub(crate) struct PostgresTable {
    name: PathBuf,
    columns: Vec<String>,
    types: Vec<Type>,
    batches: Receiver<Result<Vec<SimpleQueryRow>, SourceError>>,
}

impl PostgresTable {
    pub(super) fn open(source: &TableSource, server: &Server) -> Result<Self, SourceError> {
        let failed = Failed { name: source.file.clone() };
        let sql = match (&source.query, &source.table) {
            (Some(query), _) => query.trim().trim_end_matches(';').to_owned(),
            (None, Some(table)) => {
                let parts: Vec<String> = table.split('.').map(quote).collect();
                format!("SELECT * FROM {}", parts.join("."))
            }
            (None, None) => return Err(failed.because("there is no `query`; add one, or `table`")),
        };
        let connection = server.connection().ok_or_else(|| {
            failed.because(format!(
                "there is no environment variable `{}`; put a connection string into it",
                server.variable().unwrap_or_default()
            ))
        })?;
        let config = config(connection, server.password(), &failed)?;
        let (columns, open) = sync_channel(1);
        let (rows, batches) = sync_channel(1);
        thread::spawn(move || serve(&config, &sql, &failed, &columns, &rows));
        let described = open.recv().unwrap_or_else(|_| Err(gone(&source.file)))?;
        let (columns, types) = described.into_iter().unzip();
        Ok(Self { name: source.file.clone(), columns, types, batches })
    }

    pub(super) fn path(&self) -> &Path {
        &self.name
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(super) fn read<E: From<SourceError>>(
        self,
        wanted: &[usize],
        visit: &mut Visit<'_, E>,
    ) -> Result<(), E> {
        let mut line = 0;
        loop {
            let rows = self.batches.recv().unwrap_or_else(|_| Err(gone(&self.name)))?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                line += 1;
                visit(self.record(&row, line, wanted))?;
            }
        }
    }

    fn record(&self, row: &SimpleQueryRow, line: u64, wanted: &[usize]) -> Result<Record, BadRow> {
        let cell = |i: usize| row.try_get(i).unwrap_or_default();
        let mut cells = Vec::with_capacity(wanted.len());
        for &i in wanted {
            let value = match (cell(i), self.types.get(i)) {
                (Some(text), Some(ty)) => cells::value(text, ty),
                _ => Ok(Value::Null),
            };
            cells.push(value.map_err(|reason| {
                let raw: serde_json::Map<String, Json> =
                    self.columns.iter().enumerate().map(|(i, name)| (name.clone(), json!(cell(i)))).collect();
                BadRow { line, column: self.columns.get(i).cloned(), reason, raw: raw.into() }
            })?);
        }
        Ok(Record { line, cells })
    }
}

/// The name by which errors call a database: neither its password nor its user is in it.
struct Failed {
    name: PathBuf,
}

impl Failed {
    fn because(&self, reason: impl Into<String>) -> SourceError {
        SourceError::Postgres { name: self.name.clone(), reason: reason.into() }
    }

    /// What the server or the client said, all of it: the client's errors say little without their causes.
    fn said(&self, error: &postgres::Error) -> SourceError {
        let Some(db) = error.as_db_error() else {
            let causes = std::iter::successors(std::error::Error::source(error), |e| e.source());
            let causes: String = causes.map(|e| format!(": {e}")).collect();
            return self.because(format!("{error}{causes}"));
        };
        let hint = db.hint().map_or_else(String::new, |hint| format!("; {hint}"));
        let remedy = match db.code().code() {
            "28P01" | "28000" => "; check the user and the password of the connection string",
            "57014" => "; ask for less, or index what the query looks for",
            "25006" => "; the transaction only reads: give a `SELECT`",
            _ => "",
        };
        self.because(format!("{}{hint}{remedy}", db.message()))
    }
}

fn gone(name: &Path) -> SourceError {
    Failed { name: name.to_owned() }.because("the connection ended")
}

fn config(connection: &str, password: Option<&str>, failed: &Failed) -> Result<Config, SourceError> {
    // What is wrong with a connection string is not repeated: it may hold a password.
    let wrong = |_| {
        failed.because("its connection string is none; write `postgres://USER:PASSWORD@HOST:PORT/DATABASE`")
    };
    let mut config = Config::from_str(connection).map_err(wrong)?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT);
    }
    if config.get_application_name().is_none() {
        config.application_name("segue");
    }
    if let (None, Some(password)) = (config.get_password(), password) {
        config.password(password);
    }
    Ok(config)
}

type Described = Vec<(String, Type)>;

/// Tells the columns, then hands over batches until one is empty or nobody takes them any more.
fn serve(
    config: &Config,
    sql: &str,
    failed: &Failed,
    columns: &SyncSender<Result<Described, SourceError>>,
    rows: &SyncSender<Result<Vec<SimpleQueryRow>, SourceError>>,
) {
    let (mut client, described) = match begin(config, sql) {
        Ok(begun) => begun,
        Err(error) => {
            let _ = columns.send(Err(failed.said(&error)));
            return;
        }
    };
    if columns.send(Ok(described)).is_err() {
        return;
    }
    loop {
        let batch = fetch(&mut client).map_err(|e| failed.said(&e));
        let is_over = batch.as_ref().map_or(true, Vec::is_empty);
        if rows.send(batch).is_err() || is_over {
            return;
        }
    }
}

fn begin(config: &Config, sql: &str) -> Result<(Client, Described), postgres::Error> {
    let mut client = connect(config)?;
    client.batch_execute(BEGIN)?;
    // What is prepared is one statement, so that nothing can follow the query.
    let statement = client.prepare(sql)?;
    let columns = statement.columns().iter().map(|c| (c.name().to_owned(), c.type_().clone())).collect();
    client.execute(&format!("DECLARE segue NO SCROLL CURSOR FOR {sql}"), &[])?;
    Ok((client, columns))
}

fn fetch(client: &mut Client) -> Result<Vec<SimpleQueryRow>, postgres::Error> {
    let messages = client.simple_query(&format!("FETCH FORWARD {ROWS} FROM segue"))?;
    let row = |message| if let SimpleQueryMessage::Row(row) = message { Some(row) } else { None };
    Ok(messages.into_iter().filter_map(row).collect())
}

/// Encrypted where the server can be trusted; else, unless the connection string has `sslmode=require`, as libpq's
/// `sslmode=prefer` does, without.
fn connect(config: &Config) -> Result<Client, postgres::Error> {
    let is_preferred = config.get_ssl_mode() == SslMode::Prefer;
    let tls = if config.get_ssl_mode() == SslMode::Disable { None } else { tls() };
    let Some(tls) = tls else { return config.connect(NoTls) };
    match config.connect(tls) {
        Err(error) if is_preferred && error.as_db_error().is_none() => {
            config.clone().ssl_mode(SslMode::Disable).connect(NoTls).map_err(|_| error)
        }
        other => other,
    }
}

/// Trusts whom the system trusts.
fn tls() -> Option<MakeRustlsConnect> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Some(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests;
