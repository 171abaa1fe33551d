use std::sync::Arc;

use roaring::RoaringBitmap;
use schemars::JsonSchema;
use segue_agent::{ErrorKind, Tool, ToolContext, ToolError, ToolOutput, ToolRole, ToolSpec};
use segue_catalog::{CandidateSet, Catalog, Predicate, PredicateError, Role, resolve};
use segue_retrieval::{Engine, SqlError, SqlLimits};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::predicate_args::parse_predicate;
use crate::predicate_schema::predicate_schema;
use crate::ranking::{engine_error, parents, pool};
use crate::spec::{example, number, object, spec, usual_number, usual_value};

/// Keeps every item that satisfies a predicate, or that a `SELECT` names. Neither cuts nor orders.
pub(crate) struct SqlFilter {
    engine: Engine,
}

impl SqlFilter {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// The items that the statement names, of those in the pool.
    fn selected(
        &self,
        context: &ToolContext,
        statement: &str,
        pool: Option<&RoaringBitmap>,
    ) -> Result<RoaringBitmap, ToolError> {
        let cancellation = context.cancellation.clone();
        let catalog = context.snapshot.catalog();
        let most = SqlLimits::default();
        let limits = SqlLimits {
            // Any set of items fits: a filter never truncates.
            rows: most.rows.max(catalog.items as usize),
            interrupted: Some(Arc::new(move || cancellation.is_cancelled())),
            ..most
        };
        let answer = self.engine.over(&context.snapshot).sql(statement, pool, &limits).map_err(sql_error)?;
        let id = catalog.with_role(Role::Id).map_or("id", |f| f.name.as_str());
        let Some(items) = answer.items else {
            let message =
                format!("the statement does not select `{id}`; write `SELECT {id} FROM items WHERE …`");
            return Err(ToolError::invalid("sql", message));
        };
        if answer.certificate.capped {
            let message =
                format!("the statement gives more rows than can be read; select `DISTINCT {id}` alone");
            return Err(ToolError::invalid("sql", message));
        }
        Ok(items.into_iter().collect())
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object of arguments")]
pub(crate) struct Args {
    /// Conditions on fields.
    #[serde(default, rename = "where")]
    #[schemars(with = "Option<Predicate>")]
    predicate: Option<Json>,
    /// One `SELECT` that names items.
    #[serde(default)]
    sql: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Resolved {
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    predicate: Option<Predicate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<String>,
}

impl Tool for SqlFilter {
    const NAME: &'static str = "sql_filter";
    type Args = Args;
    type Resolved = Resolved;

    fn describe(&self, catalog: &Catalog) -> ToolSpec {
        let (definitions, predicate) = predicate_schema(catalog);
        let id = catalog.with_role(Role::Id).map_or("id", |f| f.name.as_str());
        let sql = json!({
            "type": ["string", "null"],
            "description": format!("only for what `where` cannot say: SELECT {id} FROM items WHERE …, no LIMIT"),
        });
        let mut schema =
            object(0, vec![("where", json!({"anyOf": [predicate, {"type": "null"}]})), ("sql", sql)]);
        if let Json::Object(schema) = &mut schema {
            schema.insert("$defs".to_owned(), Json::Object(definitions));
        }
        let mut examples = Vec::new();
        if let (Some((category, value)), Some((field, bound))) = (usual_value(catalog), usual_number(catalog))
        {
            let conditions = json!([
                {"field": category.name, "op": "eq", "value": value},
                {"field": field.name, "op": "ge", "value": number(bound)},
            ]);
            let request = format!("{} {value} with {} of at least {bound}", category.name, field.name);
            examples.push(example(request, json!({"where": {"all": conditions}})));
        }
        if let Some((field, _)) = usual_number(catalog) {
            let name = &field.name;
            let statement = format!("SELECT {id} FROM items WHERE {name} > (SELECT avg({name}) FROM items)");
            examples.push(example(format!("{name} above the average"), json!({"sql": statement})));
        }
        spec(
            Self::NAME,
            ToolRole::Filter,
            format!("keeps the {} that satisfy conditions", catalog.name),
            format!(
                "Use it first, for every condition that a field can decide. Keeps all {} that satisfy `where` \
                 (conditions on fields, with all, any and not), or that `sql` selects; with both, `sql` sees only \
                 what `where` keeps. Never cuts and never orders: rank what it keeps with a later step. Unknown \
                 values satisfy nothing but is_null, also under not. An empty result says which conditions conflict.",
                catalog.name
            ),
            schema,
            examples,
        )
    }

    fn resolve(&self, context: &ToolContext, args: Args) -> Result<Resolved, ToolError> {
        let predicate = args.predicate.filter(|p| !p.is_null());
        let predicate = predicate.map(|p| parse_predicate(&p, "where")).transpose()?;
        let predicate =
            predicate.map(|p| resolve(&p, &context.snapshot).map_err(predicate_error)).transpose()?;
        let sql = args.sql.map(|s| s.trim().to_owned()).filter(|s| !s.is_empty());
        if predicate.is_none() && sql.is_none() {
            return Err(ToolError::invalid(
                "where",
                "there is neither `where` nor `sql`; give conditions in `where`",
            ));
        }
        if sql.as_deref().is_some_and(cuts) {
            let message = "a filter never cuts; leave `LIMIT` out and give `k` to the last ranking step";
            return Err(ToolError::invalid("sql", message));
        }
        Ok(Resolved { predicate, sql })
    }

    async fn call(&self, context: &ToolContext, args: Resolved) -> Result<ToolOutput, ToolError> {
        let mut members = match &args.predicate {
            Some(predicate) => Some(
                self.engine.over(&context.snapshot).filter(predicate, pool(context)).map_err(engine_error)?,
            ),
            None => None,
        };
        if let Some(statement) = &args.sql {
            members = Some(self.selected(context, statement, members.as_ref().or(pool(context)))?);
        }
        let members = members.unwrap_or_default();
        let diagnosis = match &args.predicate {
            Some(predicate) if members.is_empty() => Some(
                self.engine
                    .over(&context.snapshot)
                    .diagnose(predicate, pool(context))
                    .map_err(engine_error)?,
            ),
            _ => None,
        };
        let record = context.record(Self::NAME, serde_json::to_value(&args).map_err(ToolError::internal)?);
        let set = CandidateSet::filtered(context.handle.clone(), record, members, parents(context, &[]));
        Ok(ToolOutput::Set { set: Arc::new(set), diagnosis, notes: Vec::new() })
    }
}

fn predicate_error(error: PredicateError) -> ToolError {
    ToolError::invalid("where", error.message).with_nearest(error.nearest)
}

fn sql_error(error: SqlError) -> ToolError {
    match error {
        SqlError::UnknownColumn { column, nearest } => {
            ToolError::invalid("sql", format!("there is no column `{column}`")).with_nearest(nearest)
        }
        SqlError::Interrupted => ToolError::new(ErrorKind::Cancelled, ErrorKind::Cancelled.feedback()),
        SqlError::Store(source) => ToolError::internal(source),
        other => ToolError::invalid("sql", other.to_string()),
    }
}

/// True if the outermost query of a statement has a LIMIT. Within parentheses one is part of a condition.
fn cuts(statement: &str) -> bool {
    let mut depth = 0_i32;
    let mut quoted: Option<char> = None;
    let mut word = String::new();
    for c in statement.chars().chain([' ']) {
        if let Some(end) = quoted {
            quoted = (c != end).then_some(end);
            continue;
        }
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        if depth == 0 && word.eq_ignore_ascii_case("limit") {
            return true;
        }
        word.clear();
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\'' | '"' | '`' => quoted = Some(c),
            '[' => quoted = Some(']'),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::cuts;

    #[test]
    fn only_the_outermost_limit_cuts() {
        for (statement, expected) in [
            ("SELECT id FROM items", false),
            ("SELECT id FROM items LIMIT 3", true),
            ("select id from items order by x\nlimit 3", true),
            ("SELECT id FROM items WHERE x > (SELECT x FROM items ORDER BY x LIMIT 1)", false),
            ("SELECT id FROM items WHERE title = 'no limit here'", false),
            ("SELECT \"limit\" FROM items WHERE time_limit > 3", false),
        ] {
            assert_eq!(cuts(statement), expected, "{statement}");
        }
    }
}
