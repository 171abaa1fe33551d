//! SQL over the rows that came back: what an assertion says of items is asked of the database itself, on the guarded
//! connection that sees these rows and nothing else, and so shares no code with what chose them.

use std::fmt::Write;

use roaring::RoaringBitmap;
use segue_catalog::{Catalog, FieldType, Operator, Predicate, Role, Value, parse_date, text::fold};
use segue_retrieval::{Engine, SqlLimits};

/// What a row says to an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Truth {
    /// The item's id.
    pub(super) id: String,
    /// False also where the expression is null.
    pub(super) holds: bool,
    /// The values of the fields that the expression reads, for people.
    pub(super) values: String,
}

/// For each of the items, in the order of the rows, whether the expression is true.
///
/// # Errors
/// What is wrong with the expression, in words for whoever wrote it.
pub(super) fn truths(engine: &Engine, pool: &RoaringBitmap, expression: &str) -> Result<Vec<Truth>, String> {
    let catalog = engine.snapshot().catalog();
    let id = id_of(catalog);
    let expanded = expand(catalog, expression)?;
    // The line break ends what could be a comment.
    let statement = format!("SELECT {}, ({expanded}\n) IS TRUE AS holds FROM items", quote(&id));
    let answer = engine.sql(&statement, Some(pool), &SqlLimits::default()).map_err(|e| e.to_string())?;
    if answer.columns.len() != 2 || answer.rows.len() as u64 != pool.len() {
        return Err("this is not one expression that is true or false of each row".to_owned());
    }
    let fields: Vec<_> = catalog
        .fields
        .iter()
        .map(|f| f.name.clone())
        .filter(|name| *name != id && answer.certificate.columns.contains(&name.to_lowercase()))
        .collect();
    let shown = values(engine, pool, &fields.iter().map(|f| quote(f)).collect::<Vec<_>>())?;
    Ok(answer
        .rows
        .iter()
        .zip(shown)
        .map(|(row, (id, values))| Truth {
            id,
            holds: matches!(row.get(1), Some(Value::Integer(1))),
            values: fields.iter().zip(&values).fold(String::new(), |mut out, (field, value)| {
                let _ = write!(out, "{}{field} {}", if out.is_empty() { "" } else { ", " }, brief(value));
                out
            }),
        })
        .collect())
}

/// The items of the whole catalogue of which the expression is true.
pub(super) fn satisfying(
    engine: &Engine,
    expression: &str,
    limits: &SqlLimits,
) -> Result<RoaringBitmap, String> {
    let catalog = engine.snapshot().catalog();
    let expanded = expand(catalog, expression)?;
    let statement = format!("SELECT {} FROM items WHERE ({expanded}\n) IS TRUE", quote(&id_of(catalog)));
    let answer = engine.sql(&statement, None, limits).map_err(|e| format!("{expression}: {e}"))?;
    if answer.certificate.capped {
        return Err(format!("{expression}: it selects more rows than can be read"));
    }
    Ok(answer.items.unwrap_or_default().into_iter().collect())
}

/// For each of the items what the expressions give, with its id.
pub(super) fn values(
    engine: &Engine,
    pool: &RoaringBitmap,
    expressions: &[String],
) -> Result<Vec<(String, Vec<Value>)>, String> {
    let mut columns = quote(&id_of(engine.snapshot().catalog()));
    for expression in expressions {
        let _ = write!(columns, ", ({expression}\n)");
    }
    let statement = format!("SELECT {columns} FROM items");
    let answer = engine.sql(&statement, Some(pool), &SqlLimits::default()).map_err(|e| e.to_string())?;
    if answer.rows.len() as u64 != pool.len() {
        return Err("this is not one value of each row".to_owned());
    }
    let split = |mut row: Vec<Value>| {
        let rest = row.split_off(1.min(row.len()));
        let id = row.first().map(ToString::to_string).unwrap_or_default();
        (id, rest)
    };
    Ok(answer.rows.into_iter().map(split).collect())
}

