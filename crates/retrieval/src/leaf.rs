//! One condition on one field as one SQL statement: the items of which it is known to be true.

use std::borrow::Cow;

use roaring::RoaringBitmap;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};
use segue_catalog::text::{fold, has_words, words};
use segue_catalog::{
    Condition, Field, FieldType, Operator, Role, Snapshot, StoreError, Value, haversine_km, parse_date,
};

/// The items of which the condition is true. A field that is not there, or a value that the operator cannot use, gives
/// none.
pub(crate) fn holds(condition: &Condition, snapshot: &Snapshot) -> Result<RoaringBitmap, StoreError> {
    let Some((field, stored)) = field_of(&condition.field, snapshot) else { return Ok(RoaringBitmap::new()) };
    if condition.op == Operator::WithinKm {
        return within_km(condition, snapshot);
    }
    snapshot.with_connection(|connection| {
        let leaf = Leaf { connection, snapshot, field, stored };
        match condition.op {
            Operator::IsNull => {
                let known = leaf.known()?;
                let wants_null = condition.value == Value::Bool(true);
                Ok(if wants_null { snapshot.all() - known } else { known })
            }
            Operator::Ne => Ok(leaf.known()? - leaf.equal(&condition.value)?),
            Operator::Eq => leaf.equal(&condition.value),
            Operator::In => {
                let mut found = RoaringBitmap::new();
                for value in condition.value.each() {
                    found |= leaf.equal(value)?;
                }
                Ok(found)
            }
            Operator::Between => match condition.value.each() {
                [low, high] => Ok(leaf.compared(Operator::Ge, low)? & leaf.compared(Operator::Le, high)?),
                _ => Ok(RoaringBitmap::new()),
            },
            op => leaf.compared(op, &condition.value),
        }
    })
}

/// The items of which the field is known.
pub(crate) fn known(field: &str, snapshot: &Snapshot) -> Result<RoaringBitmap, StoreError> {
    let Some((field, stored)) = field_of(field, snapshot) else { return Ok(RoaringBitmap::new()) };
    snapshot.with_connection(|connection| Leaf { connection, snapshot, field, stored }.known())
}

/// A field of the catalogue and the number by which the table of values knows it.
fn field_of<'a>(name: &str, snapshot: &'a Snapshot) -> Option<(&'a Field, usize)> {
    let catalog = snapshot.catalog();
    let index = catalog.field_index(name)?;
    Some((catalog.fields.get(index)?, snapshot.stored_field(index)?))
}

struct Leaf<'a> {
    connection: &'a Connection,
    snapshot: &'a Snapshot,
    field: &'a Field,
    stored: usize,
}

type Found = rusqlite::Result<RoaringBitmap>;

