/// Numbers in rows of one length: logits, embeddings, hidden states. One row a token.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    width: usize,
    values: Vec<f32>,
}

impl Rows {
    /// Cuts `values` into rows of `width` numbers; what is left over at the end is dropped.
    pub fn new(width: usize, mut values: Vec<f32>) -> Self {
        values.truncate(values.len().checked_div(width).unwrap_or(0) * width);
        Self { width, values }
    }

    /// How many numbers a row has.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// One row; empty if there is none of this number.
    pub fn row(&self, at: usize) -> &[f32] {
        self.iter().nth(at).unwrap_or_default()
    }

    /// The last row; empty if there is none.
    pub fn last(&self) -> &[f32] {
        self.row(self.len().saturating_sub(1))
    }

    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }

    /// All numbers, row after row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Adds the rows of `other` at the end.
    pub(crate) fn extend(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
        } else if self.width == other.width {
            self.values.extend(other.values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_and_joined() {
        let mut rows = Rows::new(2, vec![1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!((rows.len(), rows.row(1), rows.row(2)), (2, &[3.0, 4.0][..], &[][..]));
        rows.extend(Rows::new(2, vec![6.0, 7.0]));
        assert_eq!((rows.len(), rows.last()), (3, &[6.0, 7.0][..]));
        assert!(Rows::new(0, vec![1.0]).is_empty() && Rows::default().iter().next().is_none());
    }
}
