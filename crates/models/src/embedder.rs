use std::fmt::Debug;

/// Turns texts into vectors.
///
/// The vectors are L2-normalised, so that a dot product is a cosine. The same text gives the same vector
/// (to within rounding) whatever it is embedded together with.
pub trait Embedder: Send + Sync + Debug {
    /// The name to show and to store: `all-minilm-l6-v2`.
    fn name(&self) -> &str;

    /// What the vectors depend on: vectors of two embedders may be compared only if this is equal.
    fn fingerprint(&self) -> &str;

    /// How many numbers a vector has.
    fn dimensions(&self) -> usize;

    /// One vector a text of the catalogue, in the order of `texts`.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError>;

    /// One vector a question, to compare with those of texts. Models that tell the two apart make another of it.
    fn embed_queries(&self, queries: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.embed(queries)
    }
}

/// Why texts could not be embedded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// The model or its runtime could not be loaded.
    #[error("cannot load the embedding model `{model}`: {reason}; remedy: {remedy}")]
    Load {
        /// Name of the model.
        model: String,
        /// What happened.
        reason: String,
        /// What whoever runs this can do.
        remedy: String,
    },
    /// The model was loaded and failed on these texts.
    #[error("the embedding model `{model}` failed on {texts} texts: {reason}")]
    Run {
        /// Name of the model.
        model: String,
        /// How many texts it was given.
        texts: usize,
        /// What happened.
        reason: String,
    },
    /// The model gave something that is not a vector of length one per text.
    #[error("the embedding model `{model}` gave a wrong result: {reason}")]
    Result {
        /// Name of the model.
        model: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Scales `vector` to length one; a vector of zeros stays as it is.
pub(crate) fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 {
        for x in vector {
            *x = (f64::from(*x) / length) as f32;
        }
    }
}
