//! The sentence embedder with its real weights, if they are on the shelf or can be fetched.

use std::num::NonZeroUsize;
use std::sync::Arc;

use segue_models::{Embedder, SentenceEmbedder, SentenceOptions, Shelf};
use segue_world::RealWorld;

#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn open_model(model: &str, threads: usize) -> Option<SentenceEmbedder> {
    let shelf = Shelf::new(Arc::new(RealWorld::new())).ok()?;
    let options =
        SentenceOptions { threads: NonZeroUsize::new(threads)?, ..SentenceOptions::with_model(model) };
    SentenceEmbedder::open(&shelf, &options, &mut |_| ())
        .inspect_err(|error| println!("skipped: {error}"))
        .ok()
}

fn open(threads: usize) -> Option<SentenceEmbedder> {
    open_model("all-minilm-l6-v2", threads)
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The first numbers of vectors computed in double precision from the same weights by a forward pass written
/// independently in numpy, token by token as in the paper.
#[test]
fn vectors_are_those_of_the_published_model() {
    let Some(embedder) = open(1) else { return };
    let expected: [(&str, [f32; 6]); 3] = [
        (
            "a slow film about the sea",
            [-0.032_495_8, 0.055_400_0, 0.024_161_8, 0.023_636_9, 0.019_073_0, -0.004_760_3],
        ),
        ("Ünïcödé 東京", [0.060_999_6, 0.026_781_3, 0.041_200_6, -0.059_879_0, -0.130_148_1, -0.022_710_6]),
        (
            &"the sea ".repeat(300),
            [-0.051_490_2, 0.020_607_6, 0.015_844_6, -0.020_141_1, -0.040_726_8, 0.046_640_1],
        ),
    ];
    for (text, numbers) in expected {
        let vector = embedder.embed(&[text]).unwrap().remove(0);
        assert_eq!(vector.len(), embedder.dimensions());
        for (ours, theirs) in vector.iter().zip(numbers) {
            assert!((ours - theirs).abs() < 1e-5, "{text}: {ours} instead of {theirs}");
        }
    }
}

#[test]
fn a_vector_does_not_depend_on_its_company() {
    let Some(embedder) = open(2) else { return };
    let texts: Vec<String> = (0..300)
        .map(|n| format!("film number {n} {}", "about the sea and its people ".repeat(n % 8)))
        .collect();
    let forward: Vec<&str> = texts.iter().map(String::as_str).collect();
    let backward: Vec<&str> = forward.iter().rev().copied().collect();
    let (one, other) = (embedder.embed(&forward).unwrap(), embedder.embed(&backward).unwrap());
    assert_eq!(one.len(), texts.len());
    for (a, b) in one.iter().zip(other.iter().rev()) {
        assert!(cosine(a, b) > 0.99999 && (cosine(a, a) - 1.0).abs() < 1e-5);
    }
    let alone = embedder.embed(&[forward[17]]).unwrap();
    assert!(cosine(&alone[0], &one[17]) > 0.99999);
    assert!(embedder.embed(&[]).unwrap().is_empty());
}

/// The first numbers of vectors computed in double precision from the same 4-bit weights by a forward pass written
/// independently in numpy; the weights' own engine agrees with it to a cosine of 0.99993.
#[test]
fn the_multilingual_model_is_the_published_one_and_tells_questions_from_texts() {
    let Some(embedder) = open_model("multilingual-e5-small", 1) else { return };
    let (dutch, chinese) = ("een rustige film over de zee", "关于大海的安静电影");
    let passage = embedder.embed(&[dutch]).unwrap().remove(0);
    let query = embedder.embed_queries(&[chinese]).unwrap().remove(0);
    // The hub's weights are not rounded to 4 bits.
    let tolerance = if embedder.fingerprint().contains("/1571fc98") { 2e-4 } else { 0.05 };
    let expected: [(&[f32], [f32; 6]); 2] = [
        (&passage, [0.059_388, -0.021_043, -0.078_416, -0.090_542, 0.052_852, -0.023_125]),
        (&query, [0.069_593, -0.009_357, -0.066_956, -0.034_353, 0.116_228, -0.038_823]),
    ];
    for (vector, numbers) in expected {
        assert_eq!(vector.len(), 384);
        for (ours, theirs) in vector.iter().zip(numbers) {
            assert!((ours - theirs).abs() < tolerance, "{ours} instead of {theirs}");
        }
    }
    let other = embedder.embed(&["de jaarrekening van een timmerbedrijf"]).unwrap().remove(0);
    assert!(cosine(&query, &passage) > cosine(&query, &other) + 0.03);
    assert!(cosine(&passage, &embedder.embed_queries(&[dutch]).unwrap()[0]) < 0.999);
}