/// The items whose id or title this is.
pub(super) fn named(engine: &Engine, name: &str) -> Result<Vec<String>, String> {
    let catalog = engine.snapshot().catalog();
    if engine.snapshot().ordinal(name).map_err(|e| e.to_string())?.is_some() {
        return Ok(vec![name.to_owned()]);
    }
    let Some(title) = catalog.with_role(Role::Title) else { return Ok(Vec::new()) };
    let (id, title) = (quote(&id_of(catalog)), quote(&title.name));
    let statement = format!("SELECT {id} FROM items WHERE fold({title}) = {}", literal(&fold(name)));
    let answer = engine.sql(&statement, None, &SqlLimits::default()).map_err(|e| e.to_string())?;
    Ok(answer.rows.iter().filter_map(|r| r.first()?.as_str().map(str::to_owned)).collect())
}

/// Ids and titles of the catalogue, to suggest from.
pub(super) fn names(engine: &Engine) -> Vec<String> {
    const MOST: usize = 5_000;
    let catalog = engine.snapshot().catalog();
    let columns: Vec<String> =
        [Role::Id, Role::Title].iter().filter_map(|r| Some(quote(&catalog.with_role(*r)?.name))).collect();
    let statement = format!("SELECT {} FROM items LIMIT {MOST}", columns.join(", "));
    let answer = engine.sql(&statement, None, &SqlLimits::default());
    answer.map(|a| a.rows.into_iter().flatten().map(|v| v.to_string()).collect()).unwrap_or_default()
}

/// The predicate as an expression over the view: written by its own rules, not by those of the filter.
/// `None` for what SQL here has no words for (`matches`, `within_km`, a field that is not there).
pub(super) fn written(catalog: &Catalog, predicate: &Predicate) -> Option<String> {
    let all = |parts: &[Predicate], with: &str, none: &str| {
        let parts = parts.iter().map(|p| written(catalog, p)).collect::<Option<Vec<_>>>()?;
        Some(match parts.as_slice() {
            [] => none.to_owned(),
            [one] => one.clone(),
            _ => format!("({})", parts.join(with)),
        })
    };
    let condition = match predicate {
        Predicate::All { all: parts } => return all(parts, " AND ", "1"),
        Predicate::Any { any } => return all(any, " OR ", "0"),
        Predicate::Not { not } => return Some(format!("NOT {}", written(catalog, not)?)),
        Predicate::Field(condition) => condition,
    };
    let field = catalog.field(&condition.field)?;
    let name = plain_or_quoted(&field.name);
    let is_text = field.ty == FieldType::Text;
    let column = if is_text { format!("fold({name})") } else { name.clone() };
    let value = |v: &Value| match v {
        Value::Bool(truth) => i32::from(*truth).to_string(),
        v => v.as_f64().map_or_else(|| literal(&fold(&v.to_string())), |n| n.to_string()),
    };
    if condition.op == Operator::IsNull {
        let not = if condition.value == Value::Bool(true) { "" } else { "NOT " };
        return Some(format!("{name} IS {not}NULL"));
    }
    if field.ty == FieldType::Date {
        return dates(&name, condition.op, &condition.value).filter(|_| !field.multi);
    }
    let sign = match condition.op {
        Operator::Eq => "=",
        Operator::Ne => "!=",
        Operator::Lt => "<",
        Operator::Le => "<=",
        Operator::Gt => ">",
        Operator::Ge => ">=",
        _ => "",
    };
    let each = |of: &str| match (condition.op, condition.value.each()) {
        (Operator::Between, [low, high]) => Some(format!("{of} BETWEEN {} AND {}", value(low), value(high))),
        (Operator::In, list) => {
            Some(format!("{of} IN ({})", list.iter().map(value).collect::<Vec<_>>().join(", ")))
        }
        (Operator::StartsWith, [one]) => Some(format!("instr({of}, {}) = 1", value(one))),
        (Operator::Contains, [one]) => Some(format!("instr({of}, {}) > 0", value(one))),
        (_, [one]) if !sign.is_empty() => Some(format!("{of} {sign} {}", value(one))),
        _ => None,
    };
    if field.multi && sign.is_empty() {
        let of = if is_text { "fold(json_each.value)" } else { "json_each.value" };
        let exists = format!("EXISTS (SELECT 1 FROM json_each({name}) WHERE {})", each(of)?);
        return Some(format!("CASE WHEN {name} IS NULL THEN NULL ELSE {exists} END"));
    }
    each(&column)
}

