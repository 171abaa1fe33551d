//! A snapshot as the owner of the catalogue steers it: without the fields that are hidden and the items that are left
//! out, with the values' other words.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use roaring::RoaringBitmap;

use crate::text::fold;
use crate::{
    Catalog, FieldType, LexiconEntry, Ordinal, Role, Snapshot, Steering, SteeringError, StoreError,
    ValueCount, Workspace,
};

/// Items that are left out, and the catalogue without them.
#[derive(Debug)]
pub(crate) struct Absent {
    items: RoaringBitmap,
    pub(crate) catalog: Catalog,
    /// How many of them have a value: by field and folded value.
    lost: BTreeMap<(usize, String), u64>,
}

impl Snapshot {
    /// A generation, indexed or not, without the fields that the owner hides; rules and synonyms do not act on it.
    ///
    /// # Errors
    /// What keeps the generation or `steering.toml` from being read.
    pub fn shown(workspace: &Workspace, generation: u32) -> Result<Self, SteeringError> {
        let whole = Self::of(workspace, generation)?;
        let steering = Steering::hiding(workspace, &whole)?;
        Ok(if steering.is_empty() { whole } else { whole.steered(steering)? })
    }

    /// The same generation without the fields that are hidden, and with synonyms of category values among the fields' own.
    /// Rules act later: which of them hold depends on the day and the request.
    ///
    /// # Errors
    /// What keeps the catalogue from being read.
    pub fn steered(self, steering: Steering) -> Result<Self, StoreError> {
        let whole = self.catalog();
        let shown = |(i, f): (usize, &crate::Field)| (!steering.hidden.contains(&f.name)).then_some(i);
        let stored: Vec<usize> = whole.fields.iter().enumerate().filter_map(shown).collect();
        let mut catalog = whole.clone();
        let description = self.shared.description.clone();
        catalog.fields = stored.iter().filter_map(|i| whole.fields.get(*i)).cloned().collect();
        catalog.statistics = stored.iter().filter_map(|i| whole.statistics.get(*i)).cloned().collect();
        let view = Self::over(
            self.path().to_owned(),
            catalog.clone(),
            description.clone(),
            stored,
            Steering::default(),
        );
        for line in &steering.synonyms.lines {
            for value in &line.to {
                for entry in view.lexicon_exact(value)? {
                    let Some(field) =
                        catalog.fields.get_mut(entry.field).filter(|f| f.role == Role::Category)
                    else {
                        continue;
                    };
                    for word in line.from.iter().filter(|w| fold(w) != entry.folded) {
                        // A word that is a value itself means that value.
                        let is_value = view.lexicon_exact(word)?.iter().any(|e| e.field == entry.field);
                        if !is_value && !field.synonyms.contains_key(word) {
                            field.synonyms.insert(word.clone(), entry.value.clone());
                        }
                    }
                }
            }
        }
        let excluded = steering.rules.iter().filter(|r| r.effect == crate::steering::Effect::Exclude);
        let ever = excluded.fold(RoaringBitmap::new(), |all, rule| all | &rule.items);
        view.forget_examples(&mut catalog, &ever)?;
        let Self { shared, .. } = view;
        Ok(Self::over(self.path().to_owned(), catalog, description, shared.stored.clone(), steering))
    }

    /// What the owner says.
    pub fn steering(&self) -> &Steering {
        &self.shared.steering
    }

    /// The same without these items: nothing finds, counts or names them. Quantiles and ranges of numbers stay those of
    /// the whole catalogue.
    ///
    /// # Errors
    /// What keeps the catalogue from being read.
    pub fn without(&self, items: &RoaringBitmap) -> Result<Self, StoreError> {
        let all = Self { shared: self.shared.clone(), absent: None };
        if items.is_empty() {
            return Ok(all);
        }
        let mut latest = self.shared.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let absent = match latest.as_ref().filter(|absent| absent.items == *items) {
            Some(absent) => absent.clone(),
            None => Arc::new(Absent::new(&all, items)?),
        };
        *latest = Some(absent.clone());
        Ok(Self { absent: Some(absent), ..all })
    }

