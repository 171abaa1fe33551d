//! From what is written in a `dataset.toml` to a [`Dataset`] that fits together.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use encoding_rs::Encoding;
use toml::Spanned;

use super::spec::{DatasetSpec, FieldSpec, InteractionsSpec, LinkSpec, TableSpec, UsersSpec};
use super::{
    Dataset, DatasetError, DatasetField, InteractionsSource, ItemsSource, Link, LinkMatch, Server,
    TableSource, UsersSource, defaults,
};
use crate::text::nearest_name;
use crate::{Field, FieldType, NumberForm, Role, Unit};

pub(super) fn parse(text: &str, path: &Path) -> Result<Dataset, DatasetError> {
    let file = File { text, path };
    let spec: DatasetSpec = toml::from_str(text).map_err(|e| file.malformed(&e))?;
    let items_span = spec.items.span();
    let items = spec.items.into_inner();
    let table = items.table();
    if table.table.is_some() && table.query.is_some() {
        return Err(file.wrong(items_span, "`items` has a `table` and a `query`; leave one out".into()));
    }
    let mut fields: Vec<DatasetField> = Vec::with_capacity(spec.fields.len());
    let mut names = BTreeSet::new();
    for field in spec.fields {
        let span = field.name.span();
        let mut field = file.field(field)?;
        field.field.language = field.field.language.or(spec.language);
        if !names.insert(field.field.name.clone()) {
            let message = format!("there are two fields `{}`; rename one", field.field.name);
            return Err(file.wrong(span, message));
        }
        fields.push(field);
    }
    for (role, need) in [
        (Role::Id, "the column that tells items apart"),
        (Role::Title, "the column that names items for people"),
    ] {
        let count = fields.iter().filter(|f| f.field.role == role).count();
        if count != 1 {
            let role = if role == Role::Id { "id" } else { "title" };
            let message = format!("{count} fields have the role `{role}` and exactly one must: {need}");
            return Err(file.wrong(items_span, message));
        }
    }
    if fields.iter().filter(|f| f.field.quality).count() > 1 {
        return Err(file.wrong(items_span, "more than one field has `quality = true`; keep it on one".into()));
    }
    let source = file.source(table, "items", items_span)?;
    Ok(Dataset {
        path: path.to_owned(),
        noun: spec.noun.unwrap_or_else(|| spec.name.trim_end_matches('s').to_owned()),
        name: spec.name,
        language: spec.language,
        attribution: spec.attribution,
        items: ItemsSource { source, missing: items.missing, duplicates: items.duplicates },
        interactions: spec.interactions.map(|i| file.interactions(i, &names)).transpose()?,
        users: spec.users.map(|u| file.users(u)).transpose()?,
        fields,
    })
}

struct File<'a> {
    text: &'a str,
    path: &'a Path,
}

