use std::sync::Arc;

use roaring::RoaringBitmap;
use segue_catalog::{Ordinal, Scored};
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::ColumnValues;
use tantivy::index::SegmentReader;
use tantivy::{DocId, Score, SegmentOrdinal};

/// Collects every match of the pool with its score. Nothing is cut, and nothing outside the pool is looked at.
pub(crate) struct Everything<'a> {
    pub(crate) ordinal: &'static str,
    pub(crate) within: Option<&'a RoaringBitmap>,
}

impl Collector for Everything<'_> {
    type Fruit = Vec<Scored>;
    type Child = OfSegment;

    fn for_segment(&self, _: SegmentOrdinal, reader: &SegmentReader) -> tantivy::Result<OfSegment> {
        let ordinals = reader.fast_fields().u64(self.ordinal)?.first_or_default_col(u64::MAX);
        // A segment's collector may not borrow; a pool is a few kilobytes.
        Ok(OfSegment { ordinals, within: self.within.cloned(), found: Vec::new() })
    }

    fn requires_scoring(&self) -> bool {
        true
    }

    fn merge_fruits(&self, parts: Vec<Vec<Scored>>) -> tantivy::Result<Vec<Scored>> {
        let mut all: Vec<Scored> = parts.into_iter().flatten().collect();
        all.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
        Ok(all)
    }
}

pub(crate) struct OfSegment {
    ordinals: Arc<dyn ColumnValues<u64>>,
    within: Option<RoaringBitmap>,
    found: Vec<Scored>,
}

impl SegmentCollector for OfSegment {
    type Fruit = Vec<Scored>;

    fn collect(&mut self, document: DocId, score: Score) {
        let item = self.ordinals.get_val(document) as Ordinal;
        if self.within.as_ref().is_none_or(|pool| pool.contains(item)) {
            self.found.push(Scored { item, score: f64::from(score) });
        }
    }

    fn harvest(self) -> Vec<Scored> {
        self.found
    }
}
