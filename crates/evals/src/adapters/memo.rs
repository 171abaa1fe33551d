//! The rankings of the last searches, so that variants that fuse the same ones differently do not search again for each. What a
//! search took is remembered with it, and counts for every variant that uses it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use segue_catalog::Scored;
use segue_world::World;

use crate::suite::{CaseError, Search};

/// Searches that are kept: variants of one case run close together.
const KEPT: usize = 64;

/// Items, best first, and milliseconds.
pub(super) type Ranked = Result<(Arc<Vec<Scored>>, f64), CaseError>;

#[derive(Debug, Default)]
pub(super) struct Memo {
    last: Mutex<VecDeque<(Search, String, Arc<OnceLock<Ranked>>)>>,
}

impl Memo {
    /// The ranking of these words, searched for now or just before. Of two who want the same at once, one searches.
    pub(super) fn ranking(
        &self,
        search: &Search,
        words: &str,
        world: &dyn World,
        run: impl FnOnce() -> Result<Vec<Scored>, CaseError>,
    ) -> Ranked {
        let cell = self.cell(search, words);
        let timed = || {
            let began = world.elapsed();
            let items = run()?;
            let ms = world.elapsed().saturating_sub(began).as_secs_f64() * 1000.0;
            Ok((Arc::new(items), ms))
        };
        cell.get_or_init(timed).clone()
    }

    fn cell(&self, search: &Search, words: &str) -> Arc<OnceLock<Ranked>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., cell)) = last.iter().find(|(s, w, _)| s == search && w == words) {
            return cell.clone();
        }
        let cell = Arc::new(OnceLock::new());
        last.push_back((search.clone(), words.to_owned(), cell.clone()));
        if last.len() > KEPT {
            last.pop_front();
        }
        cell
    }
}