    /// True unless the item is left out.
    pub fn has(&self, item: Ordinal) -> bool {
        self.absent.as_ref().is_none_or(|absent| !absent.items.contains(item))
    }

    /// The items that are left out, if any are.
    pub fn left_out(&self) -> Option<&RoaringBitmap> {
        self.absent.as_ref().map(|absent| &absent.items)
    }

    /// All items that are there.
    pub fn all(&self) -> RoaringBitmap {
        let mut all = RoaringBitmap::new();
        all.insert_range(0..u32::try_from(self.shared.catalog.items).unwrap_or(u32::MAX));
        match self.left_out() {
            Some(items) => all - items,
            None => all,
        }
    }

    /// The number by which the table of values knows a field of the catalogue.
    pub fn stored_field(&self, index: usize) -> Option<usize> {
        self.shared.stored.get(index).copied()
    }

    /// The entry with the items that are there counted; `None` if none has the value.
    pub(crate) fn still_there(&self, mut entry: LexiconEntry) -> Option<LexiconEntry> {
        if let Some(absent) = &self.absent {
            entry.count = entry.count.saturating_sub(absent.lost_of(entry.field, &entry.folded));
        }
        (entry.count > 0).then_some(entry)
    }

    /// Takes texts of items that a rule leaves out, on whatever day, from the examples of fields: they stand in what
    /// models are told of tools.
    fn forget_examples(&self, catalog: &mut Catalog, items: &RoaringBitmap) -> Result<(), StoreError> {
        if items.is_empty() {
            return Ok(());
        }
        for (field, statistics) in catalog.fields.iter().zip(&mut catalog.statistics) {
            if field.ty == FieldType::Text && field.role != Role::Category {
                let theirs = self.column(&field.name, Some(items))?;
                statistics.examples.retain(|e| !theirs.iter().any(|(_, value)| value.each().contains(e)));
            }
        }
        Ok(())
    }
}

impl Absent {
    fn new(whole: &Snapshot, items: &RoaringBitmap) -> Result<Self, StoreError> {
        let mut catalog = whole.catalog().clone();
        let mut lost = BTreeMap::new();
        let mut known = vec![0; catalog.fields.len()];
        let ordinals: Vec<Ordinal> = items.iter().collect();
        for some in ordinals.chunks(1024) {
            for row in whole.rows(some)? {
                for (i, (value, field)) in row.values.iter().zip(&catalog.fields).enumerate() {
                    if let Some(known) = known.get_mut(i) {
                        *known += u64::from(!value.is_null());
                    }
                    if matches!(field.role, Role::Title | Role::Category) {
                        let folded: std::collections::BTreeSet<String> = value
                            .each()
                            .iter()
                            .filter(|v| !v.is_null())
                            .map(|v| fold(&v.to_string()))
                            .collect();
                        for value in folded {
                            *lost.entry((i, value)).or_insert(0) += 1;
                        }
                    }
                }
            }
        }
        catalog.items = catalog.items.saturating_sub(items.len());
        let absent = Self { items: items.clone(), catalog: catalog.clone(), lost };
        for (i, (statistics, known)) in catalog.statistics.iter_mut().zip(known).enumerate() {
            statistics.known = statistics.known.saturating_sub(known);
            statistics.nulls = statistics.nulls.saturating_sub(items.len() - known);
            let left = |ValueCount { value, count }: ValueCount| {
                let count = count.saturating_sub(absent.lost_of(i, &fold(&value.to_string())));
                (count > 0).then_some(ValueCount { value, count })
            };
            let before = statistics.top.len();
            statistics.top = std::mem::take(&mut statistics.top).into_iter().filter_map(left).collect();
            statistics.distinct = statistics.distinct.saturating_sub((before - statistics.top.len()) as u64);
            statistics.top.sort_by(|a, b| {
                b.count.cmp(&a.count).then_with(|| a.value.to_string().cmp(&b.value.to_string()))
            });
        }
        Ok(Self { catalog, ..absent })
    }

    fn lost_of(&self, field: usize, folded: &str) -> u64 {
        self.lost.get(&(field, folded.to_owned())).copied().unwrap_or_default()
    }
}
