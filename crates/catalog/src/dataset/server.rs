//! A database server as `postgres` in a `dataset.toml` names it.

use std::fmt;
use std::str::FromStr;

use segue_world::World;
use serde::{Deserialize, Serialize};

/// A PostgreSQL server: the name of an environment variable that holds its connection string, or a connection string without a
/// password. What is in the environment is neither shown nor written anywhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Server {
    said: String,
    connection: Option<String>,
    password: Option<String>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("said", &self.said).finish_non_exhaustive()
    }
}

impl Server {
    /// The server of the variable of this name, or of this connection string.
    pub fn new(said: &str) -> Self {
        let connection = (!is_variable(said)).then(|| said.to_owned());
        Self { said: said.to_owned(), connection, password: None }
    }

    /// The same with this connection string.
    #[must_use]
    pub fn with_connection(self, connection: &str) -> Self {
        Self { connection: Some(connection.to_owned()), ..self }
    }

    /// Looks up the variable; and the password of a connection string where others look for it, in `PGPASSWORD`.
    pub(super) fn look_up(&mut self, world: &dyn World) {
        match self.variable().and_then(|name| world.env(name)) {
            Some(connection) => self.connection = Some(connection),
            None => self.password = world.env("PGPASSWORD"),
        }
    }

    /// The connection string, where it is known.
    pub(crate) fn connection(&self) -> Option<&str> {
        self.connection.as_deref()
    }

    pub(crate) fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The environment variable, if one is named.
    pub(crate) fn variable(&self) -> Option<&str> {
        Some(self.said.as_str()).filter(|said| is_variable(said))
    }

    /// What is wrong with it as it is written.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let connection = self.connection()?;
        match postgres::Config::from_str(connection) {
            Ok(config) if config.get_password().is_some() => Some(
                "a password is no part of a file that others read; put the connection string into an environment variable and name that here",
            ),
            Ok(_) => None,
            Err(_) => Some(
                "`postgres` is the name of an environment variable that holds a connection string, in capitals, or a connection string without a password, `postgres://USER@HOST:PORT/DATABASE`",
            ),
        }
    }

    /// What messages and files call it: the variable, or the database and its host.
    pub(super) fn name(&self) -> String {
        let config = self.connection().and_then(|c| postgres::Config::from_str(c).ok());
        let database = config.as_ref().and_then(|c| c.get_dbname()).unwrap_or("postgres").to_owned();
        self.variable().map_or(database, str::to_owned)
    }
}

impl From<String> for Server {
    fn from(said: String) -> Self {
        Self::new(&said)
    }
}

impl From<Server> for String {
    fn from(server: Server) -> Self {
        server.said
    }
}

fn is_variable(said: &str) -> bool {
    said.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && said.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}