impl File<'_> {
    fn field(&self, spec: FieldSpec) -> Result<DatasetField, DatasetError> {
        let span = spec.name.span();
        let name = spec.name.into_inner();
        let wrong = |message: String| Err(self.wrong(span.clone(), message));
        if !is_name(&name) {
            return wrong(format!(
                "`{name}` cannot name a field; use lower-case letters, digits and underscores, a letter first"
            ));
        }
        if RESERVED.contains(&name.as_str()) {
            return wrong(format!(
                "`{name}` is a column that the catalogue keeps for itself; call the field otherwise"
            ));
        }
        let mut field = Field::new(&name, spec.role);
        field.multi = spec.multi.unwrap_or(spec.separator.is_some());
        field.ty = spec.ty.unwrap_or(field.ty);
        if !fits(field.role, field.ty) {
            return wrong(format!("the type of `{name}` does not go with its role; leave `type` out"));
        }
        if field.multi && matches!(spec.role, Role::Id | Role::Title) {
            return wrong(format!(
                "`{name}` names items and can have only one value; leave `multi` and `separator` out"
            ));
        }
        if spec.quality && !field.ty.is_number() {
            return wrong(format!("`{name}` has `quality = true` and is not a number"));
        }
        let unit_scale = match (&spec.source_unit, &spec.unit) {
            (None, _) => 1.0,
            (Some(from), Some(to)) => match from.factor_to(to) {
                Some(factor) => factor,
                None => {
                    let (from, to) = (from.name(), to.name());
                    return wrong(format!(
                        "`{name}`: {from} do not convert to {to}; give `scale` instead of `source_unit`"
                    ));
                }
            },
            (Some(_), None) => {
                return wrong(format!(
                    "`{name}` has a `source_unit` and no `unit` to convert it to; add `unit`"
                ));
            }
        };
        let scale = unit_scale * spec.scale.unwrap_or(1.0);
        if !scale.is_finite() || scale == 0.0 {
            return wrong(format!("`{name}`: `scale` must be a number other than 0"));
        }
        if spec.decimal.is_some_and(|c| !matches!(c, '.' | ',')) {
            return wrong(format!("`{name}`: `decimal` is what stands before the decimals, \".\" or \",\""));
        }
        let numbers = NumberForm { decimal: spec.decimal, clock: spec.clock };
        if numbers != NumberForm::default() && !field.ty.is_number() {
            return wrong(format!("`{name}` has `decimal` or `clock` and is not a number"));
        }
        if spec.clock.is_some() && spec.unit.as_ref().and_then(Unit::dimension) != Some("duration") {
            return wrong(format!(
                "`{name}` has a `clock` and its `unit` is no duration; add `unit = \"minutes\"`"
            ));
        }
        if spec.dates.is_some() && field.ty != FieldType::Date {
            return wrong(format!("`{name}` has `dates` and is not a date"));
        }
        field.unit = spec.unit;
        field.language = spec.language;
        field.description = spec.description;
        field.aliases = spec.aliases;
        field.synonyms = spec.synonyms;
        field.boost = spec.boost.unwrap_or(field.boost);
        field.embed = spec.embed.unwrap_or(field.embed);
        field.quality = spec.quality;
        field.yields = spec.yields;
        if spec.high.is_none() && spec.low.is_none() {
            defaults::adjectives(&mut field);
        }
        field.high = spec.high.unwrap_or(field.high);
        field.low = spec.low.unwrap_or(field.low);
        let column = spec.column.unwrap_or(name);
        let (separator, suffixes, labels) = (spec.separator, spec.suffixes, spec.labels);
        Ok(DatasetField { field, column, separator, suffixes, labels, scale, numbers, dates: spec.dates })
    }

    fn users(&self, spec: Spanned<UsersSpec>) -> Result<UsersSource, DatasetError> {
        let (span, spec) = (spec.span(), spec.into_inner());
        Ok(UsersSource {
            source: self.source(spec.table(), "users", span)?,
            user: spec.user,
            attributes: spec.attributes,
            optional: spec.optional,
        })
    }

    fn interactions(
        &self,
        spec: Spanned<InteractionsSpec>,
        fields: &BTreeSet<String>,
    ) -> Result<InteractionsSource, DatasetError> {
        let (span, spec) = (spec.span(), spec.into_inner());
        Ok(InteractionsSource {
            source: self.source(spec.table(), "interactions", span)?,
            user: spec.user,
            item: spec.item,
            value: spec.value,
            time: spec.time,
            optional: spec.optional,
            link: spec.link.map(|l| self.link(l, fields)).transpose()?,
        })
    }

    fn link(&self, spec: Spanned<LinkSpec>, fields: &BTreeSet<String>) -> Result<Link, DatasetError> {
        let (span, spec) = (spec.span(), spec.into_inner());
        let source = self.source(spec.table(), "link", span)?;
        let mut matches = Vec::with_capacity(spec.matches.len());
        for each in spec.matches {
            let (span, field) = (each.field.span(), Spanned::into_inner(each.field));
            if !fields.contains(&field) {
                let nearest = did_you_mean(&field, fields.iter().map(String::as_str));
                return Err(self.wrong(span, format!("there is no field `{field}` to match with{nearest}")));
            }
            matches.push(LinkMatch { column: each.column, field, tolerance: each.tolerance });
        }
        Ok(Link { source, id: spec.id, matches })
    }

    fn source(
        &self,
        spec: TableSpec,
        section: &str,
        span: Range<usize>,
    ) -> Result<TableSource, DatasetError> {
        let TableSpec { file, postgres, table, query, delimiter, encoding } = spec;
        if let Some(label) = &encoding
            && Encoding::for_label(label.get_ref().as_bytes()).is_none()
        {
            let message = format!(
                "there is no encoding `{}`; write its name on the web, such as `windows-1252`, `iso-8859-2`, `shift_jis` or `utf-16le`",
                label.get_ref()
            );
            return Err(self.wrong(label.span(), message));
        }
        let encoding = encoding.map(Spanned::into_inner);
        let (file, postgres) = match (file, postgres) {
            // An absolute path replaces the folder when joined.
            (Some(file), None) => (self.path.parent().map_or(file.clone(), |folder| folder.join(file)), None),
            (None, Some(said)) => {
                let server = Server::new(said.get_ref());
                if let Some(fault) = server.fault() {
                    return Err(self.wrong(said.span(), fault.to_owned()));
                }
                if table.is_some() == query.is_some() {
                    let message =
                        format!("`{section}` needs a `query` or a `table` of its server, and one of them");
                    return Err(self.wrong(span, message));
                }
                (format!("{}.{section}", server.name()).into(), Some(server))
            }
            (file, _) => {
                let has = if file.is_some() { "both" } else { "neither" };
                let message = format!(
                    "`{section}` is in a `file` or on a `postgres` server, and {has} is given; give one"
                );
                return Err(self.wrong(span, message));
            }
        };
        Ok(TableSource { file, table, query, delimiter, encoding, postgres })
    }

    fn malformed(&self, error: &toml::de::Error) -> DatasetError {
        let mut message = error.message().trim_end().replace('\n', "; ");
        // serde says: unknown field `colum`, expected one of `name`, `role`, …
        if let Some(rest) = message.strip_prefix("unknown field `") {
            let mut quoted = rest.split('`');
            let unknown = quoted.next().unwrap_or_default().to_owned();
            let known: Vec<_> = quoted.skip(1).step_by(2).collect();
            let nearest = did_you_mean(&unknown, known.iter().copied());
            message = format!("there is no key `{unknown}` here{nearest}; the keys are {}", known.join(", "));
        }
        self.wrong(error.span().unwrap_or(0..0), message)
    }

    fn wrong(&self, span: Range<usize>, message: String) -> DatasetError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = 1 + before.matches('\n').count();
        DatasetError::Wrong { path: self.path.to_owned(), line, message }
    }
}

fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest_name(name, known).map_or_else(String::new, |n| format!("; did you mean `{n}`?"))
}

/// Columns of the items' table that are not fields, and SQLite's names for the row's number.
const RESERVED: &[&str] = &["ordinal", "hash", "rowid", "oid"];

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn fits(role: Role, ty: FieldType) -> bool {
    match role {
        Role::Number | Role::Latitude | Role::Longitude => ty.is_number(),
        Role::Date => ty == FieldType::Date,
        Role::Category => matches!(ty, FieldType::Text | FieldType::Boolean),
        _ => ty == FieldType::Text,
    }
}