/// A date is kept as its first instant; what it is compared with is a span.
fn dates(name: &str, op: Operator, value: &Value) -> Option<String> {
    let span = |v: &Value| parse_date(&v.to_string());
    Some(match (op, value.each()) {
        (Operator::Between, [low, high]) => {
            format!("({name} >= '{}' AND {name} < '{}')", span(low)?.start, span(high)?.end)
        }
        (Operator::In, list) => {
            let one = |v: &Value| Some(format!("({})", dates(name, Operator::Eq, v)?));
            format!("({})", list.iter().map(one).collect::<Option<Vec<_>>>()?.join(" OR "))
        }
        (Operator::Eq, [one]) => {
            let span = span(one)?;
            format!("({name} >= '{}' AND {name} < '{}')", span.start, span.end)
        }
        (Operator::Ne, [_]) => format!("NOT {}", dates(name, Operator::Eq, value)?),
        (Operator::Lt, [one]) => format!("{name} < '{}'", span(one)?.start),
        (Operator::Ge, [one]) => format!("{name} >= '{}'", span(one)?.start),
        (Operator::Le, [one]) => format!("{name} < '{}'", span(one)?.end),
        (Operator::Gt, [one]) => format!("{name} >= '{}'", span(one)?.end),
        _ => return None,
    })
}

