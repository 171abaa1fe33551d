use sha2::{Digest, Sha256};

use crate::embedder::normalise;
use crate::{EmbedError, Embedder};

/// A stand-in for a model in tests: needs no weights, is the same on every machine, and knows no meaning.
///
/// Every word, lowercased, adds ±1 to one place of the vector (feature hashing: Weinberger et al., "Feature
/// hashing for large scale multitask learning", 2009), so texts are close if they share words and only then.
/// Nothing that a user sees may come from it.
///
/// ```
/// use segue_models::{Embedder, HashEmbedder};
///
/// let embedder = HashEmbedder::new(64);
/// let vectors = embedder.embed(&["a quiet space film", "film space, a QUIET"])?;
/// assert_eq!(vectors[0], vectors[1]);
/// # Ok::<(), segue_models::EmbedError>(())
/// ```
#[derive(Debug, Clone)]
pub struct HashEmbedder {
    dimensions: usize,
    fingerprint: String,
}

impl HashEmbedder {
    /// An embedder with vectors of `dimensions` numbers, at least one.
    pub fn new(dimensions: usize) -> Self {
        let dimensions = dimensions.max(1);
        Self { dimensions, fingerprint: format!("hash-for-tests/{dimensions}") }
    }

    fn vector(&self, text: &str) -> Vec<f32> {
        let mut vector = vec![0.0; self.dimensions];
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            let digest: [u8; 32] = Sha256::digest(word.to_lowercase().as_bytes()).into();
            let [a, b, c, d, sign, ..] = digest;
            let place = u32::from_le_bytes([a, b, c, d]) as usize % self.dimensions;
            if let Some(x) = vector.get_mut(place) {
                *x += if sign & 1 == 0 { 1.0 } else { -1.0 };
            }
        }
        // Without a word, or where signs cancel out, there is still a direction: vectors have length one.
        if vector.iter().all(|x| *x == 0.0)
            && let Some(first) = vector.first_mut()
        {
            *first = 1.0;
        }
        normalise(&mut vector);
        vector
    }
}

impl Embedder for HashEmbedder {
    fn name(&self) -> &'static str {
        "hash-for-tests"
    }

    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(texts.iter().map(|text| self.vector(text)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(texts: [&str; 2]) -> f32 {
        let vectors = HashEmbedder::new(256).embed(&texts).unwrap();
        vectors[0].iter().zip(&vectors[1]).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn vectors_have_length_one_also_of_nothing() {
        for text in ["", "—", "one", "one two three"] {
            assert!((cosine([text, text]) - 1.0).abs() < 1e-6, "{text}");
        }
    }

    #[test]
    fn texts_are_as_close_as_they_share_words() {
        let query = "a slow film about the sea";
        assert!(cosine([query, "the sea, slow"]) > cosine([query, "the city, fast"]));
    }
}