impl Leaf<'_> {
    fn known(&self) -> Found {
        if self.field.role == Role::Category {
            return self.by_value("1", Vec::new());
        }
        self.by_column("{} IS NOT NULL", Vec::new())
    }

    fn equal(&self, value: &Value) -> Found {
        match self.field.ty {
            FieldType::Date => {
                let Some(span) = parse_date(&value.to_string()) else { return Ok(RoaringBitmap::new()) };
                self.by_column("{} >= ? AND {} < ?", vec![span.start.into(), span.end.into()])
            }
            FieldType::Text if self.field.role == Role::Category => {
                self.by_value("folded = ?", vec![fold(&value.to_string()).into()])
            }
            FieldType::Text if self.field.role == Role::Id => {
                self.by_column("{} = ?", vec![value.to_string().into()])
            }
            FieldType::Text => self.by_column("fold({}) = ?", vec![fold(&value.to_string()).into()]),
            FieldType::Boolean | FieldType::Integer | FieldType::Real => match number(value, self.field.ty) {
                Some(number) => self.by_column("{} = ?", vec![number]),
                None => Ok(RoaringBitmap::new()),
            },
        }
    }

    fn compared(&self, op: Operator, value: &Value) -> Found {
        let sign = match op {
            Operator::Lt => "<",
            Operator::Le => "<=",
            Operator::Gt => ">",
            Operator::Ge => ">=",
            _ => return self.like(op, value),
        };
        match self.field.ty {
            FieldType::Date => {
                let Some(span) = parse_date(&value.to_string()) else { return Ok(RoaringBitmap::new()) };
                // Before the first instant; or before, from or after the end of what the value names.
                let (sign, bound) = match op {
                    Operator::Lt => ("<", span.start),
                    Operator::Le => ("<", span.end),
                    Operator::Gt => (">=", span.end),
                    _ => (">=", span.start),
                };
                self.by_column(&format!("{{}} {sign} ?"), vec![bound.into()])
            }
            FieldType::Text if self.field.role == Role::Category => {
                self.by_value(&format!("folded {sign} ?"), vec![fold(&value.to_string()).into()])
            }
            FieldType::Text => {
                self.by_column(&format!("fold({{}}) {sign} ?"), vec![fold(&value.to_string()).into()])
            }
            FieldType::Boolean | FieldType::Integer | FieldType::Real => match number(value, self.field.ty) {
                Some(number) => self.by_column(&format!("{{}} {sign} ?"), vec![number]),
                None => Ok(RoaringBitmap::new()),
            },
        }
    }

    /// Contains, starts with, has all these words.
    fn like(&self, op: Operator, value: &Value) -> Found {
        let text = fold(&value.to_string());
        let parts: Vec<String> = match op {
            Operator::Matches => words(&text).collect(),
            _ => vec![text],
        };
        let is_category = self.field.role == Role::Category;
        let column: Cow<'_, str> = match (is_category, self.field.ty) {
            (true, _) => "folded".into(),
            // Dates and numbers are compared as they are written.
            (false, FieldType::Text) => format!("fold({})", quote(&self.field.name)).into(),
            (false, _) => format!("CAST({} AS TEXT)", quote(&self.field.name)).into(),
        };
        let test = match op {
            Operator::StartsWith => format!("substr({column}, 1, length(?)) = ?"),
            _ => vec![format!("instr({column}, ?) > 0"); parts.len()].join(" AND "),
        };
        let test = if test.is_empty() { "1".to_owned() } else { test };
        let arguments: Vec<Sql> = match op {
            Operator::StartsWith => parts.iter().flat_map(|p| [p.clone().into(), p.clone().into()]).collect(),
            _ => parts.iter().map(|p| p.clone().into()).collect(),
        };
        if op != Operator::Matches {
            return match is_category {
                true => self.by_value(&test, arguments),
                false => self.by_column(&test.replace("{}", &quote(&self.field.name)), arguments),
            };
        }
        // A word inside a longer one is not that word: what SQL lets through is looked at word by word.
        let wanted = fold(&value.to_string());
        let has_all = |text: &str| has_words(&fold(text), &wanted);
        let sql = match is_category {
            true => format!(
                "SELECT ordinal, folded FROM {} WHERE field = {} AND {test}",
                self.snapshot.table("values"),
                self.stored
            ),
            false => {
                let column = quote(&self.field.name);
                let table = self.snapshot.table("items");
                format!("SELECT ordinal, {column} FROM {table} WHERE {column} IS NOT NULL AND {test}")
            }
        };
        let mut found = RoaringBitmap::new();
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(arguments))?;
        while let Some(row) = rows.next()? {
            let text = row.get_ref(1)?;
            if text.as_str().is_ok_and(&has_all) {
                found.insert(row.get(0)?);
            }
        }
        Ok(found)
    }

    fn by_column(&self, test: &str, arguments: Vec<Sql>) -> Found {
        let test = test.replace("{}", &quote(&self.field.name));
        self.collect(&format!("SELECT ordinal FROM {} WHERE {test}", self.snapshot.table("items")), arguments)
    }

    fn by_value(&self, test: &str, arguments: Vec<Sql>) -> Found {
        let (table, stored) = (self.snapshot.table("values"), self.stored);
        self.collect(&format!("SELECT ordinal FROM {table} WHERE field = {stored} AND {test}"), arguments)
    }

    fn collect(&self, sql: &str, arguments: Vec<Sql>) -> Found {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(arguments))?;
        let mut found = RoaringBitmap::new();
        while let Some(row) = rows.next()? {
            found.insert(row.get(0)?);
        }
        Ok(found)
    }
}

fn number(value: &Value, ty: FieldType) -> Option<Sql> {
    match value {
        Value::Bool(truth) if ty == FieldType::Boolean => Some(Sql::Integer(i64::from(*truth))),
        Value::Integer(i) if ty != FieldType::Boolean => Some(Sql::Integer(*i)),
        Value::Real(r) if ty != FieldType::Boolean => Some(Sql::Real(*r)),
        _ => None,
    }
}

fn within_km(condition: &Condition, snapshot: &Snapshot) -> Result<RoaringBitmap, StoreError> {
    let catalog = snapshot.catalog();
    let place = (catalog.with_role(Role::Latitude), catalog.with_role(Role::Longitude));
    let (Some(latitude), Some(longitude)) = place else { return Ok(RoaringBitmap::new()) };
    let numbers: Vec<f64> = condition.value.each().iter().filter_map(Value::as_f64).collect();
    let [lat, lon, km] = numbers.as_slice() else { return Ok(RoaringBitmap::new()) };
    let (lat, lon, km) = (*lat, *lon, *km);
    // A band of latitudes first, by the index; then the distance itself.
    let degrees = km / 111.0;
    let sql = format!(
        "SELECT ordinal, {0}, {1} FROM {2} WHERE {0} BETWEEN ?1 AND ?2 AND {1} IS NOT NULL",
        quote(&latitude.name),
        quote(&longitude.name),
        snapshot.table("items")
    );
    snapshot.with_connection(|connection| {
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query([lat - degrees, lat + degrees])?;
        let mut found = RoaringBitmap::new();
        while let Some(row) = rows.next()? {
            if haversine_km((row.get(1)?, row.get(2)?), (lat, lon)) <= km {
                found.insert(row.get(0)?);
            }
        }
        Ok(found)
    })
}

/// A column's name in double quotes.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