/// Puts what a comparison with a field of several values means in the place of it: `genre = 'Horror'` holds if one of
/// the values is that, `genre != 'Horror'` if none is. Any other use of such a field by its bare name is refused, because
/// SQL would compare the JSON of the whole list and never find anything.
fn expand(catalog: &Catalog, expression: &str) -> Result<String, String> {
    let tokens = tokens(expression);
    // What is closed before it is opened would end the brackets that stand around the expression.
    let mut open = 0_i32;
    for (_, token) in &tokens {
        open += i32::from(*token == "(") - i32::from(*token == ")");
        if open < 0 {
            return Err("a bracket is closed that was never opened".to_owned());
        }
    }
    let at = |n: usize| tokens.get(n).map(|(_, text)| *text).unwrap_or_default();
    // The place of the n-th token after this one that is not blank.
    let after = |n: usize| (n + 1..tokens.len()).find(|i| !at(*i).trim().is_empty()).unwrap_or(tokens.len());
    let before = |n: usize| (0..n).rev().filter(|i| !at(*i).trim().is_empty());
    let mut out: Vec<String> = Vec::with_capacity(tokens.len());
    let mut n = 0;
    while n < tokens.len() {
        let name = at(n).trim_matches('"');
        let field = catalog.fields.iter().find(|f| {
            f.multi && f.name.eq_ignore_ascii_case(name) && tokens.get(n).is_some_and(|t| t.0 == Kind::Name)
        });
        let Some(field) = field else {
            out.push(at(n).to_owned());
            n += 1;
            continue;
        };
        let column = quote(&field.name);
        let mut back = before(n);
        let (opens, function) = (back.next().map(at), back.next().map(at).unwrap_or_default());
        let called = if opens == Some("(") { function.to_lowercase() } else { String::new() };
        let mut next = after(n);
        if ["json_each", "json_array_length", "json_extract"].contains(&called.as_str())
            || (at(next).eq_ignore_ascii_case("is"))
        {
            out.push(column);
            n += 1;
            continue;
        }
        let is_folded = called == "fold" && at(next) == ")";
        if is_folded {
            next = after(next);
        }
        let mut operator = at(next).to_lowercase();
        if operator == "not" && at(after(next)).eq_ignore_ascii_case("like") {
            next = after(next);
            operator.push_str(" like");
        }
        let mut literal = after(next);
        let sign = if at(literal) == "-" { "-" } else { "" };
        if !sign.is_empty() {
            literal = after(literal);
        }
        let (positive, negated) = match operator.as_str() {
            "=" | "==" | "has" => ("=", false),
            "!=" | "<>" => ("=", true),
            "like" => ("LIKE", false),
            "not like" => ("LIKE", true),
            "<" | "<=" | ">" | ">=" => (operator.as_str(), false),
            _ => ("", false),
        };
        let is_literal = tokens.get(literal).is_some_and(|t| matches!(t.0, Kind::Text | Kind::Number));
        if positive.is_empty() || !is_literal {
            return Err(format!(
                "`{name}` has several values; compare it with one of them, as in `{name} = 'x'` (one of them is x) or \
                 `{name} != 'x'` (none is), or write json_each({name})"
            ));
        }
        if is_folded {
            // The function and its bracket are written already.
            while out.pop().is_some_and(|t| !t.eq_ignore_ascii_case("fold")) {}
        }
        let value = if is_folded { "fold(json_each.value)" } else { "json_each.value" };
        let not = if negated { "NOT " } else { "" };
        out.push(format!(
            "(CASE WHEN {column} IS NULL THEN NULL ELSE {not}EXISTS (SELECT 1 FROM json_each({column}) WHERE {value} \
             {positive} {sign}{}) END)",
            at(literal)
        ));
        n = literal + 1;
    }
    Ok(out.concat())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Name,
    Text,
    Number,
    Other,
}

/// The expression in pieces, blanks included, so that they make it up again.
fn tokens(sql: &str) -> Vec<(Kind, &str)> {
    let mut found = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let run = |is: &dyn Fn(char) -> bool| rest.find(|c| !is(c)).unwrap_or(rest.len());
        let (kind, length) = match first {
            '\'' => (Kind::Text, closed(rest, '\'')),
            '"' => (Kind::Name, closed(rest, '"')),
            c if c.is_alphabetic() || c == '_' => (Kind::Name, run(&|c| c.is_alphanumeric() || c == '_')),
            c if c.is_ascii_digit() => (Kind::Number, run(&|c| c.is_ascii_digit() || c == '.')),
            c if c.is_whitespace() => (Kind::Other, run(&char::is_whitespace)),
            '<' | '>' | '=' | '!' => (Kind::Other, run(&|c| matches!(c, '<' | '>' | '=' | '!'))),
            c => (Kind::Other, c.len_utf8()),
        };
        let (token, left) = rest.split_at_checked(length).unwrap_or((rest, ""));
        found.push((kind, token));
        rest = left;
    }
    found
}

/// The length of a quoted text with its quotes; a doubled one stands for itself.
fn closed(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

fn id_of(catalog: &Catalog) -> String {
    catalog.with_role(Role::Id).map_or_else(|| "id".to_owned(), |f| f.name.clone())
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names that could be a word of SQL are quoted, others read better without.
fn plain_or_quoted(name: &str) -> String {
    const WORDS: [&str; 17] = [
        "group", "order", "index", "from", "to", "values", "cast", "table", "key", "set", "by", "in", "is",
        "not", "and", "or", "like",
    ];
    if WORDS.contains(&name) { quote(name) } else { name.to_owned() }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A value, cut where it is long.
fn brief(value: &Value) -> String {
    const MOST: usize = 60;
    let text = if value.is_null() { "unknown".to_owned() } else { value.to_string() };
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests;
