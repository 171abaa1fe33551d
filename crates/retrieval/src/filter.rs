//! A predicate as the set of items that satisfy it: one SQL statement a condition, and Kleene's three-valued logic
//! over bitmaps for the rest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roaring::RoaringBitmap;
use segue_catalog::{Condition, Operator, Predicate, Role, Snapshot, StoreError};

use crate::leaf;

/// How many conditions are remembered.
const REMEMBERED: usize = 256;

/// Evaluates predicates over one snapshot. What a condition gave is remembered: a conversation asks for the same
/// ones again and again.
#[derive(Debug)]
pub(crate) struct Filter {
    snapshot: Snapshot,
    remembered: Mutex<BTreeMap<(bool, String), Arc<RoaringBitmap>>>,
}

impl Filter {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Self { snapshot, remembered: Mutex::new(BTreeMap::new()) }
    }

    /// The items of which the predicate is known to have this truth. What is unknown is in neither set, so that null
    /// matches nothing, also under `not`.
    pub(crate) fn known_to_be(
        &self,
        truth: bool,
        predicate: &Predicate,
    ) -> Result<RoaringBitmap, StoreError> {
        match predicate {
            Predicate::All { all } if truth => self.every(all, truth),
            Predicate::All { all } => self.some(all, truth),
            Predicate::Any { any } if truth => self.some(any, truth),
            Predicate::Any { any } => self.every(any, truth),
            Predicate::Not { not } => self.known_to_be(!truth, not),
            Predicate::Field(condition) => Ok(self.condition(condition, truth)?.as_ref().clone()),
        }
    }

    fn every(&self, parts: &[Predicate], truth: bool) -> Result<RoaringBitmap, StoreError> {
        let mut found: Option<RoaringBitmap> = None;
        for part in parts {
            let part = self.known_to_be(truth, part)?;
            found = Some(match found {
                Some(found) => found & part,
                None => part,
            });
        }
        Ok(found.unwrap_or_else(|| self.snapshot.all()))
    }

    fn some(&self, parts: &[Predicate], truth: bool) -> Result<RoaringBitmap, StoreError> {
        let mut found = RoaringBitmap::new();
        for part in parts {
            found |= self.known_to_be(truth, part)?;
        }
        Ok(found)
    }

    fn condition(&self, condition: &Condition, truth: bool) -> Result<Arc<RoaringBitmap>, StoreError> {
        let key = (truth, serde_json::to_string(condition).unwrap_or_default());
        if let Some(found) = self.lock().get(&key) {
            return Ok(found.clone());
        }
        let found = match truth {
            true => leaf::holds(condition, &self.snapshot)?,
            false => self.decided(condition)? - self.condition(condition, true)?.as_ref(),
        };
        let found = Arc::new(found);
        let mut remembered = self.lock();
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(key, found.clone());
        Ok(found)
    }

    /// The items of which the condition is either true or false.
    fn decided(&self, condition: &Condition) -> Result<RoaringBitmap, StoreError> {
        let catalog = self.snapshot.catalog();
        match condition.op {
            Operator::IsNull => Ok(self.snapshot.all()),
            Operator::WithinKm => {
                let place = (catalog.with_role(Role::Latitude), catalog.with_role(Role::Longitude));
                let (Some(lat), Some(lon)) = place else { return Ok(RoaringBitmap::new()) };
                Ok(leaf::known(&lat.name, &self.snapshot)? & leaf::known(&lon.name, &self.snapshot)?)
            }
            _ => leaf::known(&condition.field, &self.snapshot),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(bool, String), Arc<RoaringBitmap>>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
